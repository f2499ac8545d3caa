// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The one message at a time of sha1_batch.h, by itself: clients need no more.

// OpenSSL 3 would rather have its message digests fetched by name, which costs more than the hash
// of a short packet does. The plain functions stay.
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

#include "dataplane/crypto/sha1_batch.h"

namespace simplon {

std::array<uint8_t, kSha1Size> sha1(std::span<const uint8_t> message) {
  std::array<uint8_t, kSha1Size> digest;
  SHA_CTX context;
  SHA1_Init(&context);
  SHA1_Update(&context, message.data(), message.size());
  SHA1_Final(digest.data(), &context);
  return digest;
}

}  // namespace simplon
