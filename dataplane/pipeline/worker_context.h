// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <array>
#include <cstdint>

#include "dataplane/pipeline/bucket_table.h"
#include "dataplane/state/error_ledger.h"
#include "dataplane/state/neighbor_table.h"
#include "dataplane/state/note_queue.h"
#include "dataplane/state/punt_class.h"
#include "dataplane/state/token_bucket.h"
#include "dataplane/state/tunnel_runtime.h"
#include "dataplane/state/worker_counters.h"
#include "proto/link/segment_format.h"

namespace simplon {

class AyiyaWorker;
class PacketIo;
struct StageProfile;

// The time as packets are judged by it. Set by the front end before each burst.
struct BurstTime {
  uint64_t now_ns = 0;   // monotonic
  uint64_t unix_ns = 0;  // system clock
  uint32_t boot_s = 0;   // CLOCK_BOOTTIME
  // For ten minutes after the system clock has jumped: seconds since 1970 by the clock as it was
  // before; else 0. Present endpoints are believed by either clock.
  uint32_t unix_before_step_s = 0;

  uint32_t unix_s() const { return static_cast<uint32_t>(unix_ns / 1'000'000'000); }
};

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
  uint64_t now_ns = 0;  // of `time`
  BurstTime time;
  uint16_t next_ipv4_id;
  uint16_t ipv4_id_stride;
  uint8_t bursts_without_plain = 0;  // that follow: process_burst()'s own
  std::array<TokenBucket, kPuntClassCount> punt_budget;

  // In front of PuntClass::kNewBeat: one flooder starves its own bucket only.
  SourcePolicer<50, 100> new_beats;
  // Bytes towards endpoints that have not shown that they are there (docs/protocols.md §10.5).
  BucketTable<4096> unverified;

  // Set by whoever owns the memory before the first burst. A table without dynamic tunnels does
  // without them.
  RuntimeTable runtime;
  ErrorLedger ledger;
  NoteQueue* notes = nullptr;    // to the slow path; null: notes are lost
  AyiyaWorker* ayiya = nullptr;  // hash engine and budgets of this thread; null: AYIYA is refused
  PacketIo* io = nullptr;        // for an answer beside the packet it is to; null: it is not given
  StageProfile* profile = nullptr;  // of this burst; null: nobody asks

  void set_time(const BurstTime& t) {
    time = t;
    now_ns = t.now_ns;
  }
};

}  // namespace simplon
