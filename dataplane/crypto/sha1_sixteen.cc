// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#define SIMPLON_VECTORS [[gnu::target("avx512f,avx512bw"), gnu::always_inline]] inline
#include "dataplane/crypto/sha1_engines.h"
#include "dataplane/crypto/sha1_vectors.h"

namespace simplon {

bool has_sha1_sixteen() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
}

[[gnu::target("avx512f,avx512bw")]] void sha1_sixteen(std::span<Sha1Lane* const> lanes,
                                                      std::size_t blocks) {
  compress<16>(lanes, blocks);
}

}  // namespace simplon
