// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// How many bad digests are computed for whom (docs/protocols.md §7.3). Only failures are charged,
// so that honest senders never meet a budget; and the present endpoint of a tunnel has one of its
// own that strangers cannot spend. Memory is fixed; which senders share a bucket nobody can tell
// from outside. One thread. Times are nanoseconds of a monotonic clock.

#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dataplane/crypto/siphash.h"
#include "dataplane/net/address.h"

namespace simplon {

class FailureBudget {
 public:
  static constexpr uint32_t kPerSource = 20;     // a second; of an IPv6 source: of its /64
  static constexpr uint32_t kPerTunnel = 1'000;  // from its present endpoint
  static constexpr uint32_t kStrangers = 50'000;

  explicit FailureBudget(uint64_t seed)
      : key_(make_sip_key(seed, kPurpose)), sources_(kBuckets), tunnels_(kBuckets) {}

  // Of a sender that is not the tunnel's endpoint.
  bool allows(const Ipv6Address& source, uint64_t now_ns) const {
    return has_token(strangers_, kStrangers, now_ns) &&
           has_token(sources_[bucket_of(source)], kPerSource, now_ns);
  }
  void failed(const Ipv6Address& source, uint64_t now_ns) {
    take(strangers_, kStrangers, now_ns);
    take(sources_[bucket_of(source)], kPerSource, now_ns);
  }

  // Of the tunnel's endpoint.
  bool allows(uint32_t slot, uint64_t now_ns) const {
    return has_token(tunnels_[bucket_of(slot)], kPerTunnel, now_ns);
  }
  void failed(uint32_t slot, uint64_t now_ns) {
    take(tunnels_[bucket_of(slot)], kPerTunnel, now_ns);
  }

 private:
  static constexpr std::size_t kBuckets = 1 << 14;
  static constexpr uint64_t kPurpose = 2;
  static constexpr uint64_t kSecond = 1'000'000'000;

  std::size_t bucket_of(const Ipv6Address& source) const {
    const uint64_t who = source.is_ipv4_mapped() ? source.lo() : source.hi();
    return siphash_of(key_, who) % kBuckets;
  }
  std::size_t bucket_of(uint32_t slot) const { return siphash_of(key_, slot) % kBuckets; }

  // A bucket is the time up to which its tokens are spent; it never lags more than a second, one
  // second's tokens, behind.
  static uint64_t paid(uint64_t bucket, uint64_t now_ns) {
    return std::max(bucket, now_ns > kSecond ? now_ns - kSecond : 0);
  }
  static bool has_token(uint64_t bucket, uint32_t rate, uint64_t now_ns) {
    return paid(bucket, now_ns) + kSecond / rate <= now_ns;
  }
  static void take(uint64_t& bucket, uint32_t rate, uint64_t now_ns) {
    bucket = paid(bucket, now_ns) + kSecond / rate;
  }

  SipKey key_;
  uint64_t strangers_ = 0;
  std::vector<uint64_t> sources_;
  std::vector<uint64_t> tunnels_;
};

}  // namespace simplon
