// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The slow path: everything that is not plain forwarding (docs/protocols.md §4-§6). One more
// WorkerContext without receive queues: its own column of the counters, its own way out. DPDK-free:
// the dataplane, the offline tool and the fuzzers run the same code. One thread.

#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/pipeline/pipeline.h"
#include "proto/link/link_messages.h"

namespace simplon {

// Buffers and the way out, given by the front end.
class PacketIo {
 public:
  virtual ~PacketIo() = default;

  // A fresh buffer: `data` set, length 0, headroom at least kRequiredHeadroom, tailroom at
  // least 2000. False: none free.
  virtual bool allocate(Packet& packet) = 0;

  // Takes a packet with verdict kTransmit; counts tx_packets, or the drop if the port does not take
  // it.
  virtual void transmit(Packet& packet) = 0;

  // Frees the buffer.
  virtual void release(Packet& packet) = 0;
};

class SlowPath {
 public:
  // References outlive the object. Random values (cookies, timers' jitter) come from `seed`: fixed
  // in the offline tool. `announce`: tell each link about the PoP's addresses when they become
  // active (gratuitous ARP, unsolicited neighbour advertisement).
  SlowPath(WorkerContext& context, NeighborTable& neighbors, PacketIo& io, uint64_t seed,
           bool announce = true);
  ~SlowPath();

  // Takes a packet with verdict kPunt, bytes as received, and sees to it that it ends: consumed,
  // dropped, sent or held. Counts punts_taken.
  void handle(const ForwardingTable& table, Packet& packet, uint64_t now_ns);

  // Timers: neighbour resolution and ageing, reassembly. Called at least every 100 ms. Resolves
  // gateways ahead of need. An entry of the neighbour table that the slow path has not put there is
  // static: it is neither solicited nor aged.
  void tick(const ForwardingTable& table, uint64_t now_ns);

  // Drops everything held; at shutdown.
  void flush();

  std::vector<NeighborStatus> neighbors(uint64_t now_ns) const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace simplon
