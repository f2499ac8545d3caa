// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Neighbour discovery on the links (RFC 4861 7.2).

#include "dataplane/slowpath/link_frame.h"
#include "dataplane/slowpath/neighbor.h"

namespace simplon {
namespace {

bool answers_on(const ForwardingTable& table, const LinkInterface& link, const Ipv6Address& a) {
  if (a == link.link_local) return true;
  if (!link.has_ipv6) return false;
  // The PoP's own address where it is one of this link.
  return a == link.ipv6 || (a == Ipv6Address::from_bytes(table.snapshot.pop().ipv6_address) &&
                            Ipv6Prefix{link.ipv6, link.ipv6_length}.contains(a));
}

}  // namespace

void Neighbors::receive_solicitation(const ForwardingTable& table, Packet& packet,
                                     std::span<const uint8_t> message) {
  const auto* ip = packet.at<Ipv6Header>(packet.inner);
  const auto asked = parse_solicitation(*ip, message);
  const MacAddress from = packet.at<EthernetHeader>(0)->source;
  if (!asked || !is_station_mac(from)) {
    exits_.drop(packet, DropReason::kIcmpv6Malformed);
    return;
  }
  const LinkInterface& link = table.links.interfaces()[packet.interface];
  if (!answers_on(table, link, asked->target)) {
    exits_.drop(packet, DropReason::kNdNotOurs);
    return;
  }
  if (asked->source_mac) {
    if (Neighbor* n = find(packet.interface, ip->source)) hear(table, *n, *asked->source_mac);
  }
  if (ip->source.is_unspecified()) {
    // Somebody wants to take our address (RFC 4862 5.4.3).
    send_advertisement(link, asked->target, kAllNodes, multicast_mac(kAllNodes),
                       kNdRouter | kNdOverride);
  } else {
    send_advertisement(link, asked->target, ip->source, asked->source_mac.value_or(from),
                       kNdRouter | kNdSolicited | kNdOverride);
  }
  exits_.consume(packet);
}

void Neighbors::receive_advertisement(const ForwardingTable& table, Packet& packet,
                                      std::span<const uint8_t> message) {
  const auto* ip = packet.at<Ipv6Header>(packet.inner);
  const auto said = parse_advertisement(*ip, message);
  if (!said) {
    exits_.drop(packet, DropReason::kIcmpv6Malformed);
    return;
  }
  const LinkInterface& link = table.links.interfaces()[packet.interface];
  if (answers_on(table, link, said->target)) {
    if (said->target_mac && *said->target_mac != link.mac) conflict(table, packet.interface);
    exits_.drop(packet, DropReason::kIcmpv6Ignored);
    return;
  }
  Neighbor* n = find(packet.interface, said->target);
  const bool known = n != nullptr && n->state != State::kIncomplete && n->state != State::kFailed;
  if (n == nullptr || (!known && !said->target_mac)) {
    exits_.drop(packet, DropReason::kIcmpv6Ignored);
    return;
  }
  const MacAddress mac = said->target_mac.value_or(n->mac);
  const bool solicited = (said->flags & kNdSolicited) != 0;
  if (known && mac != n->mac && (said->flags & kNdOverride) == 0) {
    // Another station says so but would not overrule the one we know: ask that one.
    if (n->state == State::kReachable) enter(*n, State::kProbe, 0);
  } else if (solicited) {
    confirm(table, *n, mac);
  } else {
    hear(table, *n, mac);
  }
  exits_.consume(packet);
}

void Neighbors::send_solicitation(const LinkInterface& link, const Ipv6Address& target,
                                  const MacAddress* unicast) {
  Packet packet;
  if (!exits_.originate(packet)) return;  // the next timer tries again
  const bool global = link.has_ipv6 && !target.is_link_local();
  const Ipv6Address group = solicited_node_group(target);
  make_neighbor_message(packet, global ? link.ipv6 : link.link_local,
                        unicast != nullptr ? target : group, kIcmpv6NeighborSolicitation, 0, target,
                        link.mac);
  frame(packet, link, unicast != nullptr ? *unicast : multicast_mac(group), kEtherTypeIpv6);
  exits_.counters().add(WorkerCounter::kNeighborSolicits);
  exits_.transmit(packet);
}

void Neighbors::send_advertisement(const LinkInterface& link, const Ipv6Address& target,
                                   const Ipv6Address& destination, const MacAddress& to,
                                   uint32_t flags) {
  Packet packet;
  if (!exits_.originate(packet)) return;  // whoever asked asks again
  make_neighbor_message(packet, target, destination, kIcmpv6NeighborAdvertisement, flags, target,
                        link.mac);
  frame(packet, link, to, kEtherTypeIpv6);
  exits_.counters().add(WorkerCounter::kNeighborAdverts);
  exits_.transmit(packet);
}

}  // namespace simplon
