// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <cstdlib>
#include <random>
#include <vector>

namespace simplon::testing {

// Fixed seeds and a fresh one, for properties. A failure prints its seed; SIMPLON_SEED=N runs that
// one alone.
inline std::vector<uint64_t> property_seeds(unsigned fixed) {
  // NOLINTNEXTLINE(concurrency-mt-unsafe): nothing changes the environment
  if (const char* only = std::getenv("SIMPLON_SEED")) return {std::strtoull(only, nullptr, 10)};
  std::vector<uint64_t> seeds;
  for (unsigned i = 1; i <= fixed; ++i) seeds.push_back(i);
  seeds.push_back(std::random_device{}());
  return seeds;
}

}  // namespace simplon::testing
