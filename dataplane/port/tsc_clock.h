// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <rte_cycles.h>

#include <cstdint>

namespace simplon {

// Monotonic nanoseconds from the time stamp counter, the same on all threads. Any thread.
class TscClock {
 public:
  // After EAL has measured the frequency.
  TscClock()
      : start_(rte_rdtsc()),
        scale_(static_cast<uint64_t>(
            (__extension__ static_cast<unsigned __int128>(1'000'000'000) << 32) /
            rte_get_tsc_hz())) {}

  uint64_t ns(uint64_t tsc) const {
    // The counters of two cores may differ by a few cycles: no wrap below the start.
    const uint64_t cycles = tsc > start_ ? tsc - start_ : 0;
    // One second ahead of zero, so that "never" is in the past.
    return static_cast<uint64_t>((__extension__ static_cast<unsigned __int128>(cycles) * scale_) >>
                                 32) +
           1'000'000'000;
  }
  uint64_t now() const { return ns(rte_rdtsc()); }

 private:
  uint64_t start_;
  uint64_t scale_;  // nanoseconds per cycle, 32 bits of fraction
};

}  // namespace simplon
