// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <span>

namespace simplon {

// The law every packet obeys, summed over all columns (docs/counters.md). Exact whenever no packet
// is being worked on; a reader of a busy dataplane sees the difference of the packets in flight
// between two loads.
struct Conservation {
  uint64_t rx = 0;
  uint64_t originated = 0;
  uint64_t fragments_made = 0;
  uint64_t tx = 0;
  uint64_t consumed = 0;
  uint64_t drops = 0;
  uint64_t held = 0;

  int64_t imbalance() const {
    return static_cast<int64_t>(rx + originated + fragments_made) -
           static_cast<int64_t>(tx + consumed + drops + held);
  }
};

// `columns`: the worker counters of each worker and of the slow path.
Conservation conservation(std::span<const uint64_t* const> columns);

}  // namespace simplon
