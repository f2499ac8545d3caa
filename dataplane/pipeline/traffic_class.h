// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// DSCP and ECN of a packet's headers: TOS of IPv4, traffic class of IPv6. Internal to the pipeline.

#pragma once

#include "dataplane/net/checksum.h"
#include "dataplane/pipeline/packet.h"

namespace simplon {

// Of the carrier at `network`.
inline uint8_t outer_traffic_class(const Packet& packet) {
  if (packet.outer_ipv6) [[unlikely]]
    return packet.at<Ipv6Header>(packet.network)->traffic_class();
  return packet.at<Ipv4Header>(packet.network)->tos;
}

inline uint8_t inner_traffic_class(const Packet& packet) {
  if (packet.inner_ipv4) [[unlikely]]
    return packet.at<Ipv4Header>(packet.inner)->tos;
  return packet.at<Ipv6Header>(packet.inner)->traffic_class();
}

inline void set_inner_traffic_class(Packet& packet, uint8_t value) {
  if (!packet.inner_ipv4) [[likely]] {
    packet.at<Ipv6Header>(packet.inner)->set_traffic_class(value);
    return;
  }
  auto* ip = packet.at<Ipv4Header>(packet.inner);
  const auto word = [ip](uint8_t tos) {
    return Be16(static_cast<uint16_t>(ip->version_ihl << 8 | tos));
  };
  ip->checksum = checksum_adjust(ip->checksum, word(ip->tos), word(value));
  ip->tos = value;
}

// One hop further. The hop limit is not 0.
inline void decrement_hop_limit(Packet& packet) {
  if (!packet.inner_ipv4) [[likely]] {
    --packet.at<Ipv6Header>(packet.inner)->hop_limit;
    return;
  }
  auto* ip = packet.at<Ipv4Header>(packet.inner);
  const auto word = [ip](uint8_t ttl) {
    return Be16(static_cast<uint16_t>(ttl << 8 | ip->protocol));
  };
  const auto ttl = static_cast<uint8_t>(ip->ttl - 1);
  ip->checksum = checksum_adjust(ip->checksum, word(ip->ttl), word(ttl));
  ip->ttl = ttl;
}

}  // namespace simplon
