// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/net/ecn.h"
#include "dataplane/pipeline/encap.h"

namespace simplon {
namespace {

// 6in4 of a static tunnel.
[[gnu::always_inline]] inline void encapsulate_plain(Batch& batch, Packet& packet,
                                                     const TunnelSlot& slot, NextHopMemo& memo) {
  WorkerContext& context = batch.context;
  const ForwardingTable& table = batch.table;
  const NextHop next_hop = table.links.route_ipv4(Ipv4Address::from_bytes(&slot.remote[12]));
  if (next_hop.interface == kNoInterfaceIndex) [[unlikely]] {
    drop(context, table, packet, DropReason::kNoRoute);
    return;
  }
  const LinkInterface& link = table.links.interfaces()[next_hop.interface];
  const uint8_t tos = outer_tos(slot, packet.at<Ipv6Header>(packet.inner)->traffic_class());
  const uint8_t* local = table.snapshot.pop().local_addresses[slot.local_index];
  const Fragmentation f = fragmentation(context, slot, link, k6in4Overhead);
  make_room(packet, k6in4Overhead);
  write_outer_ipv4(packet,
                   {.source = Ipv4Address::from_bytes(local + 12),
                    .destination = Ipv4Address::from_bytes(&slot.remote[12]),
                    .protocol = kProtocolIpv6,
                    .tos = tos,
                    .ttl = slot.outer_ttl},
                   f);
  if (std::size_t{packet.inner_length} + k6in4Overhead > link.mtu) [[unlikely]] {
    punt(context, packet, PuntClass::kOversize);
    return;
  }
  output(context, table, packet, next_hop, memo);
}

[[gnu::always_inline]] inline void encapsulate_inline(Batch& batch, std::size_t index,
                                                      NextHopMemo& memo) {
  Packet& packet = batch.packets[index];
  const TunnelSlot& slot = batch.table.snapshot.slot(packet.out_slot);
  if (slot.kind == static_cast<uint8_t>(TunnelKind::kProto41)) [[likely]] {
    encapsulate_plain(batch, packet, slot, memo);
  } else {
    encapsulate_by_way(batch, index, slot, memo);
  }
}

void write_one(Batch& batch, uint8_t index, NextHopMemo& memo) {
  Packet& packet = batch.packets[index];
  if (packet.inner_ipv4) [[unlikely]] {
    write_inner_ipv4(batch, index, memo);
    return;
  }
  WorkerContext& context = batch.context;
  const ForwardingTable& table = batch.table;
  NextHop next_hop;
  const bool to_uplink = packet.out_slot == kNoSlot;
  if (to_uplink) {
    // The link's MTU belongs to the decision: checked before a byte changes.
    next_hop = table.links.route_ipv6(packet.at<Ipv6Header>(packet.inner)->destination);
    if (next_hop.interface == kNoInterfaceIndex) [[unlikely]] {
      drop(context, table, packet, DropReason::kNoRoute);
      return;
    }
    if (packet.inner_length > table.links.interfaces()[next_hop.interface].mtu) [[unlikely]] {
      drop(context, table, packet,
           packet.originated ? DropReason::kReplyTooBig : DropReason::kPacketTooBig);
      return;
    }
  }
  // Ethernet padding ends here.
  packet.truncate(std::size_t{packet.inner} + packet.inner_length);
  if (packet.network != packet.inner) decapsulate(context, packet);
  if (!packet.originated) --packet.at<Ipv6Header>(packet.inner)->hop_limit;
  if (to_uplink) {
    output(context, table, packet, next_hop, memo);
  } else {
    encapsulate_inline(batch, index, memo);
  }
}

}  // namespace

void encapsulate(Batch& batch, std::size_t index, NextHopMemo& memo) {
  encapsulate_inline(batch, index, memo);
}

void decapsulate(WorkerContext& context, Packet& packet) {
  const auto outer_ecn = static_cast<Ecn>(outer_traffic_class(packet) & 3);
  if (outer_ecn != Ecn::kNotEct) [[unlikely]] {
    const uint8_t traffic_class = inner_traffic_class(packet);
    const EcnDecap ecn = ecn_decapsulate(static_cast<Ecn>(traffic_class & 3), outer_ecn);
    if (ecn.unusual) context.counters.add(WorkerCounter::kEcnUnusual);
    set_inner_traffic_class(
        packet, static_cast<uint8_t>((traffic_class & 0xfc) | static_cast<uint8_t>(ecn.inner)));
  }
  packet.network = packet.inner;
  packet.outer_ipv6 = false;
}

void write(Batch& batch) {
  NextHopMemo memo;
  for (unsigned n = 0; n < batch.count; ++n) write_one(batch, batch.pending[n], memo);
  batch.count = 0;
}

}  // namespace simplon
