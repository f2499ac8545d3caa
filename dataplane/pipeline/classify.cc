// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <algorithm>

#include "dataplane/net/checksum.h"
#include "dataplane/pipeline/batch.h"
#include "dataplane/table/address_rules.h"

namespace simplon {
namespace {

// IPv4 options (RFC 791): loose and strict source route.
constexpr uint8_t kOptionEnd = 0;
constexpr uint8_t kOptionNoOperation = 1;
constexpr uint8_t kOptionLooseSourceRoute = 131;
constexpr uint8_t kOptionStrictSourceRoute = 137;

enum class Options : uint8_t { kFine, kSourceRoute, kMalformed };

Options check_options(std::span<const uint8_t> options) {
  while (!options.empty()) {
    if (options[0] == kOptionEnd) break;
    if (options[0] == kOptionNoOperation) {
      options = options.subspan(1);
      continue;
    }
    if (options[0] == kOptionLooseSourceRoute || options[0] == kOptionStrictSourceRoute) {
      return Options::kSourceRoute;
    }
    if (options.size() < 2 || options[1] < 2 || options[1] > options.size()) {
      return Options::kMalformed;
    }
    options = options.subspan(options[1]);
  }
  return Options::kFine;
}

bool is_neighbor_discovery(const Packet& packet) {
  const auto* ip = packet.at<Ipv6Header>(packet.inner);
  if (ip->next_header != kProtocolIcmpv6 || packet.inner_length <= sizeof(Ipv6Header)) return false;
  const uint8_t type = *packet.at<uint8_t>(packet.inner + sizeof(Ipv6Header));
  return type >= kIcmpv6RouterSolicitation && type <= kIcmpv6Redirect;
}

// Bounds and version of the IPv6 packet at `packet.inner`, of which `available` bytes are there.
// Sets inner_length.
enum class Ipv6Check : uint8_t { kFine, kShort, kNotIpv6 };

Ipv6Check check_ipv6(Packet& packet, std::size_t available) {
  if (available < sizeof(Ipv6Header)) {
    // The nibble tells the two faults apart where there is one to read.
    const bool other = available > 0 && *packet.at<uint8_t>(packet.inner) >> 4 != 6;
    return other ? Ipv6Check::kNotIpv6 : Ipv6Check::kShort;
  }
  const auto* ip = packet.at<Ipv6Header>(packet.inner);
  if (ip->version() != 6) return Ipv6Check::kNotIpv6;
  const std::size_t length = sizeof(Ipv6Header) + ip->payload_length.value();
  if (length > available) return Ipv6Check::kShort;
  packet.inner_length = static_cast<uint16_t>(length);
  return Ipv6Check::kFine;
}

void keep(Batch& batch, std::size_t index) {
  const SnapshotView& view = batch.table.snapshot;
  const auto* ip = batch.packets[index].at<Ipv6Header>(batch.packets[index].inner);
  batch.source_pool[index] = view.lookup(ip->source.hi());
  batch.destination_pool[index] = view.lookup(ip->destination.hi());
  view.prefetch(batch.source_pool[index]);
  view.prefetch(batch.destination_pool[index]);
  batch.add_pending(index);
}

// Inner sources no pool owns. Link-local and unspecified ones are legitimate in neighbour discovery
// with the PoP; the slow path finds their tunnel by the outer addresses.
void classify_ownerless(Batch& batch, Packet& packet) {
  const auto* ip = packet.at<Ipv6Header>(packet.inner);
  const Ipv6Address& source = ip->source;
  const Ipv6Address& destination = ip->destination;
  WorkerContext& context = batch.context;
  const bool to_pop = destination.is_link_local() || is_our_group(destination) ||
                      (batch.table.snapshot.lookup(destination.hi()).kind == PoolKind::kLink &&
                       destination.lo() == 1);
  if (source.is_link_local()) {
    if (to_pop && ip->next_header == kProtocolIcmpv6) {
      punt(context, packet, PuntClass::kLocal);
    } else {
      drop(context, batch.table, packet,
           destination.is_multicast() ? DropReason::kMulticast : DropReason::kLinkLocalTransit);
    }
  } else if (source.is_unspecified() && is_our_group(destination) &&
             is_neighbor_discovery(packet)) {
    punt(context, packet, PuntClass::kLocal);
  } else if (source.is_multicast() || source.is_ipv4_mapped() || source.is_ipv4_compatible()) {
    drop(context, batch.table, packet, DropReason::kInnerSourceInvalid);
  } else {
    drop(context, batch.table, packet, DropReason::kInnerSourceNotDelegated);
  }
}

void classify_proto41(Batch& batch, std::size_t index, std::size_t header, std::size_t total) {
  Packet& packet = batch.packets[index];
  packet.inner = static_cast<uint16_t>(packet.network + header);
  switch (check_ipv6(packet, total - header)) {
    case Ipv6Check::kFine:
      break;
    case Ipv6Check::kShort:
      drop(batch.context, batch.table, packet, DropReason::kInnerMalformed);
      return;
    case Ipv6Check::kNotIpv6:
      drop(batch.context, batch.table, packet, DropReason::kInnerNotIpv6);
      return;
  }
  keep(batch, index);
  if (!batch.source_pool[index].hit()) [[unlikely]] {
    --batch.count;
    classify_ownerless(batch, packet);
  }
}

// IPv4 to the PoP that is not a whole proto-41 packet, and IPv4 to somebody else.
[[gnu::cold, gnu::noinline]] void classify_other_ipv4(Batch& batch, Packet& packet) {
  const auto* ip = packet.at<Ipv4Header>(packet.network);
  WorkerContext& context = batch.context;
  const LinkTable& links = batch.table.links;
  if (!links.is_local_ipv4(ip->destination)) {
    drop(context, batch.table, packet, DropReason::kOuterNotLocal);
  } else if (links.is_local_ipv4(ip->source) || !is_usable_unicast(ip->source)) {
    drop(context, batch.table, packet, DropReason::kOuterSourceInvalid);
  } else if (ip->protocol == kProtocolIpv6 && ip->is_fragment()) {
    punt(context, packet, PuntClass::kFragment);
  } else if (ip->protocol == kProtocolIcmpv4) {
    punt(context, packet, PuntClass::kLocal);
  } else {
    drop(context, batch.table, packet, DropReason::kProtocolUnsupported);
  }
}

void classify_ipv6(Batch& batch, std::size_t index) {
  Packet& packet = batch.packets[index];
  packet.inner = packet.network;
  if (check_ipv6(packet, packet.length - packet.network) != Ipv6Check::kFine) [[unlikely]] {
    drop(batch.context, batch.table, packet, DropReason::kFrameMalformed);
    return;
  }
  keep(batch, index);
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
  if (header > sizeof(Ipv4Header)) [[unlikely]] {
    const auto options =
        std::span(packet.at<const uint8_t>(packet.network), header).subspan(sizeof(Ipv4Header));
    const Options found = check_options(options);
    if (found != Options::kFine) {
      drop(context, batch.table, packet,
           found == Options::kSourceRoute ? DropReason::kOuterSourceRoute
                                          : DropReason::kOuterMalformed);
      return;
    }
  }
  if (ip->protocol != kProtocolIpv6 || ip->is_fragment()) [[unlikely]] {
    classify_other_ipv4(batch, packet);
    return;
  }
  classify_proto41(batch, index, header, total);
}

void classify(Batch& batch) {
  constexpr std::size_t kAhead = 4;
  const std::size_t n = batch.packets.size();
  for (std::size_t i = 0; i < std::min(kAhead, n); ++i) {
    __builtin_prefetch(batch.packets[i].data);
    __builtin_prefetch(batch.packets[i].data + 64);
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (i + kAhead < n) {
      // Two lines: the addresses that tell the tunnel stand behind the first.
      __builtin_prefetch(batch.packets[i + kAhead].data);
      __builtin_prefetch(batch.packets[i + kAhead].data + 64);
    }
    classify_frame(batch, i);
  }
}

}  // namespace simplon
