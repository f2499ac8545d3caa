// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Which of a few prefixes may cover an address: a table of 256 sets, indexed by a hash of the
// address chosen so that the prefixes spread. Immutable once built; lookups from any thread.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace simplon {

class PrefixBuckets {
 public:
  static constexpr std::size_t kMaxPrefixes = 64;

  // Of the upper 64 bits of an address, as a host value: those with (hi & mask) == base.
  struct Prefix {
    uint64_t base;
    uint64_t mask;  // of a prefix: its ones come first
  };

  // At most kMaxPrefixes.
  void build(std::span<const Prefix> prefixes);

  // Bit i: prefix i may cover `hi`. No other does.
  uint64_t candidates(uint64_t hi) const { return buckets_[bucket(hi)]; }

  // Most prefixes any one lookup has to try: for tests and reports.
  std::size_t longest_scan() const;

 private:
  static constexpr std::size_t kBuckets = 256;
  using Buckets = std::array<uint64_t, kBuckets>;

  void fill(std::span<const Prefix> prefixes);

  // The bits below the mask do not count; the factor spreads the others. Both chosen by build().
  std::size_t bucket(uint64_t hi) const { return ((hi & mask_) * factor_) >> 56; }

  uint64_t mask_ = 0;
  uint64_t factor_ = 0;
  alignas(64) Buckets buckets_{};
};

}  // namespace simplon
