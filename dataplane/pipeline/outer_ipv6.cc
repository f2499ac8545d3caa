// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pipeline/encap.h"

namespace simplon {
void write_outer_ipv6(Packet& packet, const OuterHeader<Ipv6Address>& header, uint8_t limit) {
  const std::size_t payload = std::size_t{packet.inner} + packet.inner_length - sizeof(Ipv6Header);
  auto& outer = *packet.at<Ipv6Header>(0);
  outer.version_class_flow = uint32_t{6} << 28 | uint32_t{header.tos} << 20;
  outer.payload_length = static_cast<uint16_t>(payload);
  outer.next_header = limit != 0 ? kProtocolDestinationOptions : header.protocol;
  outer.hop_limit = header.ttl;
  outer.source = header.source;
  outer.destination = header.destination;
  packet.outer_ipv6 = true;
  if (limit == 0) return;
  const uint8_t options[kIpv6OptionsUnit] = {
      header.protocol, 0, kIpv6OptionEncapsulationLimit, 1, limit, kIpv6OptionPadN, 1, 0};
  std::memcpy(packet.at<uint8_t>(sizeof(Ipv6Header)), options, sizeof options);
}

}  // namespace simplon
