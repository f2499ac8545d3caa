// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/outer_header.h"

namespace simplon {

std::optional<OuterHeader> outer_header(const Packet& packet) {
  if (packet.network >= packet.length) return std::nullopt;
  const std::size_t there = packet.length - packet.network;
  const unsigned version = *packet.at<uint8_t>(packet.network) >> 4;
  OuterHeader outer;
  if (version == 4 && there >= sizeof(Ipv4Header)) {
    const auto* ip = packet.at<Ipv4Header>(packet.network);
    outer.source = Ipv6Address::from_ipv4(ip->source);
    outer.destination = Ipv6Address::from_ipv4(ip->destination);
    outer.protocol = ip->protocol;
    outer.length = ip->total_length.value();
    if (ip->header_length() < sizeof(Ipv4Header) || outer.length < ip->header_length()) {
      return std::nullopt;
    }
  } else if (version == 6 && there >= sizeof(Ipv6Header)) {
    const auto* ip = packet.at<Ipv6Header>(packet.network);
    outer.source = ip->source;
    outer.destination = ip->destination;
    outer.protocol = ip->next_header;
    outer.length = sizeof(Ipv6Header) + ip->payload_length.value();
  } else {
    return std::nullopt;
  }
  if (outer.length > there) return std::nullopt;
  return outer;
}

std::optional<Datagram> udp_datagram(const Packet& packet) {
  const auto outer = outer_header(packet);
  if (!outer) return std::nullopt;
  const std::size_t end = packet.network + outer->length;
  const std::size_t header =
      outer->source.is_ipv4_mapped() ? sizeof(Ipv4Header) : sizeof(Ipv6Header);
  if (packet.transport < packet.network + header || packet.transport + sizeof(UdpHeader) > end) {
    return std::nullopt;
  }
  const auto* udp = packet.at<UdpHeader>(packet.transport);
  const std::size_t length = udp->length.value();
  if (length < sizeof(UdpHeader) || packet.transport + length > end) return std::nullopt;
  return Datagram{
      udp->source_port.value(),
      udp->destination_port.value(),
      {packet.at<uint8_t>(packet.transport + sizeof(UdpHeader)), length - sizeof(UdpHeader)}};
}

bool came_from(const Packet& packet, const Endpoint& endpoint) {
  const auto outer = outer_header(packet);
  if (!outer || outer->source != endpoint.address) return false;
  if (endpoint.transport == Transport::kProto41)
    return packet.encapsulation != Encapsulation::kAyiya;
  if (packet.encapsulation != Encapsulation::kAyiya) return false;
  const auto datagram = udp_datagram(packet);
  return datagram && datagram->source_port == endpoint.port;
}

}  // namespace simplon
