// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/worker/worker.h"

#include <rte_ethdev.h>
#include <rte_ring.h>

#include <bit>

#include "dataplane/link/race_point.h"
#include "dataplane/pipeline/pipeline.h"
#include "dataplane/port/mbuf_adapter.h"

namespace simplon {
namespace {

// One burst in so many is timed by stage. Dozens of clock readings for one in 64 bursts are less
// than a cycle per packet.
constexpr uint32_t kTimedEvery = 64;

constexpr WorkerCounter at(WorkerCounter first, std::size_t n) {
  return static_cast<WorkerCounter>(static_cast<std::size_t>(first) + n);
}
static_assert(at(WorkerCounter::kProfileReceiveCycles, 2 * kStageCount - 1) ==
              WorkerCounter::kProfileTransmitPackets);
static_assert(at(WorkerCounter::kRxBursts1, std::bit_width(kMaxBurst) - 1) ==
              WorkerCounter::kRxBursts64);

std::vector<Idle::Queue> queues_of(const Worker::Config& config) {
  std::vector<Idle::Queue> queues;
  for (const uint16_t port : config.port_ids) queues.push_back({port, config.index});
  return queues;
}

}  // namespace

Worker::Worker(const Config& config, const WorkerContext& context,
               const ActiveTable<ForwardingTable>& active, QsbrGate& gate, const TscClock& clock,
               const WallClock& wall_clock)
    : config_(config),
      context_(context),
      active_(active),
      gate_(gate),
      clock_(clock),
      wall_clock_(wall_clock),
      idle_(config.idle, queues_of(config)),
      tx_(config.port_ids.size()),
      tx_delay_cycles_(rte_get_tsc_hz() / 1'000'000 * config.tx_delay_us) {
  if (config_.pool != nullptr) context_.io = this;
}

void Worker::run(const std::atomic<bool>& stop) {
  enter();
  // A turn that holds frames back is not idle: nobody may sleep over their deadline.
  while (!stop.load(std::memory_order_relaxed)) {
    const bool busy = (step() | held_) != 0;
    idle_.turn(busy);
    // Rest is idle time: what a core that sleeps has to spare.
    if (!busy) context_.counters.add(WorkerCounter::kIdleCycles, rte_rdtsc() - turn_end_);
  }
  idle_.leave();
  leave();
}

void Worker::enter() {
  gate_.online(config_.index);
  table_ = active_.acquire_first();
}

uint32_t Worker::step() {
  turn_start_ = rte_rdtsc();
  context_.set_time(wall_clock_.at(clock_.ns(turn_start_)));
  uint32_t frames = send_for_slow_path();
  for (uint8_t port = 0; port < port_count(); ++port) frames += turn(port);
  if (held_ != 0) flush_due();
  SIMPLON_RACE_POINT("worker.before_ack");
  // No pointer into the table is held from here to the next load.
  gate_.ack(config_.index, table_ != nullptr ? table_->snapshot.generation() : 0);
  table_ = active_.acquire();
  account(frames != 0);
  return frames;
}

void Worker::leave() {
  flush();
  context_.counters.set(WorkerCounter::kHeldTx, 0);
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
  const bool timed = bursts_ % kTimedEvery == 0;
  const uint64_t start = timed ? rte_rdtsc() : 0;
  std::array<rte_mbuf*, kMaxBurst> frames;
  const uint16_t count =
      rte_eth_rx_burst(config_.port_ids[port], config_.index, frames.data(), config_.burst);
  if (count == 0) return 0;
  ++bursts_;
  const std::size_t packets = receive(port, {frames.data(), count});
  const std::span<Packet> burst{packets_.data(), packets};
  if (table_ == nullptr) [[unlikely]] {
    for (const Packet& packet : burst) drop(mbuf_of(packet), DropReason::kNoSnapshot);
  } else if (timed) [[unlikely]] {
    process_timed(burst, start);
  } else {
    process(burst);
  }
  return count;
}

void Worker::process(std::span<Packet> burst) {
  process_burst(context_, *table_, burst);
  const uint64_t generation = table_->snapshot.generation();
  for (const Packet& packet : burst) finish(packet, generation);
}

// The same with a look at the clock in between. `start`: when the burst was asked for.
void Worker::process_timed(std::span<Packet> burst, uint64_t start) {
  profile_ = {};
  profile_.add(Stage::kReceive, rte_rdtsc() - start, burst.size());
  flush();  // frames of other bursts are not this one's cost
  context_.profile = &profile_;
  process_burst(context_, *table_, burst);
  context_.profile = nullptr;

  const uint64_t processed = rte_rdtsc();
  const uint64_t generation = table_->snapshot.generation();
  for (const Packet& packet : burst) finish(packet, generation);
  flush();
  profile_.add(Stage::kTransmit, rte_rdtsc() - processed, burst.size());

  WorkerCounter counter = WorkerCounter::kProfileReceiveCycles;
  for (const StageProfile::Entry& stage : profile_.stages) {
    context_.counters.add(counter, stage.cycles);
    context_.counters.add(at(counter, 1), stage.packets);
    counter = at(counter, 2);
  }
}

// Counts the frames in, and makes Packets of those that are in one piece.
std::size_t Worker::receive(uint8_t port, std::span<rte_mbuf* const> frames) {
  // First of all: whoever takes over the counters after a crash relies on nothing being counted out
  // that was not counted in.
  context_.counters.add(WorkerCounter::kRxPackets, frames.size());
  context_.counters.add(at(WorkerCounter::kRxBursts1, std::bit_width(frames.size()) - 1));
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
    Packet& packet = packets_[packets++];
    to_packet(frame, port, packet);
    packet.udp_summed = is_udp_summed(frame);
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
  if (buffer.count == 0) buffer.since = turn_start_;
  buffer.bytes += frame->pkt_len;
  buffer.frames[buffer.count++] = frame;
  ++held_;
  if (buffer.count == config_.burst) flush(port);
}

void Worker::flush() {
  for (uint8_t port = 0; port < port_count(); ++port) {
    if (tx_[port].count != 0) flush(port);
  }
}

// At the end of a turn: what has waited for long enough.
void Worker::flush_due() {
  if (tx_delay_cycles_ == 0) {
    flush();
    return;
  }
  for (uint8_t port = 0; port < port_count(); ++port) {
    const TxBuffer& buffer = tx_[port];
    if (buffer.count != 0 && turn_start_ - buffer.since >= tx_delay_cycles_) flush(port);
  }
}

void Worker::flush(uint8_t port) {
  TxBuffer& buffer = tx_[port];
  const uint16_t sent =
      rte_eth_tx_burst(config_.port_ids[port], config_.index, buffer.frames.data(), buffer.count);
  // What the port does not take now it would not take in a microsecond either; waiting would move
  // the loss to the receive queue, where it has no name.
  for (uint16_t i = sent; i < buffer.count; ++i) {
    buffer.bytes -= buffer.frames[i]->pkt_len;
    drop(buffer.frames[i], DropReason::kTxQueueFull);
  }
  context_.counters.add(WorkerCounter::kTxPackets, sent);
  context_.counters.add(WorkerCounter::kTxBytes, buffer.bytes);
  held_ -= buffer.count;
  buffer.count = 0;
  buffer.bytes = 0;
}

void Worker::drop(rte_mbuf* frame, DropReason reason) {
  context_.counters.drop(reason);
  rte_pktmbuf_free(frame);
}

void Worker::account(bool busy) {
  context_.counters.set(WorkerCounter::kHeldTx, held_);
  context_.counters.add(WorkerCounter::kLoops);
  turn_end_ = rte_rdtsc();
  context_.counters.add(busy ? WorkerCounter::kBusyCycles : WorkerCounter::kIdleCycles,
                        turn_end_ - turn_start_);
}

}  // namespace simplon
