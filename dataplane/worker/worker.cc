// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/worker/worker.h"

#include <rte_ethdev.h>
#include <rte_ring.h>

#include "dataplane/link/race_point.h"
#include "dataplane/pipeline/pipeline.h"
#include "dataplane/port/mbuf_adapter.h"

namespace simplon {

Worker::Worker(const Config& config, const WorkerContext& context,
               const ActiveTable<ForwardingTable>& active, QsbrGate& gate, const TscClock& clock,
               const WallClock& wall_clock)
    : config_(config),
      context_(context),
      active_(active),
      gate_(gate),
      clock_(clock),
      wall_clock_(wall_clock),
      idle_(config.idle),
      tx_(config.port_ids.size()) {
  if (config_.pool != nullptr) context_.io = this;
}

void Worker::run(const std::atomic<bool>& stop) {
  enter();
  while (!stop.load(std::memory_order_relaxed)) idle_.turn(step() != 0);
  leave();
}

void Worker::enter() {
  gate_.online(config_.index);
  table_ = active_.acquire_first();
}

uint32_t Worker::step() {
  const uint64_t start = rte_rdtsc();
  context_.set_time(wall_clock_.at(clock_.ns(start)));
  uint32_t frames = send_for_slow_path();
  for (uint8_t port = 0; port < port_count(); ++port) frames += turn(port);
  SIMPLON_RACE_POINT("worker.before_ack");
  // No pointer into the table is held from here to the next load.
  gate_.ack(config_.index, table_ != nullptr ? table_->snapshot.generation() : 0);
  table_ = active_.acquire();
  account(start, frames != 0);
  return frames;
}

void Worker::leave() {
  table_ = nullptr;
  gate_.offline(config_.index);
}

bool Worker::allocate(Packet& packet) {
  rte_mbuf* frame = rte_pktmbuf_alloc(config_.pool);
  if (frame == nullptr) return false;
  to_packet(frame, 0, packet);
  return true;
}

// Goes with the burst.
void Worker::transmit(Packet& packet) {
  send(to_mbuf(packet), packet.port);
}

void Worker::release(Packet& packet) {
  rte_pktmbuf_free(mbuf_of(packet));
}

uint32_t Worker::turn(uint8_t port) {
  std::array<rte_mbuf*, kMaxBurst> frames;
  const uint16_t count =
      rte_eth_rx_burst(config_.port_ids[port], config_.index, frames.data(), config_.burst);
  if (count == 0) return 0;
  const std::size_t packets = receive(port, {frames.data(), count});
  const std::span<Packet> burst{packets_.data(), packets};
  if (table_ == nullptr) [[unlikely]] {
    for (const Packet& packet : burst) drop(mbuf_of(packet), DropReason::kNoSnapshot);
    return count;
  }
  process_burst(context_, *table_, burst);
  for (const Packet& packet : burst) finish(packet, table_->snapshot.generation());
  flush();
  return count;
}

// Counts the frames in, and makes Packets of those that are in one piece.
std::size_t Worker::receive(uint8_t port, std::span<rte_mbuf* const> frames) {
  // First of all: whoever takes over the counters after a crash relies on nothing being counted out
  // that was not counted in.
  context_.counters.add(WorkerCounter::kRxPackets, frames.size());
  uint64_t bytes = 0;
  std::size_t packets = 0;
  for (rte_mbuf* frame : frames) {
    rte_prefetch0(rte_pktmbuf_mtod(frame, void*));
    bytes += frame->pkt_len;
    if (frame->nb_segs != 1) [[unlikely]] {
      drop(frame, DropReason::kMultiSegment);
      continue;
    }
    // Some drivers take the VLAN tag out unasked.
    if ((frame->ol_flags & RTE_MBUF_F_RX_VLAN_STRIPPED) != 0 && rte_vlan_insert(&frame) != 0)
        [[unlikely]] {
      drop(frame, DropReason::kFrameMalformed);
      continue;
    }
    to_packet(frame, port, packets_[packets++]);
  }
  context_.counters.add(WorkerCounter::kRxBytes, bytes);
  return packets;
}

void Worker::finish(const Packet& packet, uint64_t generation) {
  switch (packet.verdict) {
    case Verdict::kTransmit:
      send(to_mbuf(packet), packet.port);
      return;
    case Verdict::kPunt:
      store_punt(packet, generation);
      if (rte_ring_sp_enqueue(config_.punts, packet.buffer) == 0) {
        context_.counters.add(WorkerCounter::kPunted);
      } else {
        drop(mbuf_of(packet), DropReason::kPuntRingFull);
      }
      return;
    case Verdict::kDrop:  // the pipeline has counted it
    case Verdict::kConsumed:
    case Verdict::kPending:
      rte_pktmbuf_free(mbuf_of(packet));
      return;
  }
}

uint32_t Worker::send_for_slow_path() {
  if (config_.hand_over == nullptr) return 0;
  std::array<void*, kMaxBurst> frames;
  const unsigned count =
      rte_ring_sc_dequeue_burst(config_.hand_over, frames.data(), config_.burst, nullptr);
  // What the slow path asks because of a new table may be answered before the next turn: the answer
  // must find that table. Nothing of the old one is held here.
  if (count != 0) table_ = active_.acquire();
  for (unsigned i = 0; i < count; ++i) {
    auto* frame = static_cast<rte_mbuf*>(frames[i]);
    send(frame, static_cast<uint8_t>(frame->port));
  }
  if (count != 0) flush();
  return count;
}

void Worker::send(rte_mbuf* frame, uint8_t port) {
  TxBuffer& buffer = tx_[port];
  buffer.frames[buffer.count++] = frame;
  if (buffer.count == kMaxBurst) flush(port);
}

void Worker::flush() {
  for (uint8_t port = 0; port < port_count(); ++port) {
    if (tx_[port].count != 0) flush(port);
  }
}

void Worker::flush(uint8_t port) {
  TxBuffer& buffer = tx_[port];
  uint64_t bytes = 0;
  for (uint16_t i = 0; i < buffer.count; ++i) bytes += buffer.frames[i]->pkt_len;
  const uint16_t sent =
      rte_eth_tx_burst(config_.port_ids[port], config_.index, buffer.frames.data(), buffer.count);
  // What the port does not take now it would not take in a microsecond either; waiting would move
  // the loss to the receive queue, where it has no name.
  for (uint16_t i = sent; i < buffer.count; ++i) {
    bytes -= buffer.frames[i]->pkt_len;
    drop(buffer.frames[i], DropReason::kTxQueueFull);
  }
  context_.counters.add(WorkerCounter::kTxPackets, sent);
  context_.counters.add(WorkerCounter::kTxBytes, bytes);
  buffer.count = 0;
}

void Worker::drop(rte_mbuf* frame, DropReason reason) {
  context_.counters.drop(reason);
  rte_pktmbuf_free(frame);
}

void Worker::account(uint64_t start, bool busy) {
  context_.counters.add(WorkerCounter::kLoops);
  context_.counters.add(busy ? WorkerCounter::kBusyCycles : WorkerCounter::kIdleCycles,
                        rte_rdtsc() - start);
}

}  // namespace simplon
