// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// ARP (RFC 826, RFC 5227) and the announcements of both families.

#include "dataplane/slowpath/link_frame.h"
#include "dataplane/slowpath/neighbor.h"

namespace simplon {
namespace {

constexpr uint16_t kHardwareEthernet = 1;
constexpr uint16_t kOperationRequest = 1;
constexpr uint16_t kOperationReply = 2;

bool is_well_formed(const ArpPacket& arp) {
  const uint16_t operation = arp.operation.value();
  return arp.hardware_type.value() == kHardwareEthernet &&
         arp.protocol_type.value() == kEtherTypeIpv4 && arp.hardware_size == 6 &&
         arp.protocol_size == 4 &&
         (operation == kOperationRequest || operation == kOperationReply) &&
         is_station_mac(arp.sender_mac) && !arp.sender_ip.is_multicast() &&
         !arp.sender_ip.is_reserved() && !arp.sender_ip.is_loopback();
}

// Tunnels' end points are answered on every link they are not another link's own address.
bool answers_on(const ForwardingTable& table, const LinkInterface& link, Ipv4Address a) {
  if (!link.has_ipv4 || a.is_unspecified() || !table.links.is_local_ipv4(a)) return false;
  if (a == link.ipv4) return true;
  for (const LinkInterface& other : table.links.interfaces()) {
    if (other.has_ipv4 && other.ipv4 == a) return false;
  }
  return true;
}

}  // namespace

void Neighbors::receive_arp(const ForwardingTable& table, Packet& packet) {
  const auto links = table.links.interfaces();
  if (packet.interface >= links.size() || packet.length < packet.network + sizeof(ArpPacket)) {
    exits_.drop(packet, DropReason::kArpMalformed);
    return;
  }
  const ArpPacket arp = *packet.at<ArpPacket>(packet.network);
  if (!is_well_formed(arp)) {
    exits_.drop(packet, DropReason::kArpMalformed);
    return;
  }
  const LinkInterface& link = links[packet.interface];
  if (answers_on(table, link, arp.sender_ip)) {
    // Somebody uses our address, or our own frame came back.
    if (arp.sender_mac != link.mac) conflict(table, packet.interface);
    exits_.drop(packet, DropReason::kArpIgnored);
    return;
  }
  const bool to_us = answers_on(table, link, arp.target_ip);
  const bool gratuitous = arp.sender_ip == arp.target_ip;
  Neighbor* sender = find(packet.interface, Ipv6Address::from_ipv4(arp.sender_ip));
  if (sender != nullptr && (to_us || gratuitous)) {
    // A probe carries the address it asks for as target only (RFC 5227 2.1.1), so whoever is the
    // sender uses the address.
    const bool asked = sender->state != State::kReachable && sender->state != State::kStale;
    if (to_us && asked && arp.operation.value() == kOperationReply) {
      confirm(table, *sender, arp.sender_mac);
    } else {
      hear(table, *sender, arp.sender_mac);
    }
  }
  if (arp.operation.value() == kOperationReply || !to_us) {
    if (sender != nullptr && (to_us || gratuitous)) {
      exits_.consume(packet);
    } else {
      exits_.drop(packet, DropReason::kArpIgnored);
    }
    return;
  }
  packet.truncate(packet.network + sizeof(ArpPacket));
  exits_.turn_around(packet);
  auto* reply = packet.at<ArpPacket>(packet.network);
  reply->operation = kOperationReply;
  reply->sender_mac = link.mac;
  reply->sender_ip = arp.target_ip;
  reply->target_mac = arp.sender_mac;
  reply->target_ip = arp.sender_ip;
  frame(packet, link, arp.sender_mac, kEtherTypeArp);
  exits_.counters().add(WorkerCounter::kNeighborAdverts);
  exits_.transmit(packet);
}

void Neighbors::send_arp_request(const LinkInterface& link, const MacAddress& to,
                                 Ipv4Address sender, Ipv4Address target) {
  Packet packet;
  if (!exits_.originate(packet)) return;  // the next timer tries again
  packet.length = sizeof(ArpPacket);
  packet.tailroom = static_cast<uint16_t>(packet.tailroom - sizeof(ArpPacket));
  *packet.at<ArpPacket>(0) = {.hardware_type = kHardwareEthernet,
                              .protocol_type = kEtherTypeIpv4,
                              .hardware_size = 6,
                              .protocol_size = 4,
                              .operation = kOperationRequest,
                              .sender_mac = link.mac,
                              .sender_ip = sender,
                              .target_mac = {},
                              .target_ip = target};
  frame(packet, link, to, kEtherTypeArp);
  exits_.counters().add(sender == target ? WorkerCounter::kNeighborAdverts
                                         : WorkerCounter::kNeighborSolicits);
  exits_.transmit(packet);
}

void Neighbors::announce_due(const ForwardingTable& table) {
  for (std::size_t i = 0; i < announced_.size(); ++i) {
    Announced& a = announced_[i];
    if (a.left == 0 || exits_.now() < a.due_ns) continue;
    --a.left;
    a.due_ns = exits_.now() + kAnnounceInterval;
    announce_interface(table, static_cast<uint8_t>(i));
  }
}

void Neighbors::announce_interface(const ForwardingTable& table, uint8_t interface) {
  const LinkInterface& link = table.links.interfaces()[interface];
  if (link.has_ipv4) {
    send_arp_request(link, kBroadcastMac, link.ipv4, link.ipv4);
    const Ipv4Prefix on_link{link.ipv4, link.ipv4_length};
    for (std::size_t i = 0; i < local_count_; ++i) {
      if (local_[i] != link.ipv4 && on_link.contains(local_[i]) &&
          answers_on(table, link, local_[i])) {
        send_arp_request(link, kBroadcastMac, local_[i], local_[i]);
      }
    }
  }
  const MacAddress all_nodes = multicast_mac(kAllNodes);
  if (link.has_ipv6) {
    send_advertisement(link, link.ipv6, kAllNodes, all_nodes, kNdRouter | kNdOverride);
    send_advertisement(link, link.link_local, kAllNodes, all_nodes, kNdRouter | kNdOverride);
  }
}

void Neighbors::conflict(const ForwardingTable& table, uint8_t interface) {
  exits_.counters().add(WorkerCounter::kAddressConflicts);
  if (interface >= announced_.size()) return;
  Announced& a = announced_[interface];
  if (a.defended_ns != 0 && exits_.now() - a.defended_ns < kDefendInterval) return;
  a.defended_ns = exits_.now();
  announce_interface(table, interface);
}

}  // namespace simplon
