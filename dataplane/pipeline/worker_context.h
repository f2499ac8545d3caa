// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <array>
#include <cstdint>

#include "dataplane/state/neighbor_table.h"
#include "dataplane/state/punt_class.h"
#include "dataplane/state/token_bucket.h"
#include "dataplane/state/worker_counters.h"
#include "proto/link/segment_format.h"

namespace simplon {

// Everything one worker (or the slow path) writes while it forwards. Owned by that thread.
struct alignas(64) WorkerContext {
  // `index` of `count` workers: spreads IPv4 identifications, so that no two workers use the same
  // one. The slow path is none of them.
  WorkerContext(uint64_t* counter_column, TunnelCounters* tunnels,
                const NeighborTable& neighbor_table, uint16_t index, uint16_t count)
      : counters(counter_column),
        tunnel_counters(tunnels),
        neighbors(&neighbor_table),
        next_ipv4_id(index),
        ipv4_id_stride(count) {
    for (std::size_t c = 0; c < kPuntClassCount; ++c) {
      punt_budget[c] = TokenBucket(kPuntClasses[c].rate, kPuntClasses[c].burst);
    }
  }

  WorkerCounters counters;
  TunnelCounters* tunnel_counters;  // [slot_capacity of the segment], this column's
  const NeighborTable* neighbors;
  uint64_t now_ns = 0;  // set by the front end before each burst; monotonic
  uint16_t next_ipv4_id;
  uint16_t ipv4_id_stride;
  std::array<TokenBucket, kPuntClassCount> punt_budget;
};

}  // namespace simplon
