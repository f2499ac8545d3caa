// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The slow path: everything that is not plain forwarding (docs/protocols.md §4-§6). One more
// WorkerContext without receive queues: its own column of the counters, its own way out. DPDK-free:
// the dataplane, the offline tool and the fuzzers run the same code. One thread. The
// front end sets the time of the context (WorkerContext::set_time) before each call.

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/pipeline/packet_io.h"
#include "dataplane/pipeline/pipeline.h"
#include "dataplane/state/event_sink.h"
#include "proto/link/link_messages.h"

namespace simplon {

// Dynamic tunnels that are enabled.
struct TunnelSummary {
  uint64_t up = 0;
  uint64_t down = 0;
  uint64_t unverified = 0;  // of those up
};

class SlowPath {
 public:
  // References outlive the object. Random values (keys of probes, timers' jitter) come from `seed`:
  // fixed in the offline tool. `announce`: tell each link about the PoP's addresses when they
  // become active (gratuitous ARP, unsolicited neighbour advertisement). `events`: is told what
  // happens to tunnels; null: nobody is.
  SlowPath(WorkerContext& context, NeighborTable& neighbors, PacketIo& io, uint64_t seed,
           bool announce = true, EventSink* events = nullptr);
  ~SlowPath();

  // Takes a packet with verdict kPunt, bytes as received, and sees to it that it ends: consumed,
  // dropped, sent or held. Counts punts_taken.
  void handle(const ForwardingTable& table, Packet& packet, uint64_t now_ns);

  // Timers: neighbour resolution and ageing, reassembly, tunnels that expire, probes. Called at
  // least every 100 ms, more often at equal distances where the runtime table is large: a tick
  // looks at its share of it. Resolves gateways ahead of need. An entry of the neighbour table that
  // the slow path has not put there is static: it is neither solicited nor aged.
  void tick(const ForwardingTable& table, uint64_t now_ns);

  // What a worker saw happen to a dynamic tunnel (WorkerContext::notes): reported, damped; a new
  // endpoint is probed.
  void note(const ForwardingTable& table, const TunnelEvent& event, uint64_t now_ns);

  // An operator's word about a dynamic tunnel.
  TunnelCommandDone command(const ForwardingTable& table, const TunnelCommand& command,
                            uint64_t now_ns);

  // As the last whole pass over the runtime table saw it, about a second ago at most.
  TunnelSummary summary() const;

  // The tunnel counters of all threads, this one's included, each by slot; they outlive the object.
  // With them, traffic both ways verifies an endpoint that answers no probe.
  void set_tunnel_columns(std::vector<const TunnelCounters*> columns);

  // Drops everything held; at shutdown.
  void flush();

  std::vector<NeighborStatus> neighbors(uint64_t now_ns) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace simplon
