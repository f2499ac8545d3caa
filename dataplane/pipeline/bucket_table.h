// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/net/address.h"

namespace simplon {

// Many token buckets of one rate in fixed memory: whoever shares a bucket shares its rate. Costs
// are nanoseconds of the rate, so that a bucket is one word. One thread.
template <std::size_t kBuckets>
class BucketTable {
 public:
  static_assert((kBuckets & (kBuckets - 1)) == 0, "a power of two");

  // `burst_ns`: what may be spent at once after a long rest.
  bool take(uint32_t hash, uint64_t now_ns, uint64_t cost_ns, uint64_t burst_ns) {
    uint64_t& paid_until = paid_until_[hash & (kBuckets - 1)];
    const uint64_t earliest = now_ns > burst_ns ? now_ns - burst_ns : 0;
    const uint64_t paid = std::max(paid_until, earliest) + cost_ns;
    if (paid > now_ns) return false;
    paid_until = paid;
    return true;
  }

 private:
  std::array<uint64_t, kBuckets> paid_until_{};
};

// Packets from addresses: `kPerSecond` each, `kBurst` at once.
template <uint32_t kPerSecond, uint32_t kBurst>
class SourcePolicer {
 public:
  // Makes it a secret who shares a bucket with whom. Before the first packet.
  void set_seed(uint64_t seed) { multiplier_ = (seed * 2 + 1) ^ kMultiplier; }

  bool take(const Ipv6Address& source, uint64_t now_ns) {
    constexpr uint64_t kCost = 1'000'000'000 / kPerSecond;
    return buckets_.take(hash(source), now_ns, kCost, kCost * kBurst);
  }

 private:
  // An IPv6 source is worth a /64: whoever has one address there has all of them.
  uint32_t hash(const Ipv6Address& source) const {
    const uint64_t word = source.is_ipv4_mapped() ? source.lo() : source.hi();
    return static_cast<uint32_t>(((word + 1) * multiplier_) >> 40);
  }

  static constexpr uint64_t kMultiplier = 0x9e3779b97f4a7c14;
  uint64_t multiplier_ = kMultiplier | 1;
  BucketTable<4096> buckets_;
};

}  // namespace simplon
