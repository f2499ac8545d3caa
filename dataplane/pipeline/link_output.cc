// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pipeline/link_output.h"

namespace simplon {

void output(WorkerContext& context, const ForwardingTable& table, Packet& packet,
            const NextHop& next_hop, NextHopMemo& memo) {
  if (next_hop.interface == kNoInterfaceIndex) [[unlikely]] {
    drop(context, table, packet, DropReason::kNoRoute);
    return;
  }
  const LinkInterface& link = table.links.interfaces()[next_hop.interface];
  MacAddress mac;
  if (!memo.resolve(*context.neighbors, next_hop, mac)) [[unlikely]] {
    punt(context, packet, PuntClass::kUnresolved);
    return;
  }
  const std::size_t header = link.link_header();
  if (header > packet.network) {
    const std::size_t grow = header - packet.network;
    packet.prepend(grow);
    packet.inner = static_cast<uint16_t>(packet.inner + grow);
  } else {
    const std::size_t shrink = packet.network - header;
    packet.remove_front(shrink);
    packet.inner = static_cast<uint16_t>(packet.inner - shrink);
  }
  packet.network = static_cast<uint16_t>(header);

  const bool ipv4 = *packet.at<uint8_t>(header) >> 4 == 4;
  const Be16 type = ipv4 ? kEtherTypeIpv4 : kEtherTypeIpv6;
  auto* ethernet = packet.at<EthernetHeader>(0);
  ethernet->destination = mac;
  ethernet->source = link.mac;
  if (link.vlan == 0) {
    ethernet->type = type;
  } else {
    ethernet->type = kEtherTypeVlan;
    *packet.at<VlanTag>(sizeof(EthernetHeader)) = {.tci = link.vlan, .type = type};
  }
  packet.port = link.port;
  packet.verdict = Verdict::kTransmit;
  count_forwarded(context, packet);
}

}  // namespace simplon
