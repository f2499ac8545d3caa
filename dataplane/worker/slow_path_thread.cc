// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/worker/slow_path_thread.h"

#include <rte_ring.h>

#include <array>
#include <chrono>
#include <thread>
#include <utility>

#include "dataplane/pipeline/pipeline.h"
#include "dataplane/port/mbuf_adapter.h"

namespace simplon {
namespace {

constexpr uint64_t kTickNs = 10'000'000;
constexpr uint64_t kReportNs = 100'000'000;
constexpr unsigned kBurst = 32;
// Bounds what an idle slow path adds to a round trip, and what it costs: some 2 % of a core.
constexpr std::chrono::microseconds kIdleSleep{100};

}  // namespace

SlowPathThread::SlowPathThread(Config config, WorkerContext& context, NeighborTable& neighbors,
                               MbufPacketIo& io, const ActiveTable<ForwardingTable>& active,
                               QsbrGate& gate, const TscClock& clock, const WallClock& wall_clock,
                               EventSink& events, Inbox& inbox)
    : config_(std::move(config)),
      context_(context),
      io_(io),
      active_(active),
      gate_(gate),
      clock_(clock),
      wall_clock_(wall_clock),
      events_(events),
      inbox_(inbox),
      slow_path_(context, neighbors, io, config_.seed, true, &events) {
  slow_path_.set_tunnel_columns(config_.tunnel_counters);
}

void SlowPathThread::run(const std::atomic<bool>& stop) {
  gate_.online(config_.reader);
  read_clock();
  if (const ForwardingTable* first = active_.acquire_first()) keep_time(*first);
  bool busy = true;
  // Once more after the order to stop: what was in the rings then is still handled.
  for (bool last = false; !last || busy;) {
    last = stop.load(std::memory_order_acquire);
    read_clock();
    busy = drain() != 0;
    const ForwardingTable* table = active_.acquire();
    if (table != nullptr) {
      keep_time(*table);
      drain_notes(*table);
      inbox_.commands.drain([&](const TunnelCommand& command) {
        return slow_path_.command(*table, command, context_.now_ns);
      });
    }
    io_.update_held();
    gate_.ack(config_.reader, table != nullptr ? table->snapshot.generation() : 0);
    if (!busy && !last) std::this_thread::sleep_for(kIdleSleep);
  }
  slow_path_.flush();
  gate_.offline(config_.reader);
}

void SlowPathThread::read_clock() {
  context_.set_time(wall_clock_.at(clock_.now()));
}

void SlowPathThread::drain_notes(const ForwardingTable& table) {
  TunnelEvent event;
  while (inbox_.notes.pop(event)) events_.publish(event);
  for (NoteQueue* notes : config_.notes) {
    // Not more than fit at once, however fast the worker makes them.
    for (std::size_t n = 0; n < NoteQueue::kSize && notes->pop(event); ++n) {
      slow_path_.note(table, event, context_.now_ns);
    }
  }
}

unsigned SlowPathThread::drain() {
  unsigned total = 0;
  for (rte_ring* ring : config_.punts) {
    std::array<void*, kBurst> mbufs;
    const unsigned count = rte_ring_sc_dequeue_burst(ring, mbufs.data(), kBurst, nullptr);
    if (count == 0) continue;
    // After the ring: the table these packets were punted by, or a later one. One loaded before
    // could be older, or none.
    const ForwardingTable& table = *active_.acquire();
    // And its gateways are known before any of their frames is looked at.
    keep_time(table);
    for (unsigned i = 0; i < count; ++i) handle(table, mbufs[i]);
    total += count;
  }
  return total;
}

void SlowPathThread::keep_time(const ForwardingTable& table) {
  if (table.snapshot.generation() == ticked_generation_ && context_.now_ns < next_tick_ns_) return;
  ticked_generation_ = table.snapshot.generation();
  tick(table, context_.now_ns);
}

void SlowPathThread::handle(const ForwardingTable& table, void* mbuf) {
  PuntedPacket punt = stored_punt(static_cast<rte_mbuf*>(mbuf));
  Packet& packet = punt.packet;
  if (punt.generation == table.snapshot.generation()) [[likely]] {
    slow_path_.handle(table, packet, context_.now_ns);
    return;
  }
  // Slots and interfaces are those of a table that was replaced meanwhile.
  const bool oversize = packet.punt_class == PuntClass::kOversize;
  if (oversize && packet.out_slot != kNoSlot) {
    // Rewritten for the tunnel the slot was then.
    context_.counters.add(WorkerCounter::kPuntsTaken);
    context_.counters.drop(DropReason::kPacketTooBig);
    io_.release(packet);
    return;
  }
  if (oversize || packet.punt_class == PuntClass::kUnresolved) {
    // Rewritten too, but all that is still asked its header tells; the slots are counted on, no
    // more, as are those of what waits for a neighbour while tables change.
    slow_path_.handle(table, packet, context_.now_ns);
    return;
  }
  // The bytes are as they were received, so the packet can start again.
  to_packet(mbuf_of(packet), packet.port, packet);
  process_burst(context_, table, {&packet, 1});
  switch (packet.verdict) {
    case Verdict::kPunt:
      slow_path_.handle(table, packet, context_.now_ns);
      return;
    case Verdict::kTransmit:
      context_.counters.add(WorkerCounter::kPuntsTaken);
      io_.transmit(packet);
      return;
    case Verdict::kDrop:
    case Verdict::kConsumed:
    case Verdict::kPending:
      context_.counters.add(WorkerCounter::kPuntsTaken);
      io_.release(packet);
      return;
  }
}

void SlowPathThread::tick(const ForwardingTable& table, uint64_t now_ns) {
  slow_path_.tick(table, now_ns);
  next_tick_ns_ = now_ns + kTickNs;
  if (now_ns < next_report_ns_) return;
  next_report_ns_ = now_ns + kReportNs;
  std::vector<NeighborStatus> report = slow_path_.neighbors(now_ns);
  const std::lock_guard lock(report_mutex_);
  report_ = std::move(report);
  tunnels_ = slow_path_.summary();
}

std::vector<NeighborStatus> SlowPathThread::neighbors() const {
  const std::lock_guard lock(report_mutex_);
  return report_;
}

TunnelSummary SlowPathThread::tunnels() const {
  const std::lock_guard lock(report_mutex_);
  return tunnels_;
}

}  // namespace simplon
