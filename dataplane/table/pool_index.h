// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// From the upper half of an address to its pool and unit. Derived from the pools of a snapshot, not
// read from it, so that a forged snapshot cannot send a worker anywhere. Immutable once built;
// lookups from any thread.

#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/table/prefix_buckets.h"
#include "proto/link/snapshot_format.h"

namespace simplon {

// First step of a lookup. `kind` is kNone when no pool covers the address.
struct PoolLookup {
  PoolKind kind = PoolKind::kNone;
  // kLink, kRouted: the slot. kDelegated: index in unit_to_slot. kNoSlot past the end of the table
  // or of the map.
  uint32_t value = kNoSlot;

  bool hit() const { return kind != PoolKind::kNone; }
  // `value` is an index of unit_to_slot, and within it.
  bool is_mapped() const { return kind == PoolKind::kDelegated && value != kNoSlot; }
};

// How many units of a validated pool have a slot or a map entry: those below it.
uint32_t unit_limit(const PoolRecord& pool, uint32_t slot_capacity);

class PoolIndex {
 public:
  // `pools`: validated (disjoint, consistent), at most kMaxPools. Units whose slot would be
  // `slot_capacity` or more have no slot, nor have those that are not mapped.
  void build(std::span<const PoolRecord> pools, uint32_t slot_capacity);

  // `hi`: upper 64 bits of the address as a host value.
  PoolLookup lookup(uint64_t hi) const {
    if (count_ <= kScanned) [[likely]] {
      // Unused entries never match, so the loop has a fixed length and unrolls.
      for (std::size_t i = 0; i < kScanned; ++i) {
        if ((hi & entries_[i].mask) == entries_[i].base) return at(entries_[i], hi);
      }
      return {};
    }
    for (uint64_t left = buckets_.candidates(hi); left != 0; left &= left - 1) {
      const Entry& entry = entries_[std::countr_zero(left)];
      if ((hi & entry.mask) == entry.base) return at(entry, hi);
    }
    return {};
  }

  // Most pools any one lookup has to try: for tests and reports.
  std::size_t longest_scan() const { return count_ <= kScanned ? count_ : buckets_.longest_scan(); }

 private:
  static constexpr std::size_t kScanned = 4;

  struct Entry {
    uint64_t base = ~uint64_t{0};
    uint64_t mask = 0;
    uint32_t first = 0;
    uint32_t limit = 0;  // unit_limit()
    uint32_t shift = 0;
    PoolKind kind = PoolKind::kNone;
  };
  static_assert(sizeof(Entry) == 32);

  static PoolLookup at(const Entry& entry, uint64_t hi) {
    const auto unit = static_cast<uint32_t>((hi & ~entry.mask) >> entry.shift);
    return {entry.kind, unit < entry.limit ? entry.first + unit : kNoSlot};
  }

  // The first cache lines hold all that a scan of few pools needs.
  alignas(64) std::array<Entry, kMaxPools> entries_{};
  uint32_t count_ = 0;
  PrefixBuckets buckets_;  // prefix i is that of entries_[i]
};
static_assert(kMaxPools <= PrefixBuckets::kMaxPrefixes);

}  // namespace simplon
