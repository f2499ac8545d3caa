// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <algorithm>
#include <cstdint>

namespace simplon {

// Lets `rate` events per second through, and `burst` at once. Times are nanoseconds of any clock
// that does not go back. One thread.
class TokenBucket {
 public:
  TokenBucket() = default;
  TokenBucket(uint32_t rate, uint32_t burst)
      : interval_ns_(rate == 0 ? kNever : 1'000'000'000u / rate),
        capacity_ns_(rate == 0 ? 0 : uint64_t{interval_ns_} * burst) {}

  bool take(uint64_t now_ns) {
    if (interval_ns_ == kNever) return false;
    // `paid_until_ns_` is the time up to which tokens are spent; it never lags more than the burst
    // behind.
    const uint64_t earliest = now_ns > capacity_ns_ ? now_ns - capacity_ns_ : 0;
    const uint64_t paid = std::max(paid_until_ns_, earliest);
    if (paid + interval_ns_ > now_ns) return false;
    paid_until_ns_ = paid + interval_ns_;
    return true;
  }

 private:
  static constexpr uint32_t kNever = 0;
  uint32_t interval_ns_ = kNever;
  uint64_t capacity_ns_ = 0;
  uint64_t paid_until_ns_ = 0;
};

}  // namespace simplon
