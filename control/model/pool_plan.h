// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The pools as arithmetic: from an address to its pool and unit, from a slot to its prefixes. Built
// from pools the validation accepted; pools that do not parse are left out. Thread: any, once
// built.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/net/address.h"
#include "simplon/v1/config.pb.h"

namespace simplon::control {

// As PoolRecord, an IPv4 pool by ipv4_pool_key().
struct PoolRange {
  std::string name;
  v1::Pool::Kind kind = v1::Pool::KIND_UNSPECIFIED;
  bool ipv4 = false;
  uint64_t base = 0;  // upper 64 bits of the prefix, host value
  uint64_t mask = 0;
  unsigned shift = 0;  // 64 - unit length; 32 - unit length for IPv4
  uint64_t units = 0;
  uint32_t first_slot = 0;

  bool contains(uint64_t hi) const { return (hi & mask) == base; }
  bool covers_slot(uint32_t slot) const {
    return kind != v1::Pool::DELEGATED && slot >= first_slot && slot - first_slot < units;
  }
  uint32_t slot_of(uint64_t hi) const { return first_slot + uint32_t((hi - base) >> shift); }
  std::string prefix_of_slot(uint32_t slot) const;
};

class PoolPlan {
 public:
  PoolPlan() = default;
  explicit PoolPlan(const v1::Config& config);

  // The pool an address is in; null: none. `hi`: upper half, or ipv4_pool_key().
  const PoolRange* find(uint64_t hi) const;
  // The first pool of a kind and family that covers the slot; null: none.
  const PoolRange* covering(v1::Pool::Kind kind, uint32_t slot, bool ipv4 = false) const;
  const PoolRange* named(std::string_view name) const;
  const std::vector<PoolRange>& ranges() const { return ranges_; }

 private:
  std::vector<PoolRange> ranges_;  // LINK pools by first_slot come first
};

// Upper halves of the first and last /64 of a prefix of at most 64 bits.
struct HiRange {
  uint64_t first = 0;
  uint64_t last = 0;
};
std::optional<HiRange> hi_range(const Ipv6Prefix& prefix);
// The same in ipv4_pool_key()s.
HiRange hi_range(const Ipv4Prefix& prefix);

}  // namespace simplon::control
