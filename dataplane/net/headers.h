// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Header layouts, laid over the bytes of a frame. No bit-fields: nibbles and flags are read by
// accessors. Alignment 1. Nothing here checks a length: callers do, before they lay a header over
// bytes.

#pragma once

#include <array>
#include <cstdint>
#include <cstring>

#include "dataplane/net/address.h"
#include "dataplane/net/byte_order.h"

namespace simplon {

using MacAddress = std::array<uint8_t, 6>;

// As ==, without the call of memcmp.
inline bool same_mac(const MacAddress& a, const MacAddress& b) {
  uint32_t x;
  uint32_t y;
  std::memcpy(&x, &a[0], 4);
  std::memcpy(&y, &b[0], 4);
  return x == y && a[4] == b[4] && a[5] == b[5];
}

inline constexpr uint16_t kEtherTypeIpv4 = 0x0800;
inline constexpr uint16_t kEtherTypeArp = 0x0806;
inline constexpr uint16_t kEtherTypeVlan = 0x8100;
inline constexpr uint16_t kEtherTypeIpv6 = 0x86dd;

inline constexpr uint8_t kProtocolHopByHop = 0;
inline constexpr uint8_t kProtocolIcmpv4 = 1;
inline constexpr uint8_t kProtocolIpv4 = 4;  // 4in6
inline constexpr uint8_t kProtocolTcp = 6;
inline constexpr uint8_t kProtocolUdp = 17;
inline constexpr uint8_t kProtocolIpv6 = 41;  // 6in4, 6in6
inline constexpr uint8_t kProtocolRouting = 43;
inline constexpr uint8_t kProtocolFragment = 44;
inline constexpr uint8_t kProtocolGre = 47;
inline constexpr uint8_t kProtocolIcmpv6 = 58;
inline constexpr uint8_t kProtocolNoNext = 59;
inline constexpr uint8_t kProtocolDestinationOptions = 60;

inline constexpr uint16_t kPortAyiya = 5072;

struct EthernetHeader {
  MacAddress destination;
  MacAddress source;
  Be16 type;
};
static_assert(sizeof(EthernetHeader) == 14 && alignof(EthernetHeader) == 1);

// Follows the two addresses when the type is kEtherTypeVlan (802.1Q).
struct VlanTag {
  Be16 tci;
  Be16 type;
  uint16_t vlan() const { return tci.value() & 0x0fff; }
};
static_assert(sizeof(VlanTag) == 4);

struct ArpPacket {        // RFC 826, Ethernet and IPv4
  Be16 hardware_type;     // 1
  Be16 protocol_type;     // kEtherTypeIpv4
  uint8_t hardware_size;  // 6
  uint8_t protocol_size;  // 4
  Be16 operation;         // 1 request, 2 reply
  MacAddress sender_mac;
  Ipv4Address sender_ip;
  MacAddress target_mac;
  Ipv4Address target_ip;
};
static_assert(sizeof(ArpPacket) == 28);

struct Ipv4Header {  // RFC 791
  uint8_t version_ihl;
  uint8_t tos;  // DSCP 6 bits, ECN 2 bits
  Be16 total_length;
  Be16 id;
  Be16 flags_fragment;  // 0x8000 reserved, 0x4000 DF, 0x2000 MF, offset in units of 8 bytes
  uint8_t ttl;
  uint8_t protocol;
  Be16 checksum;
  Ipv4Address source;
  Ipv4Address destination;

  unsigned version() const { return version_ihl >> 4; }
  unsigned header_length() const { return (version_ihl & 0xfu) * 4; }
  // MF set or offset not 0: both, because a last fragment has MF clear.
  bool is_fragment() const { return (flags_fragment.value() & 0x3fff) != 0; }
};
static_assert(sizeof(Ipv4Header) == 20 && alignof(Ipv4Header) == 1);
inline constexpr uint16_t kIpv4DontFragment = 0x4000;
inline constexpr uint16_t kIpv4MoreFragments = 0x2000;

struct Ipv6Header {  // RFC 8200
  Be32 version_class_flow;
  Be16 payload_length;
  uint8_t next_header;
  uint8_t hop_limit;
  Ipv6Address source;
  Ipv6Address destination;

  unsigned version() const { return version_class_flow.value() >> 28; }
  uint8_t traffic_class() const { return uint8_t(version_class_flow.value() >> 20); }
  void set_traffic_class(uint8_t tc) {
    version_class_flow = (version_class_flow.value() & 0xf00fffffu) | uint32_t{tc} << 20;
  }
};
static_assert(sizeof(Ipv6Header) == 40 && alignof(Ipv6Header) == 1);

struct UdpHeader {
  Be16 source_port;
  Be16 destination_port;
  Be16 length;
  Be16 checksum;
};
static_assert(sizeof(UdpHeader) == 8);

// RFC 2784. Followed by the optional fields of RFC 2890 that the flags tell of, four bytes each:
// checksum and a reserved word, key, sequence number.
struct GreHeader {
  Be16 flags;
  Be16 protocol;  // EtherType
};
static_assert(sizeof(GreHeader) == 4);
inline constexpr uint16_t kGreChecksum = 0x8000;
inline constexpr uint16_t kGreKey = 0x2000;
inline constexpr uint16_t kGreSequence = 0x1000;
inline constexpr uint16_t kGreVersion = 0x0007;
// Bits 1, 4 and 5: what RFC 1701 had for source routing and recursion.
inline constexpr uint16_t kGreRefusedFlags = 0x4c00;
inline constexpr std::size_t kGreFieldSize = 4;

// How hop-by-hop and destination options headers begin (RFC 8200 4.3, 4.6).
struct Ipv6OptionsHeader {
  uint8_t next_header;
  uint8_t length;  // in units of eight bytes, without the first eight

  std::size_t size() const { return (std::size_t{length} + 1) * 8; }
};
static_assert(sizeof(Ipv6OptionsHeader) == 2);
inline constexpr std::size_t kIpv6OptionsUnit = 8;
inline constexpr uint8_t kIpv6OptionPad1 = 0;
inline constexpr uint8_t kIpv6OptionPadN = 1;
inline constexpr uint8_t kIpv6OptionEncapsulationLimit = 4;  // RFC 2473 4.1.1

struct IcmpHeader {  // RFC 792 and RFC 4443 share the first eight bytes
  uint8_t type;
  uint8_t code;
  Be16 checksum;
  Be32 rest;  // unused, MTU, pointer or identifier and sequence
};
static_assert(sizeof(IcmpHeader) == 8);

inline constexpr uint8_t kIcmpv4EchoReply = 0;
inline constexpr uint8_t kIcmpv4Unreachable = 3;
inline constexpr uint8_t kIcmpv4EchoRequest = 8;
inline constexpr uint8_t kIcmpv4ProtocolUnreachable = 2;  // code

inline constexpr uint8_t kIcmpv6Unreachable = 1;
inline constexpr uint8_t kIcmpv6PacketTooBig = 2;
inline constexpr uint8_t kIcmpv6TimeExceeded = 3;
inline constexpr uint8_t kIcmpv6ParameterProblem = 4;
inline constexpr uint8_t kIcmpv6EchoRequest = 128;
inline constexpr uint8_t kIcmpv6EchoReply = 129;
inline constexpr uint8_t kIcmpv6RouterSolicitation = 133;
inline constexpr uint8_t kIcmpv6RouterAdvertisement = 134;
inline constexpr uint8_t kIcmpv6NeighborSolicitation = 135;
inline constexpr uint8_t kIcmpv6NeighborAdvertisement = 136;
inline constexpr uint8_t kIcmpv6Redirect = 137;

// RFC 4443 3.1, codes of destination unreachable.
enum class UnreachableCode : uint8_t {
  kNoRoute = 0,
  kAdminProhibited = 1,
  kBeyondScope = 2,
  kAddress = 3,
  kPort = 4,
  kSourcePolicy = 5,
  kRejectRoute = 6,
};

inline constexpr std::size_t kIpv6MinimumMtu = 1280;
inline constexpr std::size_t k6in4Overhead = sizeof(Ipv4Header);

}  // namespace simplon
