// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/sixxsd/address_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "control/sixxsd/arguments.h"
#include "control/sixxsd/words.h"

namespace simplon::control::sixxsd {
namespace {

constexpr uint8_t kTunnelPrefixLength = 48;
constexpr unsigned kSubnetBits = 8;  // a subnet prefix has 256 subnets

Ipv6Prefix make_prefix(uint64_t hi, unsigned length) {
  return {Ipv6Address::from_halves(hi, 0), static_cast<uint8_t>(length)};
}

v1::Pool make_pool(v1::Pool::Kind kind, const Ipv6Prefix& prefix, uint32_t unit_length) {
  v1::Pool pool;
  pool.set_kind(kind);
  pool.set_prefix(prefix.to_string());
  pool.set_unit_length(unit_length);
  return pool;
}

bool holds(const Ipv6Prefix& outer, const Ipv6Prefix& inner) {
  return inner.length >= outer.length && outer.contains(inner.address);
}

// The other half of the prefix one bit shorter.
Ipv6Prefix sibling(const Ipv6Prefix& prefix) {
  return make_prefix(prefix.address.hi() ^ uint64_t{1} << (64 - prefix.length), prefix.length);
}

// What is left of `whole` without `hole`, which lies in it.
std::vector<Ipv6Prefix> remainder(const Ipv6Prefix& whole, const Ipv6Prefix& hole) {
  std::vector<Ipv6Prefix> pieces;
  for (unsigned length = whole.length + 1u; length <= hole.length; ++length) {
    pieces.push_back(sibling(make_prefix(hole.address.hi() & prefix_mask64(length), length)));
  }
  return pieces;
}

std::optional<Ipv6Prefix> ipv6_prefix_of(const v1::Pool& pool, v1::Pool::Kind kind) {
  if (pool.kind() != kind) return std::nullopt;
  return Ipv6Prefix::parse(pool.prefix());
}

bool contains(const std::vector<Ipv6Prefix>& prefixes, const Ipv6Prefix& prefix) {
  return std::ranges::find(prefixes, prefix) != prefixes.end();
}

}  // namespace

absl::StatusOr<Ipv6Prefix> parse_tunnel_prefix(std::string_view text) {
  const auto prefix = Ipv6Prefix::parse(text);
  if (!prefix || prefix->length != kTunnelPrefixLength || prefix->has_host_bits()) {
    return bad_argument(fmt::format("Invalid IPv6 prefix {} - must be a /48, as 2001:db8:ff::/48",
                                    printable(text)));
  }
  return *prefix;
}

absl::StatusOr<Ipv6Prefix> parse_subnet_prefix(std::string_view text) {
  const auto prefix = Ipv6Prefix::parse(text);
  if (!prefix || prefix->has_host_bits()) {
    return bad_argument(fmt::format("Invalid IPv6 prefix {}", printable(text)));
  }
  if (prefix->length != 40 && prefix->length != 48) {
    return bad_argument(
        fmt::format("A Prefixlength {} not accepted (only /48's for /56 subnets or a /40 for /48 "
                    "subnets)",
                    prefix->length));
  }
  return *prefix;
}

Ipv6Address pop_address(const Ipv6Prefix& tunnel_prefix) {
  return Ipv6Address::from_halves(tunnel_prefix.address.hi() | 0xffff, 1);
}

std::vector<v1::Pool> tunnel_pools(const Ipv6Prefix& tunnel_prefix) {
  const uint64_t hi = tunnel_prefix.address.hi();
  return {make_pool(v1::Pool::LINK, make_prefix(hi, 49), 64),
          make_pool(v1::Pool::ROUTED, make_prefix(hi | 0x8000, 49), 64)};
}

std::vector<v1::Pool> subnet_pools(const Ipv6Prefix& subnet_prefix,
                                   const std::optional<Ipv6Prefix>& hole) {
  const uint32_t unit_length = subnet_prefix.length + kSubnetBits;
  std::vector<v1::Pool> pools;
  if (!hole || *hole == subnet_prefix || !holds(subnet_prefix, *hole)) {
    pools.push_back(make_pool(v1::Pool::DELEGATED, subnet_prefix, unit_length));
    return pools;
  }
  for (const Ipv6Prefix& piece : remainder(subnet_prefix, *hole)) {
    pools.push_back(make_pool(v1::Pool::DELEGATED, piece, unit_length));
  }
  return pools;
}

const v1::Pool* find_pool(const PoolList& pools, const v1::Pool& like) {
  const auto prefix = Ipv6Prefix::parse(like.prefix());
  for (const v1::Pool& pool : pools) {
    if (pool.kind() == like.kind() && Ipv6Prefix::parse(pool.prefix()) == prefix) return &pool;
  }
  return nullptr;
}

void add_pool(v1::Pool pool, PoolList& pools) {
  const char* const kind = pool.kind() == v1::Pool::LINK     ? "link"
                           : pool.kind() == v1::Pool::ROUTED ? "routed"
                                                             : "subnets";
  std::string name = kind;
  const auto taken = [&](const v1::Pool& other) { return other.name() == name; };
  for (int n = 2; std::ranges::any_of(pools, taken); ++n) name = fmt::format("{}-{}", kind, n);
  pool.set_name(name);
  *pools.Add() = std::move(pool);
}

std::optional<Ipv6Prefix> tunnel_prefix_of(const PoolList& pools) {
  for (const v1::Pool& pool : pools) {
    const auto link = ipv6_prefix_of(pool, v1::Pool::LINK);
    if (!link || link->length != kTunnelPrefixLength + 1 || pool.first_slot() != 0) continue;
    const Ipv6Prefix whole =
        make_prefix(link->address.hi() & prefix_mask64(kTunnelPrefixLength), kTunnelPrefixLength);
    const auto wanted = tunnel_pools(whole);
    const auto there = [&](const v1::Pool& w) {
      const v1::Pool* found = find_pool(pools, w);
      return found != nullptr && found->first_slot() == 0;
    };
    if (std::ranges::all_of(wanted, there)) return whole;
  }
  return std::nullopt;
}

std::vector<Ipv6Prefix> subnet_prefixes_of(const PoolList& pools) {
  std::vector<Ipv6Prefix> prefixes;
  for (const v1::Pool& pool : pools) {
    if (const auto prefix = ipv6_prefix_of(pool, v1::Pool::DELEGATED)) prefixes.push_back(*prefix);
  }
  // One with the tunnel prefix in it is in pieces.
  if (const auto hole = tunnel_prefix_of(pools)) {
    const Ipv6Prefix whole = make_prefix(hole->address.hi() & prefix_mask64(40), 40);
    const auto pieces = remainder(whole, *hole);
    const auto there = [&](const Ipv6Prefix& piece) { return contains(prefixes, piece); };
    if (std::ranges::all_of(pieces, there)) {
      std::erase_if(prefixes, [&](const Ipv6Prefix& prefix) { return contains(pieces, prefix); });
      prefixes.push_back(whole);
    }
  }
  std::ranges::sort(prefixes, {}, [](const Ipv6Prefix& prefix) { return prefix.address.bytes; });
  return prefixes;
}

std::optional<Ipv6Prefix> subnet_of(const PoolList& pools, const Ipv6Address& address) {
  for (const v1::Pool& pool : pools) {
    const auto prefix = ipv6_prefix_of(pool, v1::Pool::DELEGATED);
    if (!prefix || !prefix->contains(address)) continue;
    const uint32_t length = std::min<uint32_t>(pool.unit_length(), 64);
    return make_prefix(address.hi() & prefix_mask64(length), length);
  }
  return std::nullopt;
}

}  // namespace simplon::control::sixxsd
