// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/icmpv6_error.h"

#include <algorithm>
#include <cstring>

#include "dataplane/net/checksum.h"
#include "dataplane/pipeline/tunnel_route.h"
#include "dataplane/slowpath/extension_headers.h"
#include "dataplane/slowpath/link_frame.h"

namespace simplon {
namespace {

constexpr std::size_t kErrorHeaders = sizeof(Ipv6Header) + sizeof(IcmpHeader);
constexpr uint8_t kErrorHopLimit = 64;
constexpr uint8_t kFirstInformational = 128;

Icmpv6Error unreachable(UnreachableCode code) {
  return {.type = kIcmpv6Unreachable, .code = static_cast<uint8_t>(code)};
}

// What the packet may measure to go where it was going.
uint32_t path_mtu(const RuntimeTable& runtime, const ForwardingTable& table,
                  const Packet& offending) {
  if (offending.out_slot != kNoSlot) return tunnel_route(runtime, table, offending.out_slot).mtu;
  const auto& destination = offending.at<Ipv6Header>(offending.inner)->destination;
  const NextHop next_hop = table.links.route_ipv6(destination);
  if (next_hop.interface >= table.links.interfaces().size()) return kIpv6MinimumMtu;
  return std::max<uint32_t>(table.links.interfaces()[next_hop.interface].mtu, kIpv6MinimumMtu);
}

// RFC 4443 2.2: the address the packet was sent to if it is ours; else the PoP's end of the tunnel
// concerned, the one it came from before the one it went to; else the PoP's own, or where it has
// none that of a link. Unspecified if there is none at all.
Ipv6Address error_source(const ForwardingTable& table, const Packet& offending,
                         const Icmpv6Error& error) {
  const auto* ip = offending.at<Ipv6Header>(offending.inner);
  if (error.addressed_to_pop && !ip->destination.is_multicast()) return ip->destination;
  for (const uint32_t slot : {offending.in_slot, offending.out_slot}) {
    if (slot == kNoSlot) continue;
    if (const auto hi = table.snapshot.link_hi(slot)) return Ipv6Address::from_halves(*hi, 1);
  }
  const auto own = Ipv6Address::from_bytes(table.snapshot.pop().ipv6_address);
  if (!own.is_unspecified()) return own;
  for (const LinkInterface& link : table.links.interfaces()) {
    if (link.has_ipv6) return link.ipv6;
  }
  return {};
}

// A source that names one host an answer can be routed to.
bool is_answerable(const Ipv6Address& source) {
  return !source.is_multicast() && !source.is_link_local() && !source.is_ipv4_compatible() &&
         !source.is_ipv4_mapped();
}

// RFC 4443 2.4(e.5): a frame for a group of stations; only the uplink has those.
bool came_to_group(const Packet& packet) {
  return packet.network >= sizeof(EthernetHeader) &&
         is_group_mac(packet.at<EthernetHeader>(0)->destination);
}

}  // namespace

std::optional<Icmpv6Error> error_of(const RuntimeTable& runtime, const ForwardingTable& table,
                                    const Packet& offending, DropReason reason) {
  switch (info(reason).answer) {
    case IcmpAnswer::kNone:
      return std::nullopt;
    case IcmpAnswer::kNoRoute:
      return unreachable(UnreachableCode::kNoRoute);
    case IcmpAnswer::kAdminProhibited:
      return unreachable(UnreachableCode::kAdminProhibited);
    case IcmpAnswer::kAddress:
      return unreachable(UnreachableCode::kAddress);
    case IcmpAnswer::kPort: {
      Icmpv6Error error = unreachable(UnreachableCode::kPort);
      error.addressed_to_pop = true;
      return error;
    }
    case IcmpAnswer::kSourcePolicy:
      if ((table.snapshot.pop().flags & kPopIcmpv6SourcePolicy) == 0) return std::nullopt;
      return unreachable(UnreachableCode::kSourcePolicy);
    case IcmpAnswer::kHopLimit:
      return Icmpv6Error{.type = kIcmpv6TimeExceeded, .code = 0};
    case IcmpAnswer::kTooBig:
      return Icmpv6Error{.type = kIcmpv6PacketTooBig,
                         .code = 0,
                         .rest = path_mtu(runtime, table, offending),
                         .even_multicast = true};
    case IcmpAnswer::kEncapLimit:
      // The worker has found the option.
      return Icmpv6Error{.type = kIcmpv6ParameterProblem,
                         .code = 0,
                         .rest = static_cast<uint32_t>(offending.detail)};
  }
  return std::nullopt;
}

bool may_be_answered(const Packet& offending, const Icmpv6Error& error) {
  if (offending.originated) return false;
  const auto* ip = offending.at<Ipv6Header>(offending.inner);
  if (!is_answerable(ip->source)) return false;
  if ((ip->destination.is_multicast() || came_to_group(offending)) && !error.even_multicast) {
    return false;
  }
  const auto upper =
      find_upper_layer({offending.at<uint8_t>(offending.inner), offending.inner_length});
  if (!upper) return false;  // it may be an error, and nobody can tell
  if (upper->protocol != kProtocolIcmpv6 || upper->later_fragment) return true;
  if (upper->offset >= offending.inner_length) return false;
  const uint8_t type = *offending.at<uint8_t>(offending.inner + upper->offset);
  return type >= kFirstInformational && type != kIcmpv6Redirect;
}

void Icmpv6Errors::answer(const ForwardingTable& table, Packet& offending, DropReason reason) {
  if (const auto error = error_of(exits_.context().runtime, table, offending, reason)) {
    answer(table, offending, reason, *error);
  } else {
    exits_.drop(offending, reason);
  }
}

void Icmpv6Errors::answer(const ForwardingTable& table, Packet& offending, DropReason reason,
                          const Icmpv6Error& error) {
  // Bytes behind the IPv6 packet are link padding; those before it nobody quotes.
  const std::size_t there = offending.length - offending.inner;
  if (offending.inner_length < sizeof(Ipv6Header) || offending.inner_length > there) {
    exits_.drop(offending, reason);
    return;
  }
  const Ipv6Address from = error_source(table, offending, error);
  const Ipv6Address& to = offending.at<Ipv6Header>(offending.inner)->source;
  // An error to its own source would be one about a forged packet.
  if (may_be_answered(offending, error) && from != to && !from.is_unspecified()) {
    send(table, offending, error);
  } else {
    exits_.counters().add(WorkerCounter::kIcmpv6ErrorsNotOwed);
  }
  exits_.drop(offending, reason);
}

void Icmpv6Errors::send(const ForwardingTable& table, const Packet& offending,
                        const Icmpv6Error& error) {
  const uint32_t tunnel = offending.in_slot != kNoSlot ? offending.in_slot : offending.out_slot;
  const std::size_t quoted =
      std::min<std::size_t>(offending.inner_length, kIpv6MinimumMtu - kErrorHeaders);
  const std::size_t total = kErrorHeaders + quoted;
  // The link and outer headers the packet came with are about what the error will get.
  if (!limits_.errors.take(tunnel, exits_.now()) ||
      !limits_.credit.spend(total + offending.inner)) {
    exits_.counters().add(WorkerCounter::kIcmpv6ErrorsLimited);
    return;
  }
  Packet packet;
  if (!exits_.originate(packet)) return;  // an error is a courtesy

  const auto* received = offending.at<Ipv6Header>(offending.inner);
  packet.length = static_cast<uint16_t>(total);
  packet.tailroom = static_cast<uint16_t>(packet.tailroom - total);
  auto* ip = packet.at<Ipv6Header>(0);
  *ip = {
      .version_class_flow = uint32_t{6} << 28,
      .payload_length = static_cast<uint16_t>(total - sizeof(Ipv6Header)),
      .next_header = kProtocolIcmpv6,
      .hop_limit = kErrorHopLimit,
      .source = error_source(table, offending, error),
      .destination = received->source,
  };
  auto* icmp = packet.at<IcmpHeader>(sizeof(Ipv6Header));
  *icmp = {.type = error.type, .code = error.code, .checksum = uint16_t{0}, .rest = error.rest};
  std::memcpy(packet.data + kErrorHeaders, received, quoted);
  icmp->checksum =
      icmpv6_checksum(*ip, {packet.at<uint8_t>(sizeof(Ipv6Header)), total - sizeof(Ipv6Header)});

  // Back into the tunnel it came from, even if its source is an address nobody else could reach: in
  // the link prefix but not ::2.
  packet.out_slot = offending.in_slot;
  exits_.counters().add(WorkerCounter::kIcmpv6ErrorsSent);
  send_ipv6(exits_.context(), table, packet);
  exits_.finish(table, packet);
}

}  // namespace simplon
