// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/link_frame.h"

#include <cstring>

namespace simplon {

bool is_station_mac(const MacAddress& mac) {
  return !is_group_mac(mac) && mac != MacAddress{};
}

MacAddress multicast_mac(const Ipv6Address& group) {
  return {0x33, 0x33, group.bytes[12], group.bytes[13], group.bytes[14], group.bytes[15]};
}

void frame(Packet& packet, const LinkInterface& link, const MacAddress& destination,
           uint16_t ether_type) {
  const std::size_t header = link.link_header();
  packet.remove_front(packet.network);
  packet.prepend(header);
  packet.network = static_cast<uint16_t>(header);

  auto* ethernet = packet.at<EthernetHeader>(0);
  ethernet->destination = destination;
  ethernet->source = link.mac;
  if (link.vlan == 0) {
    ethernet->type = ether_type;
  } else {
    ethernet->type = kEtherTypeVlan;
    *packet.at<VlanTag>(sizeof(EthernetHeader)) = {.tci = link.vlan, .type = ether_type};
  }
  if (packet.length < kMinimumFrame) {
    const std::size_t missing = kMinimumFrame - packet.length;
    if (missing <= packet.tailroom) {
      std::memset(packet.data + packet.length, 0, missing);
      packet.length = kMinimumFrame;
      packet.tailroom = static_cast<uint16_t>(packet.tailroom - missing);
    }
  }
  packet.port = link.port;
}

}  // namespace simplon
