// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/worker/wall_clock.h"

#include <cstdlib>
#include <ctime>

namespace simplon {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

int64_t read_clock(clockid_t id) {
  timespec t{};
  clock_gettime(id, &t);
  return int64_t{t.tv_sec} * kSecond + t.tv_nsec;
}

uint32_t seconds(int64_t ns) {
  return static_cast<uint32_t>(ns / kSecond);
}

}  // namespace

bool ClockSample::take(const std::function<uint64_t()>& now, ClockSample& sample) {
  constexpr int kAttempts = 5;
  constexpr int64_t kClose = 20'000;         // ns: nobody was in between
  constexpr int64_t kUsable = kSecond / 10;  // far from what would look like a jump
  int64_t best = kUsable;
  for (int attempt = 0; attempt < kAttempts && best > kClose; ++attempt) {
    ClockSample s;
    s.boot_ns = read_clock(CLOCK_BOOTTIME);
    s.unix_ns = read_clock(CLOCK_REALTIME);
    s.now_ns = now();
    const int64_t took = read_clock(CLOCK_BOOTTIME) - s.boot_ns;
    if (took >= best) continue;
    best = took;
    sample = s;
  }
  return best < kUsable;
}

BurstTime WallClock::at(uint64_t now_ns) const {
  BurstTime time;
  time.now_ns = now_ns;
  const auto now = static_cast<int64_t>(now_ns);
  // Acquire: who has the time after a jump also has the one before it. Pairs with sample().
  time.unix_ns = static_cast<uint64_t>(now + unix_offset_.load(std::memory_order_acquire));
  time.boot_s = seconds(now + boot_offset_.load(std::memory_order_relaxed));
  if (now_ns < believe_until_.load(std::memory_order_relaxed)) [[unlikely]] {
    time.unix_before_step_s =
        seconds(now + unix_offset_before_step_.load(std::memory_order_relaxed));
  }
  return time;
}

int64_t WallClock::sample(const ClockSample& s) {
  const auto now = static_cast<int64_t>(s.now_ns);
  const int64_t unix_less_boot = s.unix_ns - s.boot_ns;
  const int64_t step = sampled_ ? unix_less_boot - unix_less_boot_ : 0;
  const bool jumped = std::llabs(step) > kStepNs;
  if (jumped) {
    const int64_t before = unix_offset_.load(std::memory_order_relaxed);
    const int64_t believed = unix_offset_before_step_.load(std::memory_order_relaxed);
    // A clock set right in several jumps: clients have the time of before the first. But one that
    // has come back to that is no second opinion.
    const bool still_counts = s.now_ns < believe_until_.load(std::memory_order_relaxed) &&
                              std::llabs(s.unix_ns - now - believed) > kStepNs;
    if (!still_counts) unix_offset_before_step_.store(before, std::memory_order_relaxed);
    believe_until_.store(s.now_ns + kBelieveNs, std::memory_order_relaxed);
    step_s_ = (step + (step > 0 ? kSecond : -kSecond) / 2) / kSecond;
    step_unix_ns_ = static_cast<uint64_t>(s.unix_ns);
  }
  sampled_ = true;
  unix_less_boot_ = unix_less_boot;
  boot_offset_.store(s.boot_ns - now, std::memory_order_relaxed);
  unix_offset_.store(s.unix_ns - now, std::memory_order_release);
  return jumped ? step : 0;
}

}  // namespace simplon
