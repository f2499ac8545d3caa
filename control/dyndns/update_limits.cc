// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/dyndns/update_limits.h"

#include <algorithm>
#include <cmath>

#include "control/net/source.h"

namespace simplon::control {

UpdateLimits::Seconds UpdateLimits::Count::left(Clock::time_point now) const {
  return std::max(std::chrono::ceil<Seconds>(since + kWindow - now), Seconds(1));
}

void UpdateLimits::Count::add(Clock::time_point now) {
  if (over(now)) *this = {now, 0};
  ++events;
}

UpdateLimits::Seconds UpdateLimits::take_request(const Ipv6Address& source, Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Bucket& bucket = requests_.at(source_of(source));
  if (bucket.used) {
    const std::chrono::duration<double> passed = now - bucket.filled;
    bucket.tokens += std::max(passed.count(), 0.0) * kRequestsPerSecond;
    bucket.tokens = std::min(bucket.tokens, double{kBurst});
  }
  bucket.used = true;
  bucket.filled = now;
  if (bucket.tokens < 1) {
    return std::max(Seconds(std::lround(std::ceil((1 - bucket.tokens) / kRequestsPerSecond))),
                    Seconds(1));
  }
  bucket.tokens -= 1;
  return Seconds(0);
}

UpdateLimits::Seconds UpdateLimits::check_failures(const Ipv6Address& source, uint32_t tunnel,
                                                   Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  const Count* count = failures_.find({source_of(source), tunnel});
  if (count == nullptr || count->over(now) || count->events < kFailures) return Seconds(0);
  return count->left(now);
}

void UpdateLimits::count_failure(const Ipv6Address& source, uint32_t tunnel,
                                 Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  failures_.at({source_of(source), tunnel}).add(now);
}

void UpdateLimits::forget_failures(const Ipv6Address& source, uint32_t tunnel) {
  const std::lock_guard lock(mutex_);
  failures_.erase({source_of(source), tunnel});
}

UpdateLimits::Seconds UpdateLimits::take_update(uint32_t tunnel, bool changes, uint32_t most,
                                                Clock::time_point now) {
  const std::lock_guard lock(mutex_);
  Count& count = updates_.at({tunnel, changes});
  if (!count.over(now) && count.events >= most) return count.left(now);
  count.add(now);
  return Seconds(0);
}

}  // namespace simplon::control
