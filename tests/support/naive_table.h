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
    for (const v1::Pool& pool : config.pools()) {
      const Ipv6Prefix prefix = Ipv6Prefix::parse(pool.prefix()).value();
      pools_[key(prefix.address, prefix.length)] = pool.kind();
    }
    for (const v1::Tunnel& tunnel : config.tunnels()) {
      by_remote_.emplace(tunnel.remote(), tunnel.slot());
      for (const std::string& text : tunnel.delegated_prefixes()) {
        const Ipv6Prefix prefix = Ipv6Prefix::parse(text).value();
        owners_[key(prefix.address, prefix.length)] = tunnel.slot();
      }
      for (const v1::Pool& pool : config.pools()) {
        if (pool.kind() == v1::Pool::DELEGATED) continue;
        const Ipv6Prefix prefix = Ipv6Prefix::parse(pool.prefix()).value();
        const uint64_t units = uint64_t{1} << (64 - prefix.length);
        if (tunnel.slot() < pool.first_slot() || tunnel.slot() - pool.first_slot() >= units)
          continue;
        const uint64_t hi = prefix.address.hi() + (tunnel.slot() - pool.first_slot());
        owners_[key(Ipv6Address::from_halves(hi, 0), 64)] = tunnel.slot();
      }
    }
  }

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
  static std::string key(const Ipv6Address& address, unsigned length) {
    std::string bits;
    for (unsigned i = 0; i < length; ++i) {
      bits += (address.bytes[i / 8] >> (7 - i % 8) & 1) != 0 ? '1' : '0';
    }
    return bits;
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
