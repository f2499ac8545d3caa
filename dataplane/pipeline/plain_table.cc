// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pipeline/plain_table.h"

#include <algorithm>
#include <span>

namespace simplon {
namespace {

PlainTable::Place place_of(const PoolRecord& pool, uint32_t slot_capacity) {
  return {
      .base = pool.base,
      .mask = pool.mask,
      .first = pool.first,
      .limit = unit_limit(pool, slot_capacity),
      .shift = pool.shift,
      .kind = static_cast<PoolKind>(pool.kind),
  };
}

// No pool. Of prefixes longer than 64 all of the /64.
PlainTable::Place place_around(const Ipv6Address& a, unsigned length) {
  const uint64_t mask = prefix_mask64(length);
  return {.base = a.hi() & mask, .mask = mask};
}

}  // namespace

PlainTable::PlainTable(const SnapshotView& snapshot, const LinkTable& links) {
  std::size_t count = 0;
  // What lies in another place would never be found there: pools come first.
  const auto add = [&](const Place& place) {
    const auto known = std::span(places_).first(count);
    const bool covered = std::any_of(known.begin(), known.end(), [&](const Place& other) {
      return (place.base & other.mask) == other.base && (place.mask & other.mask) == other.mask;
    });
    if (covered) return;
    usable_ = usable_ && count < places_.size();
    if (usable_) places_[count++] = place;
  };
  for (const PoolRecord& pool : snapshot.pools()) {
    if (!is_ipv4_pool(pool)) add(place_of(pool, snapshot.slot_capacity()));
  }
  const PopRecord& pop = snapshot.pop();
  for (const LinkInterface& link : links.interfaces()) {
    if (link.has_ipv6) add(place_around(link.ipv6, link.ipv6_length));
    if (!link.has_ipv4) continue;
    const uint32_t mask = byte_swap(prefix_mask32(link.ipv4_length));
    links_[link_count_++] = {link.ipv4.raw() & mask, mask};
  }
  add(place_around(Ipv6Address::from_bytes(pop.ipv6_address), 64));
  for (uint32_t n = 0; n < pop.local_address_count; ++n) {
    const auto local = Ipv6Address::from_bytes(pop.local_addresses[n]);
    if (!local.is_ipv4_mapped()) {
      add(place_around(local, 64));
      continue;
    }
    // Version and header length, DF, protocol, source.
    const uint32_t source = local.ipv4().raw();
    local_ends_[n] = {source, 0x0045 + 0x0040 + (uint32_t{kProtocolIpv6} << 8) + (source & 0xffff) +
                                  (source >> 16)};
  }
  uint64_t lowest = ~uint64_t{0};
  uint64_t highest = 0;
  std::array<PrefixBuckets::Prefix, PrefixBuckets::kMaxPrefixes> prefixes;
  for (std::size_t n = 0; n < count; ++n) {
    prefixes[n] = {places_[n].base, places_[n].mask};
    lowest = std::min(lowest, places_[n].base);
    highest = std::max(highest, places_[n].base | ~places_[n].mask);
  }
  // The PoP's own address is always one of them.
  lowest_ = lowest;
  span_ = highest - lowest;
  if (usable_) buckets_.build(std::span(prefixes).first(count));
}

}  // namespace simplon
