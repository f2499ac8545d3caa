// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Which addresses a client can have (docs/protocols.md §10.3): everything else a valid beat or
// AYIYA packet comes from was forged on the way, or would make the PoP send packets to itself, to
// another PoP or nowhere. Any thread.

#pragma once

#include "dataplane/net/address.h"
#include "dataplane/table/address_rules.h"
#include "dataplane/table/snapshot_view.h"

namespace simplon {

// RFC 1918, RFC 4193 and what was site-local.
constexpr bool is_private(Ipv4Address a) {
  const uint32_t v = a.value();
  return v >> 24 == 10 || v >> 20 == 0xac1 || v >> 16 == 0xc0a8;
}
inline bool is_private(const Ipv6Address& a) {
  return (a.bytes[0] & 0xfe) == 0xfc || (a.bytes[0] == 0xfe && (a.bytes[1] & 0xc0) == 0xc0);
}

// The PoP's own, or a broadcast or network address of one of its links.
inline bool is_pops_ipv4(const PopRecord& pop, Ipv4Address a) {
  const Ipv6Address mapped = Ipv6Address::from_ipv4(a);
  for (uint32_t i = 0; i < pop.local_address_count; ++i) {
    if (Ipv6Address::from_bytes(pop.local_addresses[i]) == mapped) return true;
  }
  for (uint32_t i = 0; i < pop.interface_count; ++i) {
    const InterfaceRecord& link = pop.interfaces[i];
    if ((link.flags & kInterfaceHasIpv4) == 0) continue;
    const Ipv4Address own = Ipv4Address::from_bytes(link.ipv4_address);
    if (own == a || (Ipv4Prefix{own, link.ipv4_length}.contains(a) &&
                     is_broadcast_or_network(a, link.ipv4_length))) {
      return true;
    }
  }
  return false;
}

inline bool is_pops_ipv6(const PopRecord& pop, const Ipv6Address& a) {
  if (Ipv6Address::from_bytes(pop.ipv6_address) == a) return true;
  for (uint32_t i = 0; i < pop.local_address_count; ++i) {
    if (Ipv6Address::from_bytes(pop.local_addresses[i]) == a) return true;
  }
  for (uint32_t i = 0; i < pop.interface_count; ++i) {
    const InterfaceRecord& link = pop.interfaces[i];
    if ((link.flags & kInterfaceHasIpv6) != 0 && Ipv6Address::from_bytes(link.ipv6_address) == a) {
      return true;
    }
  }
  return false;
}

// `address`: IPv4-mapped for IPv4.
inline bool is_possible_endpoint(const SnapshotView& view, const Ipv6Address& address) {
  const PopRecord& pop = view.pop();
  const bool private_allowed = (pop.flags & kPopAllowPrivateEndpoints) != 0;
  if (address.is_ipv4_mapped()) {
    const Ipv4Address a = address.ipv4();
    constexpr uint32_t kLinkLocal = 0xa9fe;  // 169.254/16, RFC 3927
    if (!is_usable_unicast(a) || a.value() >> 16 == kLinkLocal || is_pops_ipv4(pop, a) ||
        (is_private(a) && !private_allowed) || view.lookup(a).hit()) {
      return false;
    }
  } else if (!is_usable_unicast(address) || is_pops_ipv6(pop, address) ||
             (is_private(address) && !private_allowed) || view.lookup(address.hi()).hit()) {
    return false;
  }
  return !view.is_refused_endpoint(address);
}

}  // namespace simplon
