// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pipeline/pipeline.h"

#include <bit>

#include "dataplane/pipeline/batch.h"
#include "dataplane/pipeline/encap.h"
#include "dataplane/pipeline/link_output.h"
#include "dataplane/pipeline/plain.h"
#include "dataplane/pipeline/stage_profile.h"

namespace simplon {
namespace {

// Runs a stage; `packets` enter it.
struct NoWatch {
  template <typename Run>
  void time(Stage, std::size_t, Run run) const {
    run();
  }
};

// The same, for WorkerContext::profile.
class StageWatch {
 public:
  explicit StageWatch(StageProfile& profile) : profile_(profile) {}

  template <typename Run>
  void time(Stage stage, std::size_t packets, Run run) const {
    const uint64_t start = __builtin_ia32_rdtsc();
    run();
    profile_.add(stage, __builtin_ia32_rdtsc() - start, packets);
  }

 private:
  StageProfile& profile_;
};

template <typename Watch>
void forward(Batch& batch, const Watch& watch) {
  if (batch.ayiya_count != 0) [[unlikely]]
    watch.time(Stage::kAyiyaReceive, batch.ayiya_count, [&] { ayiya_receive(batch); });
  watch.time(Stage::kResolve, batch.count, [&] { resolve(batch); });
  watch.time(Stage::kDecap, batch.count, [&] { decap(batch); });
  watch.time(Stage::kRoute, batch.count, [&] { route(batch); });
  watch.time(Stage::kWrite, batch.count, [&] { write(batch); });
  if (batch.unsigned_count != 0) [[unlikely]]
    watch.time(Stage::kAyiyaSign, batch.unsigned_count, [&] { ayiya_sign(batch); });
}

template <typename Watch>
void by_stages(WorkerContext& context, const ForwardingTable& table, std::span<Packet> burst,
               PacketSet packets, const Watch& watch) {
  Batch batch(context, table, burst);
  watch.time(Stage::kClassify, static_cast<std::size_t>(std::popcount(packets)),
             [&] { classify(batch, packets); });
  forward(batch, watch);
}

// Where most is not plain looking for what is does not pay: then a few bursts go without.
constexpr uint8_t kBurstsWithoutPlain = 14;

template <typename Watch>
void process(WorkerContext& context, const ForwardingTable& table, std::span<Packet> burst,
             const Watch& watch) {
  PacketSet left = all_of(burst.size());
  if (context.bursts_without_plain == 0) [[likely]] {
    watch.time(Stage::kPlain, burst.size(), [&] { left = forward_plain(context, table, burst); });
    if (left == 0) [[likely]]
      return;
    const auto others = static_cast<std::size_t>(std::popcount(left));
    if (2 * others > burst.size()) context.bursts_without_plain = kBurstsWithoutPlain;
  } else {
    --context.bursts_without_plain;
  }
  by_stages(context, table, burst, left, watch);
}

// One packet of the PoP's own into `out_slot`, or a piece of one that has been routed there.
bool fits_tunnel(Batch& batch, Packet& packet) {
  const TunnelSlot& slot = batch.table.snapshot.slot(packet.out_slot);
  uint16_t mtu = slot.mtu;
  if (slot.kind != static_cast<uint8_t>(TunnelKind::kProto41)) {
    if (!check_way(batch, 0)) return false;
    mtu = batch.way(0).mtu;
  } else if (packet.inner_ipv4) {
    return drop(batch.context, batch.table, packet, DropReason::kEncapsulationUnsupported);
  }
  if (packet.inner_length <= mtu) return true;
  return drop(batch.context, batch.table, packet, DropReason::kReplyTooBig);
}

}  // namespace

void forward_by_stages(WorkerContext& context, const ForwardingTable& table,
                       std::span<Packet> burst, PacketSet packets) {
  by_stages(context, table, burst, packets, NoWatch());
}

void process_burst(WorkerContext& context, const ForwardingTable& table, std::span<Packet> burst) {
  if (context.profile != nullptr) [[unlikely]] {
    process(context, table, burst, StageWatch(*context.profile));
  } else {
    process(context, table, burst, NoWatch());
  }
}

void receive_carrier(WorkerContext& context, const ForwardingTable& table, Packet& packet) {
  Batch batch(context, table, {&packet, 1});
  classify_outer(batch, 0);
  forward(batch, NoWatch());
}

void send_ipv6(WorkerContext& context, const ForwardingTable& table, Packet& packet) {
  Batch batch(context, table, {&packet, 1});
  packet.network = packet.inner;
  const auto* ip = packet.at<Ipv6Header>(packet.inner);
  packet.inner_length = static_cast<uint16_t>(sizeof(Ipv6Header) + ip->payload_length.value());
  batch.add_pending(0);
  if (packet.out_slot == kNoSlot) {
    batch.source_pool[0] = {};
    batch.destination_pool[0] = table.snapshot.lookup(ip->destination.hi());
    resolve(batch);
    route(batch);
  } else if (!fits_tunnel(batch, packet)) {
    return;
  }
  write(batch);
  if (batch.unsigned_count != 0) ayiya_sign(batch);
}

void send_ipv4(WorkerContext& context, const ForwardingTable& table, Packet& packet) {
  Batch batch(context, table, {&packet, 1});
  const auto* ip = packet.at<Ipv4Header>(packet.network);
  const std::size_t length = ip->total_length.value();
  const PoolLookup pool =
      batch.ipv4_is_routed ? table.snapshot.lookup(ip->destination) : PoolLookup{};
  if (pool.hit() || packet.out_slot != kNoSlot) {
    packet.inner = packet.network;
    packet.inner_length = static_cast<uint16_t>(length);
    packet.inner_ipv4 = true;
    packet.truncate(packet.network + length);
    batch.add_pending(0);
    if (packet.out_slot == kNoSlot) {
      batch.source_pool[0] = {};
      batch.destination_pool[0] = pool;
      resolve(batch);
      route(batch);
      if (batch.count == 0) return;
    } else if (!fits_tunnel(batch, packet)) {
      return;
    }
    NextHopMemo memo;
    encapsulate(batch, 0, memo);
    if (batch.unsigned_count != 0) ayiya_sign(batch);
    return;
  }
  const NextHop next_hop = table.links.route_ipv4(ip->destination);
  if (next_hop.interface != kNoInterfaceIndex &&
      length > table.links.interfaces()[next_hop.interface].mtu) {
    drop(context, table, packet, DropReason::kReplyTooBig);
    return;
  }
  packet.truncate(packet.network + length);
  send_on_link(context, table, packet, next_hop);
}

void send_on_link(WorkerContext& context, const ForwardingTable& table, Packet& packet,
                  const NextHop& next_hop) {
  NextHopMemo memo;
  output(context, table, packet, next_hop, memo);
}

}  // namespace simplon
