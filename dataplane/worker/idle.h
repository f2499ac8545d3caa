// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <rte_pause.h>
#include <sched.h>

#include <chrono>
#include <cstdint>
#include <thread>

namespace simplon {

enum class IdleMode : uint8_t {
  kSpin,   // a core of its own
  kYield,  // lets others of the same core run
  kSleep,  // leaves the core alone while nothing comes in
};

// What a polling thread does when it found nothing. One thread.
class Idle {
 public:
  explicit Idle(IdleMode mode) : mode_(mode) {}

  void turn(bool busy) {
    if (busy) {
      empty_ = 0;
      return;
    }
    ++empty_;
    if (mode_ == IdleMode::kSpin || empty_ < kSpinTurns) {
      rte_pause();
    } else if (mode_ == IdleMode::kYield || empty_ < kYieldTurns) {
      sched_yield();
    } else {
      std::this_thread::sleep_for(empty_ < kNapTurns ? kNap : kSleep);
    }
  }

 private:
  static constexpr uint32_t kSpinTurns = 64;
  static constexpr uint32_t kYieldTurns = 256;
  static constexpr uint32_t kNapTurns = 4096;
  static constexpr std::chrono::microseconds kNap{20};
  static constexpr std::chrono::microseconds kSleep{100};

  IdleMode mode_;
  uint32_t empty_ = 0;  // wraps after hours of silence, which costs one short spin
};

}  // namespace simplon
