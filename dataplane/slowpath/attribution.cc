// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/attribution.h"

#include <optional>

#include "dataplane/net/headers.h"

namespace simplon {
namespace {

struct QuotedPacket {
  Ipv6Address source, destination;  // IPv4-mapped for IPv4
  uint8_t protocol = 0;
  std::span<const uint8_t> payload;  // as much as is quoted
};

std::optional<QuotedPacket> parse(std::span<const uint8_t> quoted) {
  QuotedPacket q;
  if (quoted.size() >= sizeof(Ipv4Header) && quoted[0] >> 4 == 4) {
    const auto* ip = reinterpret_cast<const Ipv4Header*>(quoted.data());
    if (ip->header_length() < sizeof(Ipv4Header) || ip->header_length() > quoted.size()) {
      return std::nullopt;
    }
    q.source = Ipv6Address::from_ipv4(ip->source);
    q.destination = Ipv6Address::from_ipv4(ip->destination);
    q.protocol = ip->protocol;
    q.payload = quoted.subspan(ip->header_length());
    return q;
  }
  if (quoted.size() < sizeof(Ipv6Header) || quoted[0] >> 4 != 6) return std::nullopt;
  const auto* ip = reinterpret_cast<const Ipv6Header*>(quoted.data());
  q.source = ip->source;
  q.destination = ip->destination;
  q.protocol = ip->next_header;
  q.payload = quoted.subspan(sizeof(Ipv6Header));
  // The encapsulation limit stands in one header of this kind (RFC 2473 4.1.1).
  if (q.protocol == kProtocolDestinationOptions && q.payload.size() >= kIpv6OptionsUnit) {
    const auto* options = reinterpret_cast<const Ipv6OptionsHeader*>(q.payload.data());
    if (options->size() > q.payload.size()) return std::nullopt;
    q.protocol = options->next_header;
    q.payload = q.payload.subspan(options->size());
  }
  return q;
}

const UdpHeader* udp_of(const QuotedPacket& q) {
  // RFC 792 quotes eight bytes, which are the whole header.
  return q.payload.size() >= sizeof(UdpHeader)
             ? reinterpret_cast<const UdpHeader*>(q.payload.data())
             : nullptr;
}

bool is_tunnel_packet(const QuotedPacket& q) {
  switch (q.protocol) {
    case kProtocolIpv6:
    case kProtocolIpv4:
    case kProtocolGre:
      return true;
    case kProtocolUdp:
      return udp_of(q) != nullptr && udp_of(q)->source_port.value() == kPortAyiya;
    default:
      return false;
  }
}

// Would the tunnel have sent that.
bool may_be_of(const ForwardingTable& table, const QuotedPacket& q, const Owner& owner) {
  const SnapshotView& view = table.snapshot;
  if (Ipv6Address::from_bytes(view.pop().local_addresses[owner.local_index]) != q.source) {
    return false;
  }
  if (owner.dynamic && owner.endpoint.transport == Transport::kAyiya) {
    return q.protocol == kProtocolUdp && udp_of(q)->destination_port.value() == owner.endpoint.port;
  }
  switch (static_cast<TunnelKind>(view.slot(owner.slot).kind)) {
    case TunnelKind::kGre:
      return q.protocol == kProtocolGre;
    case TunnelKind::kIpv6Tunnel:
      return q.protocol == kProtocolIpv6 || q.protocol == kProtocolIpv4;
    default:
      return q.protocol == kProtocolIpv6;
  }
}

// Of several behind one address: the one whose packet is inside, if that is quoted too.
uint32_t inner_owner(const ForwardingTable& table, const QuotedPacket& q) {
  if (q.protocol != kProtocolIpv6 || q.payload.size() < sizeof(Ipv6Header)) return kNoSlot;
  const auto* inner = reinterpret_cast<const Ipv6Header*>(q.payload.data());
  return inner->destination.bytes[0] == 0 ? kNoSlot
                                          : table.snapshot.find_slot(inner->destination.hi());
}

}  // namespace

Quote read_quote(const ForwardingTable& table, const Owners& owners,
                 std::span<const uint8_t> quoted) {
  Quote quote;
  const auto q = parse(quoted);
  if (!q || !is_tunnel_packet(*q)) return quote;
  quote.ours = table.links.local_index(q->source) != kNoLocalIndex ||
               (q->source.is_ipv4_mapped() && table.links.is_local_ipv4(q->source.ipv4()));
  if (!quote.ours) return quote;
  const uint32_t meant = inner_owner(table, *q);
  unsigned candidates = 0;
  bool meant_is_one = false;
  owners.each(table, q->destination, [&](const Owner& owner) {
    if (!may_be_of(table, *q, owner)) return;
    ++candidates;
    quote.slot = owner.slot;
    meant_is_one |= owner.slot == meant;
  });
  if (candidates > 1) quote.slot = meant_is_one ? meant : kNoSlot;
  return quote;
}

}  // namespace simplon
