// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "dataplane/link/command_queue.h"
#include "dataplane/pipeline/forwarding_table.h"
#include "dataplane/port/tsc_clock.h"
#include "dataplane/slowpath/slow_path.h"
#include "dataplane/state/event_sink.h"
#include "dataplane/state/note_queue.h"
#include "dataplane/table/active_table.h"
#include "dataplane/worker/mbuf_packet_io.h"
#include "dataplane/worker/qsbr_gate.h"
#include "dataplane/worker/wall_clock.h"

struct rte_ring;

namespace simplon {

// Runs SlowPath: drains the punt rings of all workers, keeps its timers. A reader of the table like
// the workers.
class SlowPathThread {
 public:
  struct Config {
    std::size_t reader = 0;         // number at the gate
    std::vector<rte_ring*> punts;   // one per worker; this thread is their only consumer
    std::vector<NoteQueue*> notes;  // one per worker; the same
    std::vector<const TunnelCounters*> tunnel_counters;  // of all columns
    uint64_t seed = 0;
  };

  // From the manager to this thread.
  struct Inbox {
    CommandQueue commands;
    NoteQueue notes;  // of what no worker can see
  };

  // References outlive the object.
  SlowPathThread(Config config, WorkerContext& context, NeighborTable& neighbors, MbufPacketIo& io,
                 const ActiveTable<ForwardingTable>& active, QsbrGate& gate, const TscClock& clock,
                 const WallClock& wall_clock, EventSink& events, Inbox& inbox);

  // Until `stop`, which must not be set before the workers have ended: then the rings are empty
  // when it returns, and nothing is held.
  void run(const std::atomic<bool>& stop);

  // Any thread. At most 100 ms old.
  std::vector<NeighborStatus> neighbors() const;
  TunnelSummary tunnels() const;

 private:
  void read_clock();
  unsigned drain();
  void drain_notes(const ForwardingTable& table);
  // Ticks when it is time, and at once for a table not seen before.
  void keep_time(const ForwardingTable& table);
  void handle(const ForwardingTable& table, void* mbuf);
  void tick(const ForwardingTable& table, uint64_t now_ns);

  Config config_;
  WorkerContext& context_;
  MbufPacketIo& io_;
  const ActiveTable<ForwardingTable>& active_;
  QsbrGate& gate_;
  const TscClock& clock_;
  const WallClock& wall_clock_;
  EventSink& events_;
  Inbox& inbox_;
  SlowPath slow_path_;
  uint64_t next_tick_ns_ = 0;
  uint64_t ticked_generation_ = 0;  // 0: none
  uint64_t next_report_ns_ = 0;
  mutable std::mutex report_mutex_;
  std::vector<NeighborStatus> report_;
  TunnelSummary tunnels_;
};

}  // namespace simplon
