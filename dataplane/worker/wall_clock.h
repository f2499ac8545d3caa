// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>

#include "dataplane/pipeline/worker_context.h"

namespace simplon {

// All clocks at one moment.
struct ClockSample {
  uint64_t now_ns = 0;  // the workers' monotonic clock
  int64_t unix_ns = 0;  // CLOCK_REALTIME
  int64_t boot_ns = 0;  // CLOCK_BOOTTIME

  // Reads them close together; `now` is the workers' clock. False: the thread was stopped in
  // between for so long each time that they do not belong together.
  static bool take(const std::function<uint64_t()>& now, ClockSample& sample);
};

// Makes the time of a burst from the workers' monotonic clock, which costs no system call, and sees
// the system clock jump. The manager samples every 100 ms; any thread asks.
class WallClock {
 public:
  // More than this between two samples is a jump. NTP slews both clocks alike, so that is none,
  // however long it takes; and a leap second is not more.
  static constexpr int64_t kStepNs = 1'000'000'000;
  // How long present endpoints are believed by the clock before it, too.
  static constexpr uint64_t kBelieveNs = 600'000'000'000;

  // Any thread.
  BurstTime at(uint64_t now_ns) const;

  // Manager thread. Nanoseconds the system clock has jumped since the sample before; 0: it has not.
  int64_t sample(const ClockSample& sample);

  // The last jump, in whole seconds, and when it was noticed; 0: none. Manager
  // thread.
  int64_t step_s() const { return step_s_; }
  uint64_t step_unix_ns() const { return step_unix_ns_; }

 private:
  // Each is added to the monotonic clock.
  std::atomic<int64_t> unix_offset_{0};
  std::atomic<int64_t> boot_offset_{0};
  std::atomic<int64_t> unix_offset_before_step_{0};
  std::atomic<uint64_t> believe_until_{0};  // 0: no jump

  bool sampled_ = false;
  int64_t unix_less_boot_ = 0;
  int64_t step_s_ = 0;
  uint64_t step_unix_ns_ = 0;
};

}  // namespace simplon
