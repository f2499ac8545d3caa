// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pipeline/plain.h"

#include "dataplane/net/ayiya.h"
#include "dataplane/pipeline/plain_burst.h"

namespace simplon {
namespace {

// Shorter ones are left to the stages: behind this nothing has to look at lengths before it looks
// at headers.
constexpr std::size_t kLeastFrame =
    sizeof(EthernetHeader) + sizeof(Ipv4Header) + sizeof(Ipv6Header);

constexpr std::size_t kUdpPortAt = sizeof(EthernetHeader) + sizeof(Ipv4Header) + 2;
constexpr std::size_t kLeastAyiya =
    sizeof(EthernetHeader) + kAyiyaOverheadIpv4 + sizeof(Ipv6Header);

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
  const uint64_t our_mac = word_of(mac);
  const std::size_t count = burst.packets.size();
  // Here and not in `burst`, where each byte written to a list might change them.
  std::size_t from_tunnels = 0;
  std::size_t into_tunnels = 0;
  PacketSet left = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const Packet& packet = burst.packets[i];
    if (packet.length < kLeastFrame || packet.port != port) [[unlikely]] {
      left |= PacketSet{1} << i;
      continue;
    }
    const uint8_t* frame = packet.data;
    const uint64_t foreign = (load<uint64_t>(frame) ^ our_mac) << 16;
    const auto start = load<uint32_t>(frame + sizeof(EthernetHeader) - 2);
    const uint32_t fragment = load<uint32_t>(frame + kFragmentAt) & kFragmentMask;
    const uint64_t no_ipv4 = foreign | ((start & kIpv4Mask) ^ kIpv4Start);
    const std::size_t from_tunnel = (no_ipv4 | (fragment ^ kWholeProto41)) == 0;
    const std::size_t into_tunnel = (foreign | ((start & kIpv6Mask) ^ kIpv6Start)) == 0;
    burst.from_tunnels.packets[from_tunnels] = static_cast<uint8_t>(i);
    from_tunnels += from_tunnel;
    burst.into_tunnels.packets[into_tunnels] = static_cast<uint8_t>(i);
    into_tunnels += into_tunnel;
    left |= PacketSet{1 ^ from_tunnel ^ into_tunnel} << i;
    if ((no_ipv4 | (fragment ^ kWholeUdp)) == 0 && packet.length >= kLeastAyiya &&
        load<uint16_t>(frame + kUdpPortAt) == byte_swap(kPortAyiya)) [[unlikely]] {
      left ^= PacketSet{1} << i;
      burst.ayiya.add(i);
      __builtin_prefetch(frame + 64);
      __builtin_prefetch(frame + 128);
      continue;
    }
    // The inner destination stands behind the first line; the outer header will begin before it.
    __builtin_prefetch(frame - 64 + 128 * from_tunnel, 1);
  }
  burst.from_tunnels.count = static_cast<unsigned>(from_tunnels);
  burst.into_tunnels.count = static_cast<unsigned>(into_tunnels);
  burst.left = left;
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
  std::memcpy(reinterpret_cast<uint8_t*>(&found.bytes) + sizeof(found.bytes) - sizeof(header),
              &header, sizeof(header));
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
