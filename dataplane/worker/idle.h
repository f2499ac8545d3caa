// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <vector>

namespace simplon {

enum class IdleMode : uint8_t {
  kSpin,   // a core of its own
  kPause,  // the same, but lets it rest for a microsecond at a time
  kYield,  // lets others of the same core run
  kSleep,  // leaves the core alone while nothing comes in
};

// What a polling thread does when it found nothing. One thread.
//
//   mode    wakes up after             while nothing comes in
//   kSpin   no time                    the core runs at full power
//   kPause  1 us; at once where the    the core rests: by UMWAIT/TPAUSE where it has them, else by
//           driver names an address    PAUSE
//           to watch
//   kYield  no time, or what others    the core is for others
//           of the core take
//   kSleep  some us by an interrupt,   next to nothing by interrupts (1000 looks a second), some
//           else up to 150 us          percent of a core without
class Idle {
 public:
  struct Queue {
    uint16_t port;  // of ethdev
    uint16_t queue;
  };

  // `queues`: what the thread polls. None: it polls something that cannot wake it.
  explicit Idle(IdleMode mode, std::vector<Queue> queues = {});
  Idle(const Idle&) = delete;
  Idle& operator=(const Idle&) = delete;

  // After each look at the queues.
  void turn(bool busy) {
    if (!busy) {
      wait();
    } else if (empty_ != 0) {
      empty_ = 0;
      if (armed_) wake();
    }
  }

  // The last of the thread: queues interrupt it no more.
  void leave();

  // All queues can wake the thread. Known once it has found nothing for a while.
  bool by_interrupt() const { return interrupts_ == Interrupts::kThere; }

 private:
  // Of the drivers: not asked yet, they have none, they are set up for this thread.
  enum class Interrupts : uint8_t { kUnknown, kNone, kThere };

  void wait();
  void pause();
  void sleep();
  bool set_up_interrupts();
  bool arm();
  void disarm();
  void wake();

  IdleMode mode_;
  bool armed_ = false;  // queues will interrupt
  bool can_pause_ = false;
  bool can_watch_ = false;
  Interrupts interrupts_ = Interrupts::kUnknown;
  bool overslept_ = false;  // the last wait ended without an interrupt
  uint32_t missed_ = 0;     // frames were there, and no interrupt had said so
  uint32_t empty_ = 0;  // looks without anything found; stops counting where nothing more follows
  uint64_t pause_cycles_ = 0;
  std::vector<Queue> queues_;
};

}  // namespace simplon
