// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/bench/traffic.h"

#include <cstring>

#include "dataplane/net/checksum.h"

namespace simplon::bench {

void Traffic::draw_inner(uint8_t* at, const Ipv6Address& source, const Ipv6Address& destination) {
  const Ipv6Header header{
      .version_class_flow = uint32_t{6} << 28,
      .payload_length = static_cast<uint16_t>(inner_length_ - sizeof(Ipv6Header)),
      .next_header = kProtocolUdp,
      .hop_limit = 64,
      .source = source,
      .destination = destination,
  };
  std::memcpy(at, &header, sizeof(header));
}

void Traffic::draw_outer(uint8_t* at, uint32_t tunnel) {
  const Ipv6Address remote = plan_.remote_of(tunnel);
  if (plan_.kind() == Kind::k6in6) {
    const Ipv6Header outer{
        .version_class_flow = uint32_t{6} << 28,
        .payload_length = static_cast<uint16_t>(inner_length_),
        .next_header = kProtocolIpv6,
        .hop_limit = 60,
        .source = remote,
        .destination = kLocalV6,
    };
    std::memcpy(at, &outer, sizeof(outer));
    return;
  }
  const bool gre = plan_.kind() == Kind::kGre;
  Ipv4Header outer{
      .version_ihl = 0x45,
      .tos = 0,
      .total_length = static_cast<uint16_t>(plan_.overhead() + inner_length_),
      .id = uint16_t{0},
      .flags_fragment = kIpv4DontFragment,
      .ttl = 60,
      .protocol = gre ? kProtocolGre : kProtocolIpv6,
      .checksum = uint16_t{0},
      .source = remote.ipv4(),
      .destination = Ipv4Address::from_value(kLocalV4),
  };
  outer.checksum = ipv4_header_checksum(outer);
  std::memcpy(at, &outer, sizeof(outer));
  if (!gre) return;
  const GreHeader header{.flags = uint16_t{0}, .protocol = kEtherTypeIpv6};
  std::memcpy(at + sizeof(outer), &header, sizeof(header));
}

void Traffic::draw(Direction direction) {
  const Ipv6Address native = Ipv6Address::from_halves(0x2001'0db8'ffff'0000, 0x99);
  for (std::size_t i = 0; i < kPackets; ++i) {
    const auto unit = static_cast<uint32_t>(random_() % plan_.units());
    const Ipv6Address in_tunnel = Ipv6Address::from_halves(kPoolHi | unit, 0x1234);
    uint8_t* at = frame(i);
    const bool encap = direction == Direction::kEncap;
    const EthernetHeader ethernet{
        .destination = kOwnMac,
        .source = kGatewayMac,
        .type = encap || plan_.kind() == Kind::k6in6 ? kEtherTypeIpv6 : kEtherTypeIpv4};
    std::memcpy(at, &ethernet, sizeof(ethernet));
    at += sizeof(ethernet);
    if (encap) {
      draw_inner(at, native, in_tunnel);
      continue;
    }
    draw_outer(at, plan_.tunnel_of(unit));
    draw_inner(at + plan_.overhead(), in_tunnel, native);
  }
}

}  // namespace simplon::bench
