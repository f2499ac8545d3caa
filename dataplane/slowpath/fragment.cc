// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/fragment.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/net/checksum.h"
#include "dataplane/pipeline/tunnel_route.h"

namespace simplon {
namespace {

constexpr unsigned kOffsetMask = 0x1fff;

// Of the packet that is cut, which may be a piece itself.
struct Original {
  Ipv4Header ip;
  std::size_t offset() const { return (ip.flags_fragment.value() & kOffsetMask) * std::size_t{8}; }
  bool more() const { return (ip.flags_fragment.value() & kIpv4MoreFragments) != 0; }
};

void finish_header(Ipv4Header& ip, std::size_t payload, std::size_t offset, bool more) {
  ip.total_length = static_cast<uint16_t>(sizeof(Ipv4Header) + payload);
  ip.flags_fragment = static_cast<uint16_t>(offset / 8 | (more ? kIpv4MoreFragments : 0));
  ip.checksum = uint16_t{0};
  ip.checksum = ipv4_header_checksum(ip);
}

}  // namespace

std::size_t Fragmenter::mtu_of(const ForwardingTable& table, const Packet& packet) const {
  if (packet.inner_ipv4 && packet.out_slot != kNoSlot) {
    return tunnel_route(exits_.context().runtime, table, packet.out_slot).mtu;
  }
  const auto* ip = packet.at<Ipv4Header>(packet.network);
  const NextHop next_hop = table.links.route_ipv4(ip->destination);
  const auto interfaces = table.links.interfaces();
  return next_hop.interface < interfaces.size() ? interfaces[next_hop.interface].mtu : 0;
}

void Fragmenter::handle(const ForwardingTable& table, Packet& packet) {
  const Original original{*packet.at<Ipv4Header>(packet.network)};
  const Ipv4Header& ip = original.ip;
  const bool inner = packet.inner_ipv4 && packet.network == packet.inner;
  const std::size_t mtu = mtu_of(table, packet);
  if (mtu == 0) {
    exits_.drop(packet, DropReason::kNoRoute);
    return;
  }
  // Options stay with the first piece only; those of inner packets are rare enough to be dropped
  // when they need cutting.
  const std::size_t payload = ip.total_length.value() - sizeof(Ipv4Header);
  const bool divisible = ip.header_length() == sizeof(Ipv4Header) && (inner || !ip.is_fragment()) &&
                         (ip.flags_fragment.value() & kIpv4DontFragment) == 0 &&
                         mtu >= sizeof(Ipv4Header) + 8;
  const std::size_t step = divisible ? (mtu - sizeof(Ipv4Header)) / 8 * 8 : payload + 1;
  const std::size_t count = (payload + step - 1) / step;
  if (!divisible || count > kMaxPieces) {
    exits_.drop(packet, DropReason::kPacketTooBig);
    return;
  }

  // All buffers before the first byte goes out: half a packet is of no use.
  std::array<Packet, kMaxPieces> pieces;
  pieces[0] = packet;
  for (std::size_t i = 1; i < count; ++i) {
    if (exits_.allocate(pieces[i])) continue;
    while (--i > 0) exits_.release(pieces[i]);
    exits_.drop(packet, DropReason::kNoBuffer);
    return;
  }
  const uint8_t* bytes = packet.at<uint8_t>(packet.network + sizeof(Ipv4Header));
  for (std::size_t i = 1; i < count; ++i) {
    const std::size_t offset = i * step;
    const std::size_t size = std::min(step, payload - offset);
    Packet& piece = pieces[i];
    piece.length = static_cast<uint16_t>(sizeof(Ipv4Header) + size);
    piece.tailroom = static_cast<uint16_t>(piece.tailroom - piece.length);
    piece.originated = packet.originated;
    if (inner) piece.out_slot = packet.out_slot;
    auto* header = piece.at<Ipv4Header>(0);
    *header = ip;
    finish_header(*header, size, original.offset() + offset, original.more() || i + 1 < count);
    std::memcpy(piece.data + sizeof(Ipv4Header), bytes + offset, size);
  }
  // The first piece carries what is booked on tunnels.
  const std::size_t first = std::min(step, payload);
  pieces[0].truncate(packet.network + sizeof(Ipv4Header) + first);
  finish_header(*pieces[0].at<Ipv4Header>(packet.network), first, original.offset(),
                original.more() || count > 1);

  exits_.counters().add(WorkerCounter::kFragmentsMade, count - 1);
  const NextHop next_hop = table.links.route_ipv4(ip.destination);
  for (std::size_t i = 0; i < count; ++i) {
    if (inner) {
      send_ipv4(exits_.context(), table, pieces[i]);
    } else {
      send_on_link(exits_.context(), table, pieces[i], next_hop);
    }
    exits_.finish(table, pieces[i]);
  }
}

}  // namespace simplon
