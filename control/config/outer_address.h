// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Addresses of either family in one form: IPv4 as ::ffff:a.b.c.d, as the snapshot has them.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "dataplane/net/address.h"
#include "dataplane/table/address_rules.h"
#include "proto/link/snapshot_format.h"

namespace simplon::control {

// nullopt: neither an IPv4 nor an IPv6 address. IPv4 is written as a dotted quad: ::ffff:a.b.c.d is
// an IPv6 address nobody has, and therefore none.
inline std::optional<Ipv6Address> parse_outer_address(std::string_view text) {
  if (const auto v4 = Ipv4Address::parse(text)) return Ipv6Address::from_ipv4(*v4);
  const auto v6 = Ipv6Address::parse(text);
  return v6 && v6->is_ipv4_mapped() ? std::nullopt : v6;
}

inline std::string to_outer_text(const Ipv6Address& address) {
  return address.is_ipv4_mapped() ? address.ipv4().to_string() : address.to_string();
}

// A host far away can have it.
inline bool is_usable_endpoint(const Ipv6Address& address) {
  return address.is_ipv4_mapped() ? is_usable_unicast(address.ipv4()) : is_usable_unicast(address);
}

// One of the addresses tunnels end on or the PoP's own IPv6 address. (Those of the interfaces are
// among the former.)
inline bool is_own_address(const PopRecord& pop, const Ipv6Address& address) {
  for (uint32_t i = 0; i < pop.local_address_count; ++i) {
    if (Ipv6Address::from_bytes(pop.local_addresses[i]) == address) return true;
  }
  return !address.is_unspecified() && Ipv6Address::from_bytes(pop.ipv6_address) == address;
}

// The upper half of the address as pools are looked up; an IPv6 address in ::/8 is in none.
inline std::optional<uint64_t> pool_key(const Ipv6Address& address) {
  if (address.is_ipv4_mapped()) return ipv4_pool_key(address.ipv4().value());
  if (address.bytes[0] == 0) return std::nullopt;
  return address.hi();
}

}  // namespace simplon::control
