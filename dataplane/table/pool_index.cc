// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/table/pool_index.h"

#include <algorithm>

namespace simplon {

uint32_t unit_limit(const PoolRecord& pool, uint32_t slot_capacity) {
  if (pool.kind == static_cast<uint32_t>(PoolKind::kDelegated)) return pool.mapped_units;
  return pool.first < slot_capacity ? std::min(pool.unit_count, slot_capacity - pool.first) : 0;
}

void PoolIndex::build(std::span<const PoolRecord> pools, uint32_t slot_capacity) {
  *this = PoolIndex{};
  count_ = static_cast<uint32_t>(std::min(pools.size(), kMaxPools));
  for (std::size_t i = 0; i < count_; ++i) {
    const PoolRecord& pool = pools[i];
    entries_[i] = {
        .base = pool.base,
        .mask = pool.mask,
        .first = pool.first,
        .limit = unit_limit(pool, slot_capacity),
        .shift = pool.shift,
        .kind = static_cast<PoolKind>(pool.kind),
    };
  }
  if (count_ <= kScanned) return;
  std::array<PrefixBuckets::Prefix, kMaxPools> prefixes;
  for (std::size_t i = 0; i < count_; ++i) prefixes[i] = {entries_[i].base, entries_[i].mask};
  buckets_.build(std::span(prefixes).first(count_));
}

}  // namespace simplon
