// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "dataplane/net/address.h"
#include "simplon/v1/config.pb.h"

namespace simplon::testing {

// The slowest table that can be right: prefixes in a map, found by trying every length. Shares no
// code with the real one but the parser of addresses.
class NaiveTable {
 public:
  explicit NaiveTable(const v1::Config& config) {
    for (const v1::Pool& pool : config.pools()) pools_[key_of(pool.prefix())] = pool.kind();
    for (const v1::Tunnel& tunnel : config.tunnels()) {
      if (!tunnel.remote().empty()) by_remote_.emplace(tunnel.remote(), tunnel.slot());
      for (const std::string& text : tunnel.delegated_prefixes()) {
        owners_[key_of(text)] = tunnel.slot();
      }
      for (const std::string& text : tunnel.ipv4_prefixes()) owners_[key_of(text)] = tunnel.slot();
      for (const v1::Pool& pool : config.pools()) {
        if (pool.kind() != v1::Pool::DELEGATED) add_unit(pool, tunnel.slot());
      }
    }
  }

  // Addresses: IPv4 as ::ffff:a.b.c.d.

  // Kind of the pool that holds the address; nullopt: none.
  std::optional<v1::Pool::Kind> pool_of(const Ipv6Address& address) const {
    return longest_match(pools_, address);
  }

  // Slot of the tunnel that owns the address; nullopt: none.
  std::optional<uint32_t> slot_of(const Ipv6Address& address) const {
    return longest_match(owners_, address);
  }

  const std::multimap<std::string, uint32_t>& by_remote() const { return by_remote_; }

 private:
  // IPv4 prefixes are those of 96 bits more.
  static std::string key(const Ipv6Address& address, unsigned length) {
    std::string bits;
    for (unsigned i = 0; i < length; ++i) {
      bits += (address.bytes[i / 8] >> (7 - i % 8) & 1) != 0 ? '1' : '0';
    }
    return bits;
  }

  static std::string key_of(const std::string& text) {
    if (const auto prefix = Ipv4Prefix::parse(text)) {
      return key(Ipv6Address::from_ipv4(prefix->address), 96u + prefix->length);
    }
    const Ipv6Prefix prefix = Ipv6Prefix::parse(text).value();
    return key(prefix.address, prefix.length);
  }

  // The slot's unit of a LINK or ROUTED pool, if it has one.
  void add_unit(const v1::Pool& pool, uint32_t slot) {
    const auto v4 = Ipv4Prefix::parse(pool.prefix());
    const auto v6 = Ipv6Prefix::parse(pool.prefix());
    const unsigned unit_length = pool.unit_length() != 0 ? pool.unit_length() : v4 ? 32 : 64;
    const unsigned length = v4 ? v4->length : v6->length;
    if (slot < pool.first_slot() || (slot - pool.first_slot()) >> (unit_length - length) != 0)
      return;
    const uint32_t unit = slot - pool.first_slot();
    if (v4) {
      const auto base = Ipv4Address::from_value(v4->address.value() + (unit << (32 - unit_length)));
      owners_[key(Ipv6Address::from_ipv4(base), 96 + unit_length)] = slot;
    } else {
      owners_[key(Ipv6Address::from_halves(v6->address.hi() + unit, 0), 64)] = slot;
    }
  }

  template <typename Value>
  static std::optional<Value> longest_match(const std::map<std::string, Value>& map,
                                            const Ipv6Address& address) {
    for (unsigned length = 128; length > 0; --length) {
      const auto found = map.find(key(address, length));
      if (found != map.end()) return found->second;
    }
    return std::nullopt;
  }

  std::map<std::string, v1::Pool::Kind> pools_;
  std::map<std::string, uint32_t> owners_;
  std::multimap<std::string, uint32_t> by_remote_;
};

}  // namespace simplon::testing
