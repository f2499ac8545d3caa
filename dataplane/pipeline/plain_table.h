// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What the plain path (plain.h) wants to know about a table, worked out once when the table is
// made. Immutable.

#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

#include "dataplane/pipeline/link_table.h"
#include "dataplane/table/prefix_buckets.h"
#include "dataplane/table/snapshot_view.h"

namespace simplon {

class PlainTable {
 public:
  PlainTable(const SnapshotView& snapshot, const LinkTable& links);

  // A pool of IPv6, or a place where addresses of the PoP's own or of the links stand.
  struct Place {
    uint64_t base = ~uint64_t{0};
    uint64_t mask = 0;
    uint32_t first = 0;
    uint32_t limit = 0;  // unit_limit()
    uint8_t shift = 0;
    PoolKind kind = PoolKind::kNone;  // kNone: no pool

    uint64_t unit(uint64_t hi) const { return (hi ^ base) >> shift; }
  };
  static_assert(sizeof(Place) == 32);

  // The upper 64 bits of an IPv6 address as a host value. False: find() would find nothing. Pools
  // of a PoP stand close together, so that this settles it for most addresses out there.
  bool is_near(uint64_t hi) const { return hi - lowest_ <= span_; }

  // The upper 64 bits of an IPv6 address as a host value; null: neither in a pool nor near the PoP.
  const Place* find(uint64_t hi) const {
    for (uint64_t left = buckets_.candidates(hi); left != 0; left &= left - 1) {
      const Place& place = places_[static_cast<unsigned>(std::countr_zero(left))];
      if ((hi & place.mask) == place.base) return &place;
    }
    return nullptr;
  }

  // False: too many pools for find(), which knows nothing then.
  bool usable() const { return usable_; }

  // A PoP's end of tunnels, in the order of memory.
  struct LocalEnd {
    uint32_t address = 0;  // 0 for those of IPv6
    // Of all that is the same in outer headers of 6in4 from there: no TOS, length, TTL,
    // destination.
    uint32_t outer_sum = 0;
  };
  // By TunnelSlot::local_index.
  const LocalEnd& local_end(uint8_t index) const { return local_ends_[index]; }

  // Reached without the gateway. `ipv4` as in memory.
  bool is_on_link(uint32_t ipv4) const {
    // Hardly ever more than one.
#pragma GCC unroll 1
    for (const OnLink* link = links_.data(); link != links_.data() + link_count_; ++link) {
      if (((ipv4 ^ link->base) & link->mask) == 0) return true;
    }
    return false;
  }

 private:
  struct OnLink {  // as in memory
    uint32_t base, mask;
  };

  PrefixBuckets buckets_;
  alignas(64) std::array<Place, PrefixBuckets::kMaxPrefixes> places_{};
  std::array<LocalEnd, kMaxLocalAddresses> local_ends_{};
  std::array<OnLink, kMaxInterfaces> links_{};
  std::size_t link_count_ = 0;
  bool usable_ = true;
  uint64_t lowest_ = 0;  // of all places
  uint64_t span_ = 0;    // from there to the highest
};

}  // namespace simplon
