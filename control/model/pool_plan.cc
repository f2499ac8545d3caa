// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/model/pool_plan.h"

#include <algorithm>
#include <tuple>

#include "proto/link/snapshot_format.h"

namespace simplon::control {

std::string PoolRange::prefix_of_slot(uint32_t slot) const {
  const uint64_t hi = base + (uint64_t(slot - first_slot) << shift);
  if (ipv4)
    return Ipv4Prefix{Ipv4Address::from_value(uint32_t(hi)), uint8_t(32 - shift)}.to_string();
  return Ipv6Prefix{Ipv6Address::from_halves(hi, 0), uint8_t(64 - shift)}.to_string();
}

PoolPlan::PoolPlan(const v1::Config& config) {
  for (const v1::Pool& pool : config.pools()) {
    const auto v4 = Ipv4Prefix::parse(pool.prefix());
    const auto v6 = Ipv6Prefix::parse(pool.prefix());
    if (!v4 && !v6) continue;
    const unsigned width = v4 ? 32 : 64;
    const unsigned length = v4 ? v4->length : v6->length;
    const unsigned unit = pool.unit_length() == 0 ? width : pool.unit_length();
    if (unit > width || length > unit || unit - length > 20) continue;
    PoolRange range;
    range.name = pool.name();
    range.kind = pool.kind();
    range.ipv4 = v4.has_value();
    range.mask = prefix_mask64(length + 64 - width);
    range.base = (v4 ? ipv4_pool_key(v4->address.value()) : v6->address.hi()) & range.mask;
    range.shift = width - unit;
    range.units = uint64_t{1} << (unit - length);
    range.first_slot = pool.first_slot();
    ranges_.push_back(std::move(range));
  }
  std::ranges::sort(ranges_, [](const PoolRange& a, const PoolRange& b) {
    return std::tie(a.kind, a.first_slot, a.base) < std::tie(b.kind, b.first_slot, b.base);
  });
}

const PoolRange* PoolPlan::find(uint64_t hi) const {
  for (const PoolRange& range : ranges_) {
    if (range.contains(hi)) return &range;
  }
  return nullptr;
}

const PoolRange* PoolPlan::covering(v1::Pool::Kind kind, uint32_t slot, bool ipv4) const {
  for (const PoolRange& range : ranges_) {
    if (range.kind == kind && range.ipv4 == ipv4 && range.covers_slot(slot)) return &range;
  }
  return nullptr;
}

const PoolRange* PoolPlan::named(std::string_view name) const {
  const auto found = std::ranges::find(ranges_, name, &PoolRange::name);
  return found == ranges_.end() ? nullptr : &*found;
}

std::optional<HiRange> hi_range(const Ipv6Prefix& prefix) {
  if (prefix.length > 64) return std::nullopt;
  const uint64_t mask = prefix_mask64(prefix.length);
  const uint64_t first = prefix.address.hi() & mask;
  return HiRange{first, first | ~mask};
}

HiRange hi_range(const Ipv4Prefix& prefix) {
  const uint64_t mask = prefix_mask64(prefix.length + 32u);
  const uint64_t first = ipv4_pool_key(prefix.address.value()) & mask;
  return {first, first | ~mask};
}

}  // namespace simplon::control
