// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// ICMPv4 errors about packets inside tunnels (docs/protocols.md §11.3).

#include <algorithm>
#include <cstring>
#include <optional>

#include "dataplane/net/checksum.h"
#include "dataplane/pipeline/tunnel_route.h"
#include "dataplane/slowpath/icmpv4.h"
#include "dataplane/slowpath/icmpv4_message.h"
#include "dataplane/slowpath/link_frame.h"
#include "dataplane/table/address_rules.h"

namespace simplon {
namespace {

struct Icmpv4Error {
  uint8_t type;
  uint8_t code;
  uint32_t rest = 0;
};

constexpr uint8_t kNetworkUnreachable = 0;
constexpr uint8_t kPortUnreachable = 3;
constexpr uint8_t kFragmentationNeeded = 4;
constexpr uint8_t kProhibited = 13;

// What the packet may measure to go where it was going.
uint32_t path_mtu(const WorkerContext& context, const ForwardingTable& table,
                  const Packet& offending) {
  if (offending.out_slot != kNoSlot) {
    return tunnel_route(context.runtime, table, offending.out_slot).mtu;
  }
  const auto* ip = offending.at<Ipv4Header>(offending.inner);
  const NextHop next_hop = table.links.route_ipv4(ip->destination);
  if (next_hop.interface >= table.links.interfaces().size()) return kIpv6MinimumMtu;
  return table.links.interfaces()[next_hop.interface].mtu;
}

std::optional<Icmpv4Error> error_of(const WorkerContext& context, const ForwardingTable& table,
                                    const Packet& offending, DropReason reason) {
  switch (info(reason).answer) {
    case IcmpAnswer::kNoRoute:
    case IcmpAnswer::kAddress:
      return Icmpv4Error{kIcmpv4Unreachable, kNetworkUnreachable};
    case IcmpAnswer::kAdminProhibited:
      return Icmpv4Error{kIcmpv4Unreachable, kProhibited};
    case IcmpAnswer::kPort:
      return Icmpv4Error{kIcmpv4Unreachable, kPortUnreachable};
    case IcmpAnswer::kHopLimit:
      return Icmpv4Error{kIcmpv4TimeExceeded, 0};
    case IcmpAnswer::kTooBig:
      // RFC 1191 4: the MTU in the lower 16 bits.
      return Icmpv4Error{kIcmpv4Unreachable, kFragmentationNeeded,
                         path_mtu(context, table, offending) & 0xffff};
    case IcmpAnswer::kNone:
    case IcmpAnswer::kSourcePolicy:
    case IcmpAnswer::kEncapLimit:
      return std::nullopt;
  }
  return std::nullopt;
}

// RFC 1812 4.3.2.7: not about errors, later fragments, groups and broadcasts, or from a source that
// is not one host.
bool may_be_answered(const ForwardingTable& table, const Packet& offending) {
  const auto* ip = offending.at<Ipv4Header>(offending.inner);
  if (offending.originated || (ip->flags_fragment.value() & 0x1fff) != 0 ||
      !is_usable_unicast(ip->source) || table.links.is_local_ipv4(ip->source) ||
      !is_usable_unicast(ip->destination)) {
    return false;
  }
  for (const LinkInterface& link : table.links.interfaces()) {
    const Ipv4Prefix on_link{link.ipv4, link.ipv4_length};
    if (link.has_ipv4 && on_link.contains(ip->source) &&
        is_broadcast_or_network(ip->source, link.ipv4_length)) {
      return false;
    }
  }
  // A frame for a group of stations; only the uplink has those.
  if (offending.network == offending.inner && offending.network >= sizeof(EthernetHeader) &&
      is_group_mac(offending.at<EthernetHeader>(0)->destination)) {
    return false;
  }
  if (ip->protocol != kProtocolIcmpv4) return true;
  const std::size_t type_at = ip->header_length();
  return type_at < offending.inner_length &&
         !is_icmpv4_error(*offending.at<uint8_t>(offending.inner + type_at));
}

}  // namespace

void Icmpv4::answer_inner(const ForwardingTable& table, Packet& packet, DropReason reason) {
  WorkerContext& context = exits_.context();
  const auto error = error_of(context, table, packet, reason);
  const PopRecord& pop = table.snapshot.pop();
  const auto from = Ipv6Address::from_bytes(pop.local_addresses[pop.local_ipv4_index]);
  const std::size_t there = packet.length - packet.inner;
  const bool whole = packet.inner_length >= sizeof(Ipv4Header) && packet.inner_length <= there;
  if (!error || !whole || !from.is_ipv4_mapped()) {
    exits_.drop(packet, reason);
    return;
  }
  if (may_be_answered(table, packet)) {
    send_inner_error(table, packet, from.ipv4(), error->type, error->code, error->rest);
  } else {
    exits_.counters().add(WorkerCounter::kIcmpv6ErrorsNotOwed);
  }
  exits_.drop(packet, reason);
}

void Icmpv4::send_inner_error(const ForwardingTable& table, const Packet& offending,
                              Ipv4Address from, uint8_t type, uint8_t code, uint32_t rest) {
  constexpr std::size_t kHeaders = sizeof(Ipv4Header) + sizeof(IcmpHeader);
  const uint32_t tunnel = offending.in_slot != kNoSlot ? offending.in_slot : offending.out_slot;
  const std::size_t quoted =
      std::min<std::size_t>(offending.inner_length, kIcmpv4ErrorMaximum - kHeaders);
  const std::size_t total = kHeaders + quoted;
  // The link and outer headers the packet came with are about what the error will get.
  if (!limits_.errors.take(tunnel, exits_.now()) ||
      !limits_.credit.spend(total + offending.inner)) {
    exits_.counters().add(WorkerCounter::kIcmpv6ErrorsLimited);
    return;
  }
  Packet packet;
  if (!exits_.originate(packet)) return;  // an error is a courtesy
  const auto* received = offending.at<Ipv4Header>(offending.inner);
  packet.length = static_cast<uint16_t>(total);
  packet.tailroom = static_cast<uint16_t>(packet.tailroom - total);
  *packet.at<Ipv4Header>(0) = make_icmpv4_header(total, kIcmpv4ErrorTos, from, received->source);
  auto* icmp = packet.at<IcmpHeader>(sizeof(Ipv4Header));
  *icmp = {.type = type, .code = code, .checksum = uint16_t{0}, .rest = rest};
  std::memcpy(packet.data + kHeaders, received, quoted);
  icmp->checksum = checksum_finish(
      checksum_add(0, {packet.at<uint8_t>(sizeof(Ipv4Header)), total - sizeof(Ipv4Header)}));
  packet.out_slot = offending.in_slot;
  exits_.counters().add(WorkerCounter::kIcmpv4ErrorsSent);
  send_ipv4(exits_.context(), table, packet);
  exits_.finish(table, packet);
}

}  // namespace simplon
