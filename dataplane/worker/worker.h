// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/pipeline/forwarding_table.h"
#include "dataplane/pipeline/packet.h"
#include "dataplane/pipeline/packet_io.h"
#include "dataplane/pipeline/stage_profile.h"
#include "dataplane/pipeline/worker_context.h"
#include "dataplane/port/tsc_clock.h"
#include "dataplane/table/active_table.h"
#include "dataplane/worker/idle.h"
#include "dataplane/worker/qsbr_gate.h"
#include "dataplane/worker/wall_clock.h"

struct rte_mbuf;
struct rte_mempool;
struct rte_ring;

namespace simplon {

// One poll-mode worker: on each port it has the receive and the transmit queue of its own number.
// Runs to completion, one table per turn. Everything but the constructor: the worker's thread.
class Worker : private PacketIo {
 public:
  struct Config {
    uint16_t index = 0;   // queue number, and reader number at the gate
    uint16_t burst = 32;  // at most kMaxBurst
    IdleMode idle = IdleMode::kSpin;
    // How long a frame may wait for others to be sent with, beyond the turn it came in.
    uint32_t tx_delay_us = 0;
    std::vector<uint16_t> port_ids;  // of ethdev, in the order of Packet::port
    rte_ring* punts = nullptr;       // to the slow path, which is its only consumer
    rte_ring* hand_over = nullptr;   // frames of the slow path to send; null: none come
    rte_mempool* pool = nullptr;     // for packets of the worker's own; null: it makes none
  };

  // References outlive the object.
  Worker(const Config& config, const WorkerContext& context,
         const ActiveTable<ForwardingTable>& active, QsbrGate& gate, const TscClock& clock,
         const WallClock& wall_clock);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() override = default;

  // Until `stop`.
  void run(const std::atomic<bool>& stop);

  // What run() is made of, for who wants to look at every turn.
  void enter();
  uint32_t step();  // one turn; the number of frames taken
  void leave();     // what is held is sent
  // Frames that wait for others (kHeldTx).
  uint32_t held() const { return held_; }
  // Sends what the slow path has handed over; once more, after both threads have ended.
  uint32_t send_for_slow_path();
  // The table the next turn will use.
  const ForwardingTable* table() const { return table_; }

 private:
  struct TxBuffer {
    uint16_t count = 0;
    uint32_t bytes = 0;
    uint64_t since = 0;  // TSC; of the turn its first frame came in
    std::array<rte_mbuf*, kMaxBurst> frames;
  };

  bool allocate(Packet& packet) override;
  void transmit(Packet& packet) override;
  void release(Packet& packet) override;

  uint32_t turn(uint8_t port);
  void process(std::span<Packet> burst);
  void process_timed(std::span<Packet> burst, uint64_t start);
  uint8_t port_count() const { return static_cast<uint8_t>(tx_.size()); }
  std::size_t receive(uint8_t port, std::span<rte_mbuf* const> frames);
  void finish(const Packet& packet, uint64_t generation);
  void send(rte_mbuf* frame, uint8_t port);
  void flush();
  void flush(uint8_t port);
  void flush_due();
  void drop(rte_mbuf* frame, DropReason reason);
  void account(bool busy);

  Config config_;
  WorkerContext context_;
  const ActiveTable<ForwardingTable>& active_;
  QsbrGate& gate_;
  const TscClock& clock_;
  const WallClock& wall_clock_;
  Idle idle_;
  const ForwardingTable* table_ = nullptr;  // one per step
  std::vector<TxBuffer> tx_;                // by port
  uint64_t tx_delay_cycles_;
  uint64_t turn_start_ = 0;  // TSC
  uint64_t turn_end_ = 0;
  uint32_t held_ = 0;    // frames in tx_
  uint32_t bursts_ = 0;  // received; wraps
  StageProfile profile_;
  std::array<Packet, kMaxBurst> packets_;
};

}  // namespace simplon
