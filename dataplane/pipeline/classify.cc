// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pipeline/classify.h"

#include <bit>

#include "dataplane/net/checksum.h"
#include "dataplane/pipeline/ipv4_options.h"
#include "dataplane/table/address_rules.h"

namespace simplon {
namespace {

// IPv4 that is not a whole proto-41 packet, and all of it where IPv4 is routed. True: it is
// protocol 41 for us after all.
[[gnu::noinline]] bool classify_other_ipv4(Batch& batch, std::size_t index, std::size_t header,
                                           std::size_t total) {
  Packet& packet = batch.packets[index];
  const auto* ip = packet.at<Ipv4Header>(packet.network);
  WorkerContext& context = batch.context;
  const LinkTable& links = batch.table.links;
  if (!links.is_local_ipv4(ip->destination)) {
    if (batch.ipv4_is_routed) {
      classify_native_ipv4(batch, index, total);
    } else {
      drop(context, batch.table, packet, DropReason::kOuterNotLocal);
    }
    return false;
  }
  const bool fragment = ip->is_fragment();
  if (ip->protocol == kProtocolIpv6 && !fragment) return true;
  if (links.is_local_ipv4(ip->source) || !is_usable_unicast(ip->source)) {
    drop(context, batch.table, packet, DropReason::kOuterSourceInvalid);
    return false;
  }
  packet.transport = static_cast<uint16_t>(packet.network + header);
  switch (ip->protocol) {
    case kProtocolIpv6:
      punt(context, packet, PuntClass::kFragment);
      break;
    case kProtocolUdp:
      if (fragment) {
        punt(context, packet, PuntClass::kFragment);
      } else {
        classify_udp(batch, index, total - header);
      }
      break;
    case kProtocolGre:
      if (fragment) {
        punt(context, packet, PuntClass::kFragment);
      } else {
        classify_gre(batch, index, total - header);
      }
      break;
    case kProtocolIcmpv4:
      punt(context, packet, PuntClass::kLocal);
      break;
    default:
      drop(context, batch.table, packet, DropReason::kProtocolUnsupported);
  }
  return false;
}

[[gnu::cold, gnu::noinline]] bool check_outer_options(Batch& batch, Packet& packet,
                                                      std::size_t header) {
  const auto options =
      std::span(packet.at<const uint8_t>(packet.network), header).subspan(sizeof(Ipv4Header));
  const Ipv4Options found = check_ipv4_options(options);
  if (found == Ipv4Options::kFine) return true;
  return drop(batch.context, batch.table, packet,
              found == Ipv4Options::kSourceRoute ? DropReason::kOuterSourceRoute
                                                 : DropReason::kOuterMalformed);
}

void classify_ipv6(Batch& batch, std::size_t index) {
  Packet& packet = batch.packets[index];
  packet.inner = packet.network;
  if (check_ipv6(packet, packet.length - packet.network) != InnerCheck::kFine) [[unlikely]] {
    drop(batch.context, batch.table, packet, DropReason::kFrameMalformed);
    return;
  }
  keep_ipv6(batch, index);
  if (batch.destination_pool[index].hit()) [[likely]]
    return;

  // Not into a tunnel: to the PoP itself, or none of our business.
  --batch.count;
  const Ipv6Address& destination = packet.at<Ipv6Header>(packet.inner)->destination;
  WorkerContext& context = batch.context;
  if (destination.is_multicast()) {
    if (is_our_group(destination) && is_neighbor_discovery(packet)) {
      punt(context, packet, PuntClass::kLinkLayer);
    } else {
      drop(context, batch.table, packet, DropReason::kMulticast);
    }
  } else if (batch.table.links.is_local_ipv6(destination)) {
    if (classify_ipv6_carrier(batch, index)) return;
    const bool nd = is_neighbor_discovery(packet);
    punt(context, packet, nd ? PuntClass::kLinkLayer : PuntClass::kLocal);
  } else {
    drop(context, batch.table, packet, DropReason::kNotRoutedHere);
  }
}

void classify_frame(Batch& batch, std::size_t index) {
  Packet& packet = batch.packets[index];
  WorkerContext& context = batch.context;
  const ForwardingTable& table = batch.table;
  if (packet.length < sizeof(EthernetHeader)) [[unlikely]] {
    drop(context, table, packet, DropReason::kFrameMalformed);
    return;
  }
  const auto* ethernet = packet.at<EthernetHeader>(0);
  std::size_t header = sizeof(EthernetHeader);
  uint16_t type = ethernet->type.value();
  uint16_t vlan = 0;
  if (type == kEtherTypeVlan) {
    header += sizeof(VlanTag);
    if (packet.length < header) [[unlikely]] {
      drop(context, table, packet, DropReason::kFrameMalformed);
      return;
    }
    const auto* tag = packet.at<VlanTag>(sizeof(EthernetHeader));
    vlan = tag->vlan();
    type = tag->type.value();
  }
  packet.interface = table.links.interface_of(packet.port, vlan);
  if (packet.interface == kNoInterfaceIndex) [[unlikely]] {
    drop(context, table, packet, DropReason::kVlanUnknown);
    return;
  }
  const bool group = (ethernet->destination[0] & 1) != 0;
  if (!group && !same_mac(ethernet->destination, table.links.interfaces()[packet.interface].mac)) {
    drop(context, table, packet, DropReason::kFrameNotForUs);
    return;
  }
  packet.network = static_cast<uint16_t>(header);
  if (type == kEtherTypeIpv4) {
    classify_ipv4(batch, index);
  } else if (type == kEtherTypeIpv6) {
    classify_ipv6(batch, index);
  } else if (type == kEtherTypeArp) {
    punt(context, packet, PuntClass::kLinkLayer);
  } else {
    drop(context, table, packet, DropReason::kEtherTypeUnknown);
  }
}

}  // namespace

void classify_ipv4(Batch& batch, std::size_t index) {
  Packet& packet = batch.packets[index];
  WorkerContext& context = batch.context;
  const std::size_t available = packet.length - packet.network;
  if (available < sizeof(Ipv4Header)) [[unlikely]] {
    drop(context, batch.table, packet, DropReason::kOuterMalformed);
    return;
  }
  const auto* ip = packet.at<Ipv4Header>(packet.network);
  const std::size_t header = ip->header_length();
  const std::size_t total = ip->total_length.value();
  if (ip->version() != 4 || header < sizeof(Ipv4Header) || total < header || total > available)
      [[unlikely]] {
    drop(context, batch.table, packet, DropReason::kOuterMalformed);
    return;
  }
  const bool valid = header == sizeof(Ipv4Header)
                         ? ipv4_header_valid(*ip)
                         : ipv4_header_valid({packet.at<uint8_t>(packet.network), header});
  if (!valid) [[unlikely]] {
    drop(context, batch.table, packet, DropReason::kOuterBadChecksum);
    return;
  }
  if (header > sizeof(Ipv4Header) && !check_outer_options(batch, packet, header)) [[unlikely]] {
    return;
  }
  if (ip->protocol != kProtocolIpv6 || ip->is_fragment() || batch.ipv4_is_routed) [[unlikely]] {
    if (!classify_other_ipv4(batch, index, header, total)) return;
  }
  packet.inner = static_cast<uint16_t>(packet.network + header);
  packet.encapsulation = Encapsulation::kProto41;
  classify_inner_ipv6(batch, index, total - header);
}

void classify_outer(Batch& batch, std::size_t index) {
  Packet& packet = batch.packets[index];
  if (packet.network < packet.length && *packet.at<uint8_t>(packet.network) >> 4 == 6) {
    classify_ipv6(batch, index);
  } else {
    classify_ipv4(batch, index);
  }
}

void classify(Batch& batch, PacketSet packets) {
  constexpr std::size_t kAhead = 4;
  // Two lines: the addresses that tell the tunnel stand behind the first.
  const auto fetch_first = [&batch](PacketSet& set) {
    if (set == 0) return;
    const uint8_t* frame = batch.packets[static_cast<std::size_t>(std::countr_zero(set))].data;
    __builtin_prefetch(frame);
    __builtin_prefetch(frame + 64);
    set &= set - 1;
  };
  PacketSet ahead = packets;
  for (std::size_t i = 0; i < kAhead; ++i) fetch_first(ahead);
  for (; packets != 0; packets &= packets - 1) {
    fetch_first(ahead);
    classify_frame(batch, static_cast<std::size_t>(std::countr_zero(packets)));
  }
}

}  // namespace simplon
