// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pipeline/plain.h"

#include <algorithm>

#include "dataplane/net/ayiya.h"
#include "dataplane/pipeline/plain_burst.h"

namespace simplon {
namespace {

constexpr std::size_t kCarriedFrom = sizeof(EthernetHeader) + sizeof(Ipv4Header);
constexpr std::size_t kLeastNative = sizeof(EthernetHeader) + sizeof(Ipv6Header);
constexpr std::size_t kLeastCarrier = kCarriedFrom + sizeof(Ipv6Header);
constexpr std::size_t kUdpPortAt = kCarriedFrom + 2;
constexpr std::size_t kLeastAyiya =
    sizeof(EthernetHeader) + kAyiyaOverheadIpv4 + sizeof(Ipv6Header);

// The first bytes of a word, as in memory.
constexpr uint64_t first_bytes(std::size_t count) {
  return (uint64_t{1} << (8 * count)) - 1;
}

uint64_t word_of(const MacAddress& mac) {
  uint64_t word = 0;
  std::memcpy(&word, mac.data(), mac.size());
  return word;
}

// What stands at the end of the Ethernet header: type, version and header length.
constexpr uint32_t kIpv4Mask = 0x00ff'ffff;
constexpr uint32_t kIpv4Start = 0x0045'0008;
constexpr uint32_t kIpv6Mask = 0x00f0'ffff;
constexpr uint32_t kIpv6Start = 0x0060'dd86;
// And in the middle of the IPv4 header: fragmentation without DF, protocol.
constexpr std::size_t kFragmentAt = sizeof(EthernetHeader) + 6;
constexpr uint32_t kFragmentMask = 0xff00'ff3f;
constexpr uint32_t kWholeProto41 = uint32_t{kProtocolIpv6} << 24;
constexpr uint32_t kWholeUdp = uint32_t{kProtocolUdp} << 24;

// By the first bytes of the frames: which may be plain, and in which direction. No branch depends
// on the direction. Starts fetching the second line that will be touched.
void sort_burst(PlainBurst& burst, uint8_t port, const MacAddress& mac) {
  constexpr std::size_t kAhead = 8;
  const uint64_t our_mac = word_of(mac);
  const std::size_t count = burst.packets.size();
  for (std::size_t i = 0; i < std::min(kAhead, count); ++i) {
    __builtin_prefetch(burst.packets[i].data);
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (i + kAhead < count) __builtin_prefetch(burst.packets[i + kAhead].data);
    const Packet& packet = burst.packets[i];
    if (packet.length < kLeastNative || packet.port != port) [[unlikely]] {
      burst.leave(i);
      continue;
    }
    const uint8_t* frame = packet.data;
    const auto start = load<uint32_t>(frame + sizeof(EthernetHeader) - 2);
    const bool ours = ((load<uint64_t>(frame) ^ our_mac) & first_bytes(sizeof(mac))) == 0;
    const bool ipv4 = ours & ((start & kIpv4Mask) == kIpv4Start);
    // No frame of IPv6 is shorter than that.
    const uint32_t fragment = load<uint32_t>(frame + kFragmentAt) & kFragmentMask;
    const bool from_tunnel = ipv4 & (fragment == kWholeProto41) & (packet.length >= kLeastCarrier);
    const bool ayiya = ipv4 & (fragment == kWholeUdp) & (packet.length >= kLeastAyiya) &&
                       load<uint16_t>(frame + kUdpPortAt) == byte_swap(uint16_t{kPortAyiya});
    const bool into_tunnel = ours & ((start & kIpv6Mask) == kIpv6Start);
    burst.from_tunnels.add_if(from_tunnel, i);
    burst.into_tunnels.add_if(into_tunnel, i);
    burst.left |= PacketSet{!(from_tunnel | into_tunnel | ayiya)} << i;
    if (ayiya) {
      burst.ayiya.add(i);
      __builtin_prefetch(frame + 64);
      __builtin_prefetch(frame + 128);
      continue;
    }
    // The inner destination stands behind the first line; the outer header will begin before it.
    __builtin_prefetch(frame + (from_tunnel ? 64 : -64), 1);
  }
}

}  // namespace

LinkTemplate link_template(const PlainBurst& burst, const NextHop& next_hop, Be16 type) {
  LinkTemplate found;
  if (next_hop.interface == kNoInterfaceIndex) return found;
  const LinkInterface& link = burst.table.links.interfaces()[next_hop.interface];
  EthernetHeader header{.destination = {}, .source = link.mac, .type = type};
  if (link.vlan != 0 ||
      !burst.context.neighbors->lookup(next_hop.interface, next_hop.address, header.destination)) {
    return found;
  }
  found.interface = next_hop.interface;
  found.port = link.port;
  found.mtu = link.mtu;
  std::memcpy(found.bytes.data() + sizeof(found.bytes) - sizeof(header), &header, sizeof(header));
  return found;
}

PacketSet forward_plain(WorkerContext& context, const ForwardingTable& table,
                        std::span<Packet> burst) {
  if (burst.empty() || !table.plain.usable()) return all_of(burst.size());
  const uint8_t port = burst.front().port;
  const uint8_t interface = table.links.interface_of(port, 0);
  if (interface == kNoInterfaceIndex) return all_of(burst.size());
  PlainBurst plain(context, table, burst);
  plain.interface = interface;
  sort_burst(plain, port, table.links.interfaces()[interface].mac);
  if (plain.from_tunnels.count != 0) plain_decap(plain);
  if (plain.into_tunnels.count != 0) plain_encap(plain);
  if (plain.ayiya.count != 0) ayiya_plain_receive(plain);
  return plain.left;
}

}  // namespace simplon
