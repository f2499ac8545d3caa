// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/table/prefix_buckets.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace simplon {

// Marks each prefix in every bucket an address of it can fall into. Bits below the prefix are free;
// a bucket bit is free when either window has a free bit there.
void PrefixBuckets::fill(Buckets& buckets, std::span<const Prefix> prefixes, unsigned low,
                         unsigned high) {
  buckets.fill(0);
  for (std::size_t i = 0; i < prefixes.size(); ++i) {
    const Prefix& prefix = prefixes[i];
    const uint64_t fixed = ((prefix.base >> low) ^ (prefix.base >> high)) & (kBuckets - 1);
    const uint64_t free_bits = ((~prefix.mask >> low) | (~prefix.mask >> high)) & (kBuckets - 1);
    // Visits all subsets of free_bits.
    uint64_t subset = 0;
    do {
      buckets[(fixed & ~free_bits) | subset] |= uint64_t{1} << i;
      subset = (subset - free_bits) & free_bits;
    } while (subset != 0);
  }
}

void PrefixBuckets::build(std::span<const Prefix> prefixes) {
  *this = PrefixBuckets{};
  if (prefixes.empty()) return;
  // Tries every pair of windows and keeps the one that spreads the prefixes best: smallest longest
  // scan, then fewest entries. The second window at bit 63 leaves a plain one, as real prefixes
  // have that bit clear.
  Buckets trial;
  uint64_t best = std::numeric_limits<uint64_t>::max();
  for (unsigned low = 0; low < 63; ++low) {
    for (unsigned high = 63; high > low; --high) {
      fill(trial, prefixes, low, high);
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
      // Good enough: the whole search takes milliseconds.
      if (longest == 1 || (longest == 2 && prefixes.size() > 4)) return;
    }
  }
}

std::size_t PrefixBuckets::longest_scan() const {
  int longest = 0;
  for (const uint64_t bits : buckets_) longest = std::max(longest, std::popcount(bits));
  return static_cast<std::size_t>(longest);
}

}  // namespace simplon
