// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <random>
#include <string>

#include "simplon/v1/config.pb.h"

namespace simplon::testing {

using Random = std::mt19937_64;

// A number in [low, high].
inline uint64_t pick(Random& random, uint64_t low, uint64_t high) {
  return std::uniform_int_distribution<uint64_t>(low, high)(random);
}

// A valid, normalised configuration: 1..64 pools of all kinds, families and sizes in several
// address ranges, and up to `max_tunnels` tunnels of all types with everything that can be set set
// at random.
v1::Config random_config(Random& random, unsigned max_tunnels = 60);

// As many tunnels of one type as asked for in one LINK, one ROUTED and one DELEGATED pool, for
// benchmarks.
v1::Config uniform_config(uint32_t tunnels, v1::Tunnel::Type type = v1::Tunnel::PROTO41);

}  // namespace simplon::testing
