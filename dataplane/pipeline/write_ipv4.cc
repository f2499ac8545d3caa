// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pipeline/encap.h"

namespace simplon {

[[gnu::noinline]] void write_inner_ipv4(Batch& batch, std::size_t index, NextHopMemo& memo) {
  Packet& packet = batch.packets[index];
  WorkerContext& context = batch.context;
  const ForwardingTable& table = batch.table;
  const auto* ip = packet.at<Ipv4Header>(packet.inner);
  const bool to_uplink = packet.out_slot == kNoSlot;
  NextHop next_hop;
  std::size_t mtu = 0;
  if (to_uplink) {
    next_hop = table.links.route_ipv4(ip->destination);
    if (next_hop.interface == kNoInterfaceIndex) [[unlikely]] {
      drop(context, table, packet, DropReason::kNoRoute);
      return;
    }
    mtu = table.links.interfaces()[next_hop.interface].mtu;
    const bool whole = (ip->flags_fragment.value() & kIpv4DontFragment) != 0 || packet.originated;
    if (packet.inner_length > mtu && whole) [[unlikely]] {
      drop(context, table, packet,
           packet.originated ? DropReason::kReplyTooBig : DropReason::kPacketTooBig);
      return;
    }
  } else {
    mtu = batch.way(index).mtu;
  }
  packet.truncate(std::size_t{packet.inner} + packet.inner_length);
  if (packet.network != packet.inner) decapsulate(context, packet);
  if (!packet.originated) decrement_hop_limit(packet);
  if (packet.inner_length > mtu) [[unlikely]] {
    punt(context, packet, PuntClass::kOversize);
  } else if (to_uplink) {
    output(context, table, packet, next_hop, memo);
  } else {
    encapsulate(batch, index, memo);
  }
}

}  // namespace simplon
