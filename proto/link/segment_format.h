// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The counters segment: shared memory the dataplane owns and writes and control reads (mapped
// read-only), a file in the dataplane's state directory, which therefore outlives either process. A
// reader never asks the workers for anything.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace simplon {

inline constexpr char kCountersMagic[8] = {'S', 'I', 'M', 'P', 'L', 'O', 'N', 'C'};
inline constexpr uint16_t kSegmentAbiMajor = 1;
inline constexpr std::size_t kMaxWorkers = 32;  // columns without the slow path's
inline constexpr std::size_t kWorkerCounterCapacity =
    512;  // u64 per column; names from dataplane/state/*.def

// First page of a segment. `ready` is stored last, with release, once everything else is in place.
struct SegmentHeader {
  char magic[8];
  uint16_t abi_major;
  uint16_t reserved0;
  uint32_t header_size;
  uint64_t total_size;
  uint64_t instance_id;   // random, of the process that created the segment
  uint32_t column_count;  // workers + 1; the last column is the slow path's
  uint32_t slot_capacity;
  uint64_t worker_counters_offset;  // uint64_t[column_count][kWorkerCounterCapacity]
  uint64_t tunnel_counters_offset;  // TunnelCounters[column_count][slot_capacity]
  uint64_t reserved1;
  uint32_t counter_list_hash;  // of the names in worker_counters.def and drop_reasons.def: both
                               // sides must agree
  std::atomic<uint32_t> ready;
};
static_assert(sizeof(SegmentHeader) <= 4096);
static_assert(std::atomic<uint32_t>::is_always_lock_free);

// Inner packets and bytes (IPv6 header included) of one tunnel, counted once every check has
// passed, by one worker. in: from the client; out: to the client. Single writer; readers use
// relaxed loads.
struct alignas(32) TunnelCounters {
  uint64_t in_packets;
  uint64_t in_bytes;
  uint64_t out_packets;
  uint64_t out_bytes;
};
static_assert(sizeof(TunnelCounters) == 32);

}  // namespace simplon
