// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/icmpv4.h"

#include <algorithm>
#include <cstring>

#include "dataplane/net/checksum.h"
#include "dataplane/slowpath/attribution.h"
#include "dataplane/slowpath/icmpv4_message.h"
#include "dataplane/slowpath/link_frame.h"

namespace simplon {
namespace {

// A source that names one host other than ourselves (RFC 1122 3.2.2).
bool is_answerable(const ForwardingTable& table, Ipv4Address a) {
  if (a.is_this_network() || a.is_loopback() || a.is_multicast() || a.is_reserved() ||
      table.links.is_local_ipv4(a)) {
    return false;
  }
  for (const LinkInterface& link : table.links.interfaces()) {
    const Ipv4Prefix on_link{link.ipv4, link.ipv4_length};
    const uint32_t host_bits = ~prefix_mask32(link.ipv4_length);
    if (link.has_ipv4 && link.ipv4_length <= 30 && on_link.contains(a) &&
        (a.value() & host_bits) == host_bits) {
      return false;
    }
  }
  return true;
}

bool came_to_group(const Packet& packet) {
  return packet.network >= sizeof(EthernetHeader) &&
         is_group_mac(packet.at<EthernetHeader>(0)->destination);
}

}  // namespace

void Icmpv4::handle(const ForwardingTable& table, Packet& packet) {
  const auto* ip = packet.at<Ipv4Header>(packet.network);
  if (ip->is_fragment()) {
    exits_.drop(packet, DropReason::kIcmpv4Ignored);
    return;
  }
  const std::span<const uint8_t> message{packet.at<uint8_t>(packet.network + ip->header_length()),
                                         ip->total_length.value() - ip->header_length()};
  if (message.size() < sizeof(IcmpHeader) || checksum_fold(checksum_add(0, message)) != 0xffff) {
    exits_.drop(packet, DropReason::kIcmpv4Malformed);
  } else if (message[0] == kIcmpv4EchoRequest) {
    echo(table, packet);
  } else if (is_icmpv4_error(message[0]) && message[0] != kIcmpv4Redirect) {
    received_error(table, packet, message);
  } else {
    exits_.drop(packet, DropReason::kIcmpv4Ignored);
  }
}

void Icmpv4::received_error(const ForwardingTable& table, Packet& packet,
                            std::span<const uint8_t> message) {
  const Quote quote = read_quote(table, owners_, message.subspan(sizeof(IcmpHeader)));
  if (!quote.ours) {
    exits_.drop(packet, DropReason::kIcmpv4Ignored);
    return;
  }
  exits_.counters().add(WorkerCounter::kIcmpv4Errors);
  if (quote.slot != kNoSlot) exits_.book(quote.slot, LedgerNote::kIcmpv4Error, packet);
  exits_.consume(packet);
}

void Icmpv4::echo(const ForwardingTable& table, Packet& packet) {
  const Ipv4Header request = *packet.at<Ipv4Header>(packet.network);
  const uint32_t pinger = owners_.only(table, Ipv6Address::from_ipv4(request.source));
  if (pinger != kNoSlot) exits_.book(pinger, LedgerNote::kIcmpv4Echo, packet);
  if ((table.snapshot.pop().flags & kPopIgnoreIcmpv4Echo) != 0 ||
      !is_answerable(table, request.source) || came_to_group(packet)) {
    exits_.drop(packet, DropReason::kIcmpv4Ignored);
    return;
  }
  if (!limits_.echo.take(kNoSlot, exits_.now()) || !limits_.credit.spend(packet.length)) {
    exits_.drop(packet, DropReason::kEchoRateLimited);
    return;
  }
  // In place: the new header goes right before the message, where the options stood.
  const std::size_t size = request.total_length.value() - request.header_length();
  packet.network =
      static_cast<uint16_t>(packet.network + request.header_length() - sizeof(Ipv4Header));
  packet.truncate(packet.network + sizeof(Ipv4Header) + size);
  *packet.at<Ipv4Header>(packet.network) = make_icmpv4_header(
      sizeof(Ipv4Header) + size, request.tos & 0xfc, request.destination, request.source);
  auto* icmp = packet.at<IcmpHeader>(packet.network + sizeof(Ipv4Header));
  icmp->type = kIcmpv4EchoReply;
  icmp->code = 0;
  icmp->checksum = uint16_t{0};
  icmp->checksum = checksum_finish(
      checksum_add(0, {packet.at<uint8_t>(packet.network + sizeof(Ipv4Header)), size}));
  exits_.turn_around(packet);
  send_ipv4(exits_.context(), table, packet);
  if (packet.verdict != Verdict::kDrop) exits_.counters().add(WorkerCounter::kEchoReplies);
  exits_.finish(table, packet);
}

void Icmpv4::refuse(const ForwardingTable& table, Packet& packet, DropReason reason) {
  const auto* ip = packet.at<Ipv4Header>(packet.network);
  const bool later_fragment = (ip->flags_fragment.value() & 0x1fff) != 0;
  // RFC 1122 3.2.2: not about errors, broadcasts, later fragments.
  if ((table.snapshot.pop().flags & kPopIcmpv4ProtocolUnreachable) != 0 && !packet.originated &&
      ip->protocol != kProtocolIcmpv4 && !later_fragment && !came_to_group(packet) &&
      table.links.is_local_ipv4(ip->destination) && is_answerable(table, ip->source)) {
    send_unreachable(table, packet);
  }
  exits_.drop(packet, reason);
}

void Icmpv4::send_unreachable(const ForwardingTable& table, const Packet& offending) {
  const auto* received = offending.at<Ipv4Header>(offending.network);
  constexpr std::size_t kHeaders = sizeof(Ipv4Header) + sizeof(IcmpHeader);
  const std::size_t quoted =
      std::min<std::size_t>(received->total_length.value(), kIcmpv4ErrorMaximum - kHeaders);
  const std::size_t total = kHeaders + quoted;
  if (!limits_.errors.take(kNoSlot, exits_.now()) ||
      !limits_.credit.spend(total + offending.network)) {
    return;
  }
  Packet packet;
  if (!exits_.originate(packet)) return;  // an error is a courtesy
  packet.length = static_cast<uint16_t>(total);
  packet.tailroom = static_cast<uint16_t>(packet.tailroom - total);
  *packet.at<Ipv4Header>(0) =
      make_icmpv4_header(total, kIcmpv4ErrorTos, received->destination, received->source);
  auto* icmp = packet.at<IcmpHeader>(sizeof(Ipv4Header));
  *icmp = {.type = kIcmpv4Unreachable,
           .code = kIcmpv4ProtocolUnreachable,
           .checksum = uint16_t{0},
           .rest = uint32_t{0}};
  std::memcpy(packet.data + kHeaders, received, quoted);
  icmp->checksum = checksum_finish(
      checksum_add(0, {packet.at<uint8_t>(sizeof(Ipv4Header)), total - sizeof(Ipv4Header)}));
  exits_.counters().add(WorkerCounter::kIcmpv4ErrorsSent);
  send_ipv4(exits_.context(), table, packet);
  exits_.finish(table, packet);
}

}  // namespace simplon
