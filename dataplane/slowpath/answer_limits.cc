// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/answer_limits.h"

namespace simplon {

void AnswerLimit::set_rates(uint32_t in_all, uint32_t per_tunnel) {
  if (in_all != rate_in_all_) {
    rate_in_all_ = in_all;
    in_all_ = TokenBucket(in_all, burst_of(in_all));
  }
  if (per_tunnel != rate_per_tunnel_) {
    rate_per_tunnel_ = per_tunnel;
    interval_ns_ = per_tunnel == 0 ? 0 : 1'000'000'000 / per_tunnel;
    capacity_ns_ = interval_ns_ * burst_of(per_tunnel);
  }
}

bool AnswerLimit::take(uint32_t slot, uint64_t now_ns) {
  if (slot < kMaxSlots && !take_of_tunnel(slot, now_ns)) return false;
  return in_all_.take(now_ns);
}

bool AnswerLimit::take_of_tunnel(uint32_t slot, uint64_t now_ns) {
  if (interval_ns_ == 0) return false;
  if (slot >= paid_until_ns_.size()) {
    // By the next power of two, so that a table that is walked does not grow it at each step.
    std::size_t size = 1024;
    while (size <= slot) size *= 2;
    paid_until_ns_.resize(size);
  }
  const uint64_t earliest = now_ns > capacity_ns_ ? now_ns - capacity_ns_ : 0;
  const uint64_t paid = std::max(paid_until_ns_[slot], earliest);
  if (paid + interval_ns_ > now_ns) return false;
  paid_until_ns_[slot] = paid + interval_ns_;
  return true;
}

}  // namespace simplon
