// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/local_ipv6.h"

#include "dataplane/net/checksum.h"
#include "dataplane/slowpath/attribution.h"
#include "dataplane/slowpath/link_frame.h"
#include "dataplane/slowpath/nd_message.h"
#include "dataplane/slowpath/outer_header.h"

namespace simplon {
namespace {

constexpr uint8_t kReplyHopLimit = 64;

bool is_icmpv6_error(uint8_t type) {
  return type >= kIcmpv6Unreachable && type <= kIcmpv6ParameterProblem;
}

bool came_by_tunnel(const Packet& packet) {
  return packet.network != packet.inner;
}

std::span<const uint8_t> message_of(const Packet& packet, const DeliveredChain& chain) {
  return {packet.at<uint8_t>(packet.inner + chain.offset), packet.inner_length - chain.offset};
}

bool is_solicitation(const Packet& packet, const DeliveredChain& chain) {
  return chain.verdict == DeliveredChain::Verdict::kDeliver && chain.protocol == kProtocolIcmpv6 &&
         message_of(packet, chain).size() >= sizeof(NeighborMessage) &&
         message_of(packet, chain)[0] == kIcmpv6NeighborSolicitation;
}

// Several tunnels may end at one remote address. The one that is meant has `wanted` in its link
// prefix; any does for an address that is the same in all of them.
uint32_t tunnel_of(const ForwardingTable& table, const Owners& owners, const Packet& packet,
                   const Ipv6Address& wanted, DropReason& reason) {
  const auto outer = outer_header(packet);
  reason = DropReason::kOuterSourceMismatch;
  if (!outer) return kNoSlot;
  const uint8_t local = table.links.local_index(outer->destination);
  uint32_t found = kNoSlot;
  owners.each(table, outer->source, [&](const Owner& owner) {
    // Only what may be carried as this packet was.
    const bool proto41 = packet.encapsulation == Encapsulation::kProto41;
    const auto kind = static_cast<TunnelKind>(table.snapshot.slot(owner.slot).kind);
    const bool fits = owner.dynamic ? proto41 && owner.endpoint.transport == Transport::kProto41
                      : kind == TunnelKind::kGre ? packet.encapsulation == Encapsulation::kGre
                                                 : proto41;
    if (!fits || owner.local_index != local || found != kNoSlot) return;
    if (!wanted.is_link_local() && !wanted.is_multicast() &&
        table.snapshot.link_hi(owner.slot) != wanted.hi()) {
      return;
    }
    if ((table.snapshot.slot(owner.slot).flags & kTunnelEnabled) != 0) {
      found = owner.slot;
    } else {
      reason = DropReason::kTunnelDisabled;
    }
  });
  return found;
}

// ::1 of a tunnel, whichever.
bool is_tunnel_end(const ForwardingTable& table, const Ipv6Address& a) {
  if (a.lo() != 1) return false;
  const PoolLookup found = table.snapshot.lookup(a.hi());
  if (found.kind != PoolKind::kLink) return false;
  const uint32_t slot = table.snapshot.resolve(found);
  return slot != kNoSlot &&
         table.snapshot.slot(slot).kind != static_cast<uint8_t>(TunnelKind::kUnused);
}

}  // namespace

Ipv6Address tunnel_link_local(const RuntimeTable& runtime, const ForwardingTable& table,
                              uint32_t slot) {
  constexpr uint64_t kLinkLocal = 0xfe80'0000'0000'0000;
  const TunnelSlot* dynamic = find_dynamic(table, runtime, slot);
  const uint8_t index = dynamic != nullptr ? runtime.load(slot, dynamic->incarnation).local_index
                                           : table.snapshot.slot(slot).local_index;
  const auto local = Ipv6Address::from_bytes(table.snapshot.pop().local_addresses[index]);
  return Ipv6Address::from_halves(kLinkLocal,
                                  local.is_ipv4_mapped() ? local.ipv4().value() : local.lo());
}

void LocalIpv6::handle(const ForwardingTable& table, Packet& packet) {
  const DeliveredChain chain =
      process_chain({packet.at<uint8_t>(packet.inner), packet.inner_length});
  const bool solicitation = is_solicitation(packet, chain);
  const bool addressed_right = came_by_tunnel(packet) ? check_tunnel(table, packet, chain)
                                                      : check_uplink(table, packet, solicitation);
  if (!addressed_right) return;

  const bool multicast = packet.at<Ipv6Header>(packet.inner)->destination.is_multicast();
  switch (chain.verdict) {
    case DeliveredChain::Verdict::kDiscard:
      exits_.drop(packet, DropReason::kExtensionHeader);
      return;
    case DeliveredChain::Verdict::kParameterProblem:
      errors_.answer(table, packet, DropReason::kExtensionHeader,
                     {.type = kIcmpv6ParameterProblem,
                      .code = chain.code,
                      .rest = chain.pointer,
                      .even_multicast = chain.even_multicast,
                      .addressed_to_pop = true});
      return;
    case DeliveredChain::Verdict::kDeliver:
      break;
  }
  if (chain.protocol == kProtocolIcmpv6) {
    icmpv6(table, packet, chain);
  } else if (chain.protocol == kProtocolNoNext) {
    exits_.drop(packet, DropReason::kExtensionHeader);
  } else if (multicast) {
    exits_.drop(packet, DropReason::kMulticast);
  } else {
    errors_.answer(table, packet, DropReason::kPortUnreachable);
  }
}

bool LocalIpv6::check_tunnel(const ForwardingTable& table, Packet& packet,
                             const DeliveredChain& chain) {
  const auto* ip = packet.at<Ipv6Header>(packet.inner);
  const bool solicitation = is_solicitation(packet, chain);
  if (packet.in_slot == kNoSlot) {
    // The source tells nothing about the tunnel; the outer addresses do.
    if (!ip->source.is_link_local() && !(ip->source.is_unspecified() && solicitation)) {
      exits_.drop(packet, DropReason::kInnerSourceInvalid);
      return false;
    }
    const Ipv6Address wanted =
        solicitation
            ? reinterpret_cast<const NeighborMessage*>(message_of(packet, chain).data())->target
            : ip->destination;
    DropReason reason{};
    const uint32_t slot = tunnel_of(table, owners_, packet, wanted, reason);
    if (slot == kNoSlot) {
      // Its endpoint is known, but it asks for somebody else.
      const bool others = reason == DropReason::kOuterSourceMismatch && solicitation &&
                          tunnel_of(table, owners_, packet, ip->source, reason) != kNoSlot;
      exits_.drop(packet, others ? DropReason::kNdNotOurs : reason);
      return false;
    }
    packet.in_slot = slot;
    TunnelCounters& tunnel = exits_.context().tunnel_counters[slot];
    counter_add(tunnel.in_packets, 1);
    counter_add(tunnel.in_bytes, packet.inner_length);
    exits_.counters().add(WorkerCounter::kDecapsulated);
  }
  const Ipv6Address own = tunnel_link_local(exits_.context().runtime, table, packet.in_slot);
  if (ip->source == own) {
    exits_.drop(packet, DropReason::kInnerSourceIsPop);
    return false;
  }
  if (ip->destination.is_multicast()) return true;
  if (ip->destination.is_link_local()
          ? ip->destination == own
          : table.links.is_local_ipv6(ip->destination) || is_tunnel_end(table, ip->destination)) {
    return true;
  }
  exits_.drop(packet, ip->destination.is_link_local() ? DropReason::kLinkLocalTransit
                                                      : DropReason::kNoSuchEndpoint);
  return false;
}

bool LocalIpv6::check_uplink(const ForwardingTable& table, Packet& packet, bool solicitation) {
  const auto* ip = packet.at<Ipv6Header>(packet.inner);
  const Ipv6Address& source = ip->source;
  const Ipv6Address& destination = ip->destination;
  if (packet.interface >= table.links.interfaces().size()) {
    exits_.drop(packet, DropReason::kVlanUnknown);
    return false;
  }
  const bool invalid =
      source.is_multicast() || source.is_ipv4_mapped() || source.is_ipv4_compatible();
  if (source.is_unspecified() ? !solicitation : invalid) {
    exits_.drop(packet, DropReason::kSourceInvalid);
    return false;
  }
  if (!source.is_unspecified() &&
      (table.snapshot.lookup(source.hi()).hit() || table.links.is_local_ipv6(source))) {
    exits_.drop(packet, DropReason::kTunnelSourceFromUplink);
    return false;
  }
  if (destination.is_multicast()) return true;
  const LinkInterface& link = table.links.interfaces()[packet.interface];
  if (destination.is_link_local()
          ? destination == link.link_local
          : table.links.is_local_ipv6(destination) || is_tunnel_end(table, destination)) {
    return true;
  }
  exits_.drop(packet, destination.is_link_local() ? DropReason::kLinkLocalTransit
                                                  : DropReason::kNotRoutedHere);
  return false;
}

void LocalIpv6::icmpv6(const ForwardingTable& table, Packet& packet, const DeliveredChain& chain) {
  const auto* ip = packet.at<Ipv6Header>(packet.inner);
  const auto message = message_of(packet, chain);
  if (message.size() < sizeof(IcmpHeader) || !icmpv6_valid(*ip, message)) {
    exits_.drop(packet, DropReason::kIcmpv6Malformed);
    return;
  }
  const uint8_t type = message[0];
  if (type == kIcmpv6EchoRequest) {
    if (ip->destination.is_multicast()) {
      exits_.drop(packet, DropReason::kIcmpv6Ignored);
    } else {
      echo(table, packet, chain);
    }
    return;
  }
  if (type == kIcmpv6EchoReply && !chain.had_fragment && prober_.answer(table, packet, message)) {
    exits_.consume(packet);
    return;
  }
  if (is_icmpv6_error(type) && !came_by_tunnel(packet)) {
    received_error(table, packet, message);
    return;
  }
  const bool asks = type == kIcmpv6NeighborSolicitation;
  if (!asks && (type != kIcmpv6NeighborAdvertisement || came_by_tunnel(packet))) {
    // Errors, replies, router discovery, redirects, MLD, node information, what is unknown.
    exits_.drop(packet, DropReason::kIcmpv6Ignored);
  } else if (chain.had_fragment) {
    exits_.drop(packet, DropReason::kExtensionHeader);  // RFC 6980 5
  } else if (came_by_tunnel(packet)) {
    solicitation_in_tunnel(table, packet, message);
  } else if (asks) {
    neighbors_.receive_solicitation(table, packet, message);
  } else {
    neighbors_.receive_advertisement(table, packet, message);
  }
}

void LocalIpv6::received_error(const ForwardingTable& table, Packet& packet,
                               std::span<const uint8_t> message) {
  const Quote quote = read_quote(table, owners_, message.subspan(sizeof(IcmpHeader)));
  if (!quote.ours) {
    exits_.drop(packet, DropReason::kIcmpv6Ignored);
    return;
  }
  exits_.counters().add(WorkerCounter::kIcmpv6Errors);
  if (quote.slot != kNoSlot) exits_.book(quote.slot, LedgerNote::kIcmpv6Error, packet);
  exits_.consume(packet);
}

void LocalIpv6::echo(const ForwardingTable& table, Packet& packet, const DeliveredChain& chain) {
  const uint32_t tunnel = packet.in_slot;
  if (!limits_.echo.take(tunnel, exits_.now()) || !limits_.credit.spend(packet.length)) {
    exits_.drop(packet, DropReason::kEchoRateLimited);
    return;
  }
  // The reply is made where the request stands: its header goes right before the ICMPv6 message,
  // which drops extension headers on the way.
  const Ipv6Header request = *packet.at<Ipv6Header>(packet.inner);
  const MacAddress asker = packet.network >= sizeof(EthernetHeader)
                               ? packet.at<EthernetHeader>(0)->source
                               : MacAddress{};
  const std::size_t size = packet.inner_length - chain.offset;
  packet.truncate(std::size_t{packet.inner} + packet.inner_length);
  packet.inner = static_cast<uint16_t>(packet.inner + chain.offset - sizeof(Ipv6Header));
  packet.inner_length = static_cast<uint16_t>(sizeof(Ipv6Header) + size);
  packet.network = packet.inner;
  auto* ip = packet.at<Ipv6Header>(packet.inner);
  *ip = {
      .version_class_flow = uint32_t{6} << 28,
      .payload_length = static_cast<uint16_t>(size),
      .next_header = kProtocolIcmpv6,
      .hop_limit = kReplyHopLimit,
      .source = request.destination,
      .destination = request.source,
  };
  auto* icmp = packet.at<IcmpHeader>(packet.inner + sizeof(Ipv6Header));
  icmp->type = kIcmpv6EchoReply;
  icmp->code = 0;
  icmp->checksum = uint16_t{0};
  icmp->checksum =
      icmpv6_checksum(*ip, {packet.at<uint8_t>(packet.inner + sizeof(Ipv6Header)), size});

  exits_.turn_around(packet);
  if (tunnel == kNoSlot && request.source.is_link_local()) {
    // On a link a link-local address is reached where the request came from.
    const LinkInterface& link = table.links.interfaces()[packet.interface];
    if (packet.inner_length > link.mtu || !is_station_mac(asker)) {
      exits_.drop(packet, DropReason::kReplyTooBig);
      return;
    }
    frame(packet, link, asker, kEtherTypeIpv6);
    exits_.counters().add(WorkerCounter::kEchoReplies);
    exits_.transmit(packet);
    return;
  }
  packet.out_slot = tunnel;
  send_ipv6(exits_.context(), table, packet);
  if (packet.verdict != Verdict::kDrop) exits_.counters().add(WorkerCounter::kEchoReplies);
  exits_.finish(table, packet);
}

void LocalIpv6::solicitation_in_tunnel(const ForwardingTable& table, Packet& packet,
                                       std::span<const uint8_t> message) {
  const auto* ip = packet.at<Ipv6Header>(packet.inner);
  const auto asked = parse_solicitation(*ip, message);
  if (!asked) {
    exits_.drop(packet, DropReason::kIcmpv6Malformed);
    return;
  }
  const uint32_t slot = packet.in_slot;
  const bool link_end =
      table.snapshot.link_hi(slot) == asked->target.hi() && asked->target.lo() == 1;
  if (!link_end && asked->target != tunnel_link_local(exits_.context().runtime, table, slot)) {
    exits_.drop(packet, DropReason::kNdNotOurs);
    return;
  }
  const bool dad = ip->source.is_unspecified();
  const Ipv6Address destination = dad ? kAllNodes : ip->source;
  limits_.credit.spend(packet.length);  // what it just brought: never refused
  Packet advertisement;
  if (!exits_.originate(advertisement)) {
    exits_.drop(packet, DropReason::kNoBuffer);
    return;
  }
  // No link-layer address on a tunnel (RFC 4213 3.8), so nothing to override (RFC 4861 7.2.4).
  make_neighbor_message(advertisement, asked->target, destination, kIcmpv6NeighborAdvertisement,
                        dad ? kNdRouter : kNdRouter | kNdSolicited, asked->target, std::nullopt);
  exits_.consume(packet);
  exits_.counters().add(WorkerCounter::kNeighborAdverts);
  advertisement.out_slot = slot;
  send_ipv6(exits_.context(), table, advertisement);
  exits_.finish(table, advertisement);
}

}  // namespace simplon
