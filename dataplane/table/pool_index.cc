// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/table/pool_index.h"

#include <algorithm>
#include <limits>

namespace simplon {

// Marks each pool in every bucket an address of it can fall into. Bits below the prefix are free; a
// bucket bit is free when either window has a free bit there.
void PoolIndex::fill_buckets(std::array<uint64_t, kBuckets>& buckets, unsigned low,
                             unsigned high) const {
  buckets.fill(0);
  for (std::size_t i = 0; i < count_; ++i) {
    const Entry& entry = entries_[i];
    const uint64_t fixed = ((entry.base >> low) ^ (entry.base >> high)) & (kBuckets - 1);
    const uint64_t free_bits = ((~entry.mask >> low) | (~entry.mask >> high)) & (kBuckets - 1);
    // Visits all subsets of free_bits.
    uint64_t subset = 0;
    do {
      buckets[(fixed & ~free_bits) | subset] |= uint64_t{1} << i;
      subset = (subset - free_bits) & free_bits;
    } while (subset != 0);
  }
}

void PoolIndex::build(std::span<const PoolRecord> pools, uint32_t slot_capacity) {
  *this = PoolIndex{};
  count_ = static_cast<uint32_t>(std::min(pools.size(), kMaxPools));
  for (std::size_t i = 0; i < count_; ++i) {
    const PoolRecord& pool = pools[i];
    const auto kind = static_cast<PoolKind>(pool.kind);
    const uint32_t beyond = pool.first < slot_capacity ? slot_capacity - pool.first : 0;
    entries_[i] = {
        .base = pool.base,
        .mask = pool.mask,
        .first = pool.first,
        .limit = kind == PoolKind::kDelegated ? pool.unit_count : std::min(pool.unit_count, beyond),
        .shift = pool.shift,
        .kind = kind,
    };
  }
  if (count_ <= kScanned) return;

  // Tries every pair of windows and keeps the one that spreads the pools best: smallest longest
  // scan, then fewest entries. The second window at bit 63 leaves a plain one, as real prefixes
  // have that bit clear.
  std::array<uint64_t, kBuckets> trial;
  uint64_t best = std::numeric_limits<uint64_t>::max();
  for (unsigned low = 0; low < 63; ++low) {
    for (unsigned high = 63; high > low; --high) {
      fill_buckets(trial, low, high);
      uint64_t longest = 0;
      uint64_t sum = 0;
      for (const uint64_t bits : trial) {
        const auto n = static_cast<uint64_t>(std::popcount(bits));
        longest = std::max(longest, n);
        sum += n * n;
      }
      const uint64_t cost = longest << 32 | sum;
      if (cost >= best) continue;
      best = cost;
      window_ = {static_cast<uint8_t>(low), static_cast<uint8_t>(high)};
      buckets_ = trial;
      // Good enough: the whole search takes a millisecond.
      if (longest <= 2) return;
    }
  }
}

std::size_t PoolIndex::longest_scan() const {
  if (count_ <= kScanned) return count_;
  int longest = 0;
  for (const uint64_t bits : buckets_) longest = std::max(longest, std::popcount(bits));
  return static_cast<std::size_t>(longest);
}

}  // namespace simplon
