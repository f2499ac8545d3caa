// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pipeline/pipeline.h"

#include "dataplane/pipeline/batch.h"
#include "dataplane/pipeline/encap.h"
#include "dataplane/pipeline/link_output.h"

namespace simplon {
namespace {

void forward(Batch& batch) {
  if (batch.ayiya_count != 0) [[unlikely]]
    ayiya_receive(batch);
  resolve(batch);
  decap(batch);
  route(batch);
  write(batch);
  if (batch.unsigned_count != 0) [[unlikely]]
    ayiya_sign(batch);
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
  Batch batch(context, table, burst);
  classify(batch, packets);
  forward(batch);
}

void process_burst(WorkerContext& context, const ForwardingTable& table, std::span<Packet> burst) {
  const PacketSet left = forward_plain(context, table, burst);
  if (left != 0) [[unlikely]]
    forward_by_stages(context, table, burst, left);
}

void receive_carrier(WorkerContext& context, const ForwardingTable& table, Packet& packet) {
  Batch batch(context, table, {&packet, 1});
  classify_outer(batch, 0);
  forward(batch);
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
