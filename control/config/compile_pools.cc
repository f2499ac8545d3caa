// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <algorithm>
#include <bit>
#include <set>
#include <string>

#include "control/config/compile.h"
#include "control/config/names.h"
#include "control/config/outer_address.h"
#include "dataplane/net/address.h"
#include "dataplane/table/address_rules.h"

namespace simplon::control {
namespace {

constexpr std::size_t kMaxPoolName = 32;

bool looks_like_ipv4(std::string_view text) {
  return text.find('.') != text.npos && text.find(':') == text.npos;
}

void check_name(const std::string& name, std::set<std::string>& seen, Violations& violations) {
  if (name.empty()) {
    violations.add("name", reason::kRequired, "a pool needs a name");
  } else if (name.size() > kMaxPoolName) {
    violations.add("name", reason::kTooLong, "at most 32 characters");
  } else if (name[0] < 'a' || name[0] > 'z' ||
             !std::all_of(name.begin(), name.end(), is_name_character)) {
    violations.add("name", reason::kBadName, "a letter a-z, then only a-z, 0-9 and '-'");
  } else if (!seen.insert(name).second) {
    violations.add("name", reason::kDuplicate, "another pool is named '" + name + "'");
  }
}

// A prefix of either family as the snapshot has it.
struct PoolPrefix {
  bool ipv4 = false;
  uint64_t base = 0;  // upper half, or ipv4_pool_key()
  unsigned length = 0;

  unsigned width() const { return ipv4 ? 32 : 64; }
};

std::optional<PoolPrefix> parse_pool_prefix(const v1::Pool& pool, Violations& violations) {
  const auto refuse = [&](std::string_view why, const std::string& description) {
    violations.add("prefix", why, description);
    return std::nullopt;
  };
  if (pool.prefix().empty()) return refuse(reason::kRequired, "a pool needs a prefix");
  const auto v4 = Ipv4Prefix::parse(pool.prefix());
  const auto v6 = Ipv6Prefix::parse(pool.prefix());
  if (v4 ? v4->has_host_bits() : v6 && v6->has_host_bits()) {
    return refuse(reason::kHostBits, pool.prefix() + " has bits set behind the length");
  }
  if (v4) {
    if (pool.kind() == v1::Pool::LINK) {
      return refuse(reason::kBadPrefix, "a LINK pool is IPv6: the link of a tunnel is a /64");
    }
    if (!is_usable_prefix(*v4)) {
      return refuse(reason::kAddressNotUsable,
                    pool.prefix() +
                        " has addresses no host can have: 0.0.0.0/8, 127.0.0.0/8, "
                        "224.0.0.0/3");
    }
    return PoolPrefix{true, ipv4_pool_key(v4->address.value()), v4->length};
  }
  if (!v6) {
    return refuse(reason::kBadPrefix, "'" + pool.prefix() +
                                          "' is not a prefix, as 2001:db8::/48 or, for ROUTED and "
                                          "DELEGATED, 198.51.100.0/24");
  }
  if (v6->length == 0 || !is_usable_unicast(v6->address)) {
    return refuse(reason::kAddressNotUsable,
                  pool.prefix() + " is not global or unique local unicast");
  }
  return PoolPrefix{false, v6->address.hi(), v6->length};
}

// 0: refused.
unsigned check_unit_length(const v1::Pool& pool, bool ipv4, Violations& violations) {
  const uint32_t length = pool.unit_length();
  if (ipv4) {
    if (length == 0) return 32;
    if (length >= 16 && length <= 32) return length;
    violations.add("unit_length", reason::kOutOfRange,
                   "must be 16..32, or 0 for 32, in an IPv4 pool");
    return 0;
  }
  if (pool.kind() == v1::Pool::DELEGATED) {
    if (length >= 48 && length <= 64) return length;
    violations.add("unit_length", reason::kOutOfRange, "must be 48..64 for a DELEGATED pool");
    return 0;
  }
  if (length == 0 || length == 64) return 64;
  violations.add("unit_length", reason::kOutOfRange, "must be 64 (or 0) for a LINK or ROUTED pool");
  return 0;
}

std::optional<PoolRecord> compile_pool(const v1::Pool& pool, Violations& violations) {
  if (pool.kind() == v1::Pool::KIND_UNSPECIFIED) {
    violations.add("kind", reason::kRequired, "LINK, ROUTED or DELEGATED");
    return std::nullopt;
  }
  if (!v1::Pool::Kind_IsValid(pool.kind())) {
    violations.add("kind", reason::kUnknownValue, "must be LINK, ROUTED or DELEGATED");
    return std::nullopt;
  }
  const auto prefix = parse_pool_prefix(pool, violations);
  const unsigned unit_length =
      check_unit_length(pool, prefix ? prefix->ipv4 : looks_like_ipv4(pool.prefix()), violations);
  if (!prefix || unit_length == 0) return std::nullopt;
  if (prefix->length > unit_length) {
    violations.add("prefix", reason::kOutOfRange,
                   "a /" + std::to_string(prefix->length) + " holds no unit of /" +
                       std::to_string(unit_length));
    return std::nullopt;
  }
  if (unit_length - prefix->length > 20) {
    violations.add("prefix", reason::kOutOfRange,
                   "more than 2^20 units; with units of /" + std::to_string(unit_length) +
                       " the shortest prefix is /" + std::to_string(unit_length - 20));
    return std::nullopt;
  }
  PoolRecord record{};
  record.base = prefix->base;
  record.mask = prefix_mask64(prefix->length + 64 - prefix->width());
  record.unit_count = 1u << (unit_length - prefix->length);
  record.shift = static_cast<uint8_t>(prefix->width() - unit_length);
  record.kind = static_cast<uint32_t>(pool.kind());
  static_assert(static_cast<uint32_t>(v1::Pool::LINK) == static_cast<uint32_t>(PoolKind::kLink));
  static_assert(static_cast<uint32_t>(v1::Pool::ROUTED) ==
                static_cast<uint32_t>(PoolKind::kRouted));
  static_assert(static_cast<uint32_t>(v1::Pool::DELEGATED) ==
                static_cast<uint32_t>(PoolKind::kDelegated));
  if (pool.kind() == v1::Pool::DELEGATED) {
    if (pool.first_slot() != 0) {
      violations.add("first_slot", reason::kOutOfRange, "only LINK and ROUTED pools have slots");
      return std::nullopt;
    }
  } else if (pool.first_slot() >= kMaxSlots || record.unit_count > kMaxSlots - pool.first_slot()) {
    violations.add("first_slot", reason::kSlotOutOfRange,
                   std::to_string(record.unit_count) + " units from slot " +
                       std::to_string(pool.first_slot()) + " reach beyond the last one, 1048575");
    return std::nullopt;
  } else {
    record.first = pool.first_slot();
  }
  return record;
}

std::string text_of(const PoolRecord& record) {
  const int length = std::popcount(record.mask);
  if (is_ipv4_pool(record)) {
    return Ipv4Prefix{Ipv4Address::from_value(static_cast<uint32_t>(record.base)),
                      static_cast<uint8_t>(length - 32)}
        .to_string();
  }
  return Ipv6Prefix{Ipv6Address::from_halves(record.base, 0), static_cast<uint8_t>(length)}
      .to_string();
}

bool compare_with_pool(const CompiledPool& pool, const CompiledPool& other,
                       Violations& violations) {
  const PoolRecord& a = pool.record;
  const PoolRecord& b = other.record;
  if (prefixes_overlap(a.base, a.mask, b.base, b.mask)) {
    violations.add("prefix", reason::kOverlap,
                   text_of(a) + " overlaps " + text_of(b) + " of pool '" + other.name + "'");
    return false;
  }
  if (a.kind == b.kind && is_ipv4_pool(a) == is_ipv4_pool(b) &&
      a.kind != static_cast<uint32_t>(PoolKind::kDelegated) && a.first < b.first + b.unit_count &&
      b.first < a.first + a.unit_count) {
    violations.add("first_slot", reason::kOverlap,
                   "pool '" + other.name + "' of the same kind has slots " +
                       std::to_string(b.first) + ".." + std::to_string(b.first + b.unit_count - 1));
    return false;
  }
  return true;
}

// The on-link prefix of the pool's family; nullopt: the interface has none.
struct OnLink {
  uint64_t base = 0;
  uint64_t mask = 0;
  std::string text;
};
std::optional<OnLink> on_link(const InterfaceRecord& interface, bool ipv4) {
  if (ipv4) {
    if ((interface.flags & kInterfaceHasIpv4) == 0) return std::nullopt;
    const auto address = Ipv4Address::from_bytes(interface.ipv4_address);
    return OnLink{ipv4_pool_key(address.value()), prefix_mask64(interface.ipv4_length + 32u),
                  Ipv4Prefix{address, interface.ipv4_length}.to_string()};
  }
  if ((interface.flags & kInterfaceHasIpv6) == 0) return std::nullopt;
  const auto address = Ipv6Address::from_bytes(interface.ipv6_address);
  return OnLink{address.hi(), prefix_mask64(interface.ipv6_length),
                Ipv6Prefix{address, interface.ipv6_length}.to_string()};
}

bool compare_with_pop(const PoolRecord& record, const PopRecord& pop, Violations& violations) {
  const bool ipv4 = is_ipv4_pool(record);
  for (uint32_t i = 0; i < pop.interface_count; ++i) {
    const auto link = on_link(pop.interfaces[i], ipv4);
    if (!link || !prefixes_overlap(record.base, record.mask, link->base, link->mask)) continue;
    violations.add("prefix", reason::kOverlap,
                   text_of(record) + " overlaps the on-link prefix of " + link->text +
                       ", pop.interfaces[" + std::to_string(i) + "]");
    return false;
  }
  bool has_ipv4 = false;
  for (uint32_t i = 0; i < pop.local_address_count; ++i) {
    const auto address = Ipv6Address::from_bytes(pop.local_addresses[i]);
    has_ipv4 |= address.is_ipv4_mapped();
    const auto key = pool_key(address);
    if (!key || (*key & record.mask) != record.base) continue;
    violations.add("prefix", reason::kOverlap,
                   text_of(record) + " holds " + to_outer_text(address) +
                       ", an address of the PoP that tunnels end on");
    return false;
  }
  if (ipv4 && !has_ipv4) {
    violations.add("prefix", reason::kRequired,
                   "an IPv4 pool needs an IPv4 address of the PoP, the source of ICMP errors: give "
                   "an interface one, or pop.ipv4_addresses");
    return false;
  }
  return true;
}

}  // namespace

std::vector<CompiledPool> compile_pools(const PoolList& pools, const PopRecord& pop,
                                        Violations& violations) {
  std::vector<CompiledPool> compiled;
  std::set<std::string> names;
  if (static_cast<std::size_t>(pools.size()) > kMaxPools) {
    violations.set_scope("pools");
    violations.add("", reason::kTooMany, "at most 64 pools");
  }
  const int count = std::min<int>(pools.size(), kMaxPools);
  uint64_t units = 0;
  for (int i = 0; i < count; ++i) {
    violations.set_scope("pools", i);
    check_name(pools[i].name(), names, violations);
    const auto record = compile_pool(pools[i], violations);
    if (!record) continue;
    CompiledPool pool{*record, pools[i].name(), i};
    bool disjoint = compare_with_pop(*record, pop, violations);
    for (const CompiledPool& other : compiled) {
      disjoint = compare_with_pool(pool, other, violations) && disjoint;
    }
    if (!disjoint) continue;
    if (pools[i].kind() == v1::Pool::DELEGATED) {
      units += record->unit_count;
      if (units > kMaxDelegatedUnits) {
        violations.add("prefix", reason::kTooMany,
                       "all DELEGATED pools together have at most 2^24 units");
        continue;
      }
    }
    compiled.push_back(std::move(pool));
  }
  std::sort(compiled.begin(), compiled.end(), [](const CompiledPool& a, const CompiledPool& b) {
    return a.record.base < b.record.base;
  });
  uint32_t next = 0;
  for (CompiledPool& pool : compiled) {
    if (pool.record.kind != static_cast<uint32_t>(PoolKind::kDelegated)) continue;
    pool.record.first = next;
    pool.record.mapped_units = pool.record.unit_count;
    next += pool.record.unit_count;
  }
  return compiled;
}

}  // namespace simplon::control
