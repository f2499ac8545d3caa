// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/path/beat_text.h"

#include "dataplane/crypto/md5.h"

namespace simplon::client {
namespace {

std::string hex(const Md5Digest& digest) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * digest.size());
  for (const uint8_t byte : digest) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace

std::string beat_text(const TunnelInfo& tunnel, uint64_t now_s) {
  const std::string signed_text =
      "HEARTBEAT TUNNEL " + tunnel.client.to_string() + " sender " + std::to_string(now_s) + ' ';
  return signed_text + hex(md5(signed_text, tunnel.password));
}

}  // namespace simplon::client
