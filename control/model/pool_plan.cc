// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/model/pool_plan.h"

#include <algorithm>

namespace simplon::control {

Ipv6Prefix PoolRange::prefix_of_slot(uint32_t slot) const {
  const uint64_t hi = base + (uint64_t(slot - first_slot) << shift);
  return {Ipv6Address::from_halves(hi, 0), uint8_t(64 - shift)};
}

PoolPlan::PoolPlan(const v1::Config& config) {
  for (const v1::Pool& pool : config.pools()) {
    const auto prefix = Ipv6Prefix::parse(pool.prefix());
    const unsigned unit = pool.unit_length() == 0 ? 64 : pool.unit_length();
    if (!prefix || unit > 64 || prefix->length > unit || unit - prefix->length > 20) continue;
    PoolRange range;
    range.name = pool.name();
    range.kind = pool.kind();
    range.mask = prefix_mask64(prefix->length);
    range.base = prefix->address.hi() & range.mask;
    range.shift = 64 - unit;
    range.units = uint64_t{1} << (unit - prefix->length);
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

const PoolRange* PoolPlan::covering(v1::Pool::Kind kind, uint32_t slot) const {
  for (const PoolRange& range : ranges_) {
    if (range.kind == kind && range.covers_slot(slot)) return &range;
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

}  // namespace simplon::control
