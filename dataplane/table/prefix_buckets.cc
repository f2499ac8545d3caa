// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/table/prefix_buckets.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace simplon {

// Marks each prefix in every bucket an address of it can fall into.
void PrefixBuckets::fill(std::span<const Prefix> prefixes) {
  buckets_.fill(0);
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    const Prefix& prefix = prefixes[i];
    const uint64_t bit = uint64_t{1} << i;
    // Hashed, but not part of the prefix.
    const uint64_t free_bits = mask_ & ~prefix.mask;
    if (std::popcount(free_bits) >= 8) {
      for (uint64_t& set : buckets_) set |= bit;
      continue;
    }
    // Visits all subsets of free_bits.
    uint64_t subset = 0;
    do {
      buckets_[bucket(prefix.base | subset)] |= bit;
      subset = (subset - free_bits) & free_bits;
    } while (subset != 0);
  }
}

void PrefixBuckets::build(std::span<const Prefix> prefixes) {
  constexpr unsigned kFactors = 16;
  *this = PrefixBuckets{};
  if (prefixes.empty()) return;
  // As many bits as one of the prefixes has, with several factors each: what spreads the prefixes
  // best is kept, by the longest scan first and the number of entries then.
  PrefixBuckets trial;
  uint64_t best = std::numeric_limits<uint64_t>::max();
  for (const Prefix& model : prefixes) {
    if (model.mask == trial.mask_) continue;
    trial.mask_ = model.mask;
    uint64_t random = 0;
    for (unsigned n = 0; n < kFactors; ++n) {
      // The golden ratio's multiples, well mixed and odd.
      random += 0x9e3779b97f4a7c15;
      trial.factor_ = ((random ^ random >> 30) * 0xbf58476d1ce4e5b9) | 1;
      trial.fill(prefixes);
      uint64_t sum = 0;
      for (const uint64_t bits : trial.buckets_) {
        const auto count = static_cast<uint64_t>(std::popcount(bits));
        sum += count * count;
      }
      const uint64_t cost = uint64_t{trial.longest_scan()} << 32 | sum;
      if (cost >= best) continue;
      best = cost;
      *this = trial;
    }
  }
}

std::size_t PrefixBuckets::longest_scan() const {
  int longest = 0;
  for (const uint64_t bits : buckets_) longest = std::max(longest, std::popcount(bits));
  return static_cast<std::size_t>(longest);
}

}  // namespace simplon
