// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Which addresses are fit for which use. One definition for the configuration's checks and the
// snapshot's. Any thread.

#pragma once

#include <cstdint>

#include "dataplane/net/address.h"

namespace simplon {

// An IPv4 address a host can have on a link or across the Internet: RFC 1122 3.2.1.3 without 0/8,
// 127/8, multicast and 240/4 with the limited broadcast.
constexpr bool is_usable_unicast(Ipv4Address a) {
  return !a.is_this_network() && !a.is_loopback() && !a.is_multicast() && !a.is_reserved();
}

// An IPv6 address of the PoP's own: global or unique local unicast. RFC 4291 2.4 without ::/8
// (unspecified, loopback, mapped and compatible), link-local and multicast.
inline bool is_usable_unicast(const Ipv6Address& a) {
  return a.bytes[0] != 0 && !a.is_link_local() && !a.is_multicast();
}

// The all-ones and all-zeros host of a prefix: broadcast and network address, which no host has.
// /31 and /32 have none (RFC 3021).
constexpr bool is_broadcast_or_network(Ipv4Address a, unsigned prefix_length) {
  if (prefix_length > 30) return false;
  const uint32_t host_mask = ~prefix_mask32(prefix_length);
  const uint32_t host = a.value() & host_mask;
  return host == 0 || host == host_mask;
}

// All addresses of the prefix are usable. The unusable ones are whole blocks: 0/8, 127/8, 224/3.
constexpr bool is_usable_prefix(const Ipv4Prefix& p) {
  if (p.length == 0) return false;
  const auto overlaps = [&](uint32_t base, unsigned length) {
    return ((p.address.value() ^ base) & prefix_mask32(length) & prefix_mask32(p.length)) == 0;
  };
  return !overlaps(0, 8) && !overlaps(0x7f000000, 8) && !overlaps(0xe0000000, 3);
}

// Do the prefixes base/mask share an address? One of two prefixes that do holds the other.
constexpr bool prefixes_overlap(uint64_t base_a, uint64_t mask_a, uint64_t base_b,
                                uint64_t mask_b) {
  return ((base_a ^ base_b) & mask_a & mask_b) == 0;
}

}  // namespace simplon
