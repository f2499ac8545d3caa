// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/pipeline/worker_context.h"
#include "dataplane/slowpath/slow_path.h"

struct rte_mempool;
struct rte_ring;

namespace simplon {

// The slow path's buffers and way out: transmit queues of its own where the ports have them, else a
// ring to worker 0, which sends the frames (and counts them) as if they were its own. Slow-path
// thread.
class MbufPacketIo final : public PacketIo {
 public:
  struct Out {
    uint16_t port_id;  // of ethdev
    bool own_queue;
    uint16_t queue;
  };

  // `out` by Packet::port.
  MbufPacketIo(WorkerContext& context, rte_mempool* pool, std::vector<Out> out, rte_ring* hand_over)
      : context_(context), pool_(pool), out_(std::move(out)), hand_over_(hand_over) {}

  bool allocate(Packet& packet) override;
  void transmit(Packet& packet) override;
  void release(Packet& packet) override;

  // Frames worker 0 has not taken yet are held. Called after each round.
  void update_held();

 private:
  WorkerContext& context_;
  rte_mempool* pool_;
  std::vector<Out> out_;
  rte_ring* hand_over_;
};

}  // namespace simplon
