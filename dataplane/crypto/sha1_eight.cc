// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#define SIMPLON_VECTORS [[gnu::target("avx2"), gnu::always_inline]] inline
#include "dataplane/crypto/sha1_engines.h"
#include "dataplane/crypto/sha1_vectors.h"

namespace simplon {

bool has_sha1_eight() {
  return __builtin_cpu_supports("avx2");
}

[[gnu::target("avx2")]] void sha1_eight(std::span<Sha1Lane* const> lanes, std::size_t blocks) {
  compress<8>(lanes, blocks);
}

}  // namespace simplon
