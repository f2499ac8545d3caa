// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What DPDK has for resting, but not promised for good yet.
#define ALLOW_EXPERIMENTAL_API

#include "dataplane/worker/idle.h"

#include <rte_cpuflags.h>
#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_interrupts.h>
#include <rte_pause.h>
#include <rte_power_intrinsics.h>
#include <sched.h>

#include <array>
#include <chrono>
#include <thread>
#include <utility>

namespace simplon {
namespace {

constexpr uint32_t kSpinTurns = 64;
constexpr uint32_t kYieldTurns = 256;
constexpr uint32_t kNapTurns = 4096;
constexpr std::chrono::microseconds kNap{20};
constexpr std::chrono::microseconds kSleep{100};
// Bounds how long what comes by no queue waits: the slow path's frames, an order to stop, a new
// table.
constexpr int kInterruptWaitMs = 1;
// So many frames that came without their interrupt are chance: one in a thousand comes just after a
// wait has ended.
constexpr uint32_t kMissedByChance = 8;
constexpr int kPauses = 16;  // of some 40 cycles each, or more

}  // namespace

Idle::Idle(IdleMode mode, std::vector<Queue> queues) : mode_(mode), queues_(std::move(queues)) {
  if (mode_ != IdleMode::kPause) return;
  rte_cpu_intrinsics has{};
  rte_cpu_get_intrinsics_support(&has);
  can_pause_ = has.power_pause != 0;
  rte_power_monitor_cond condition{};
  // One address can be watched.
  can_watch_ = has.power_monitor != 0 && queues_.size() == 1 &&
               rte_eth_get_monitor_addr(queues_[0].port, queues_[0].queue, &condition) == 0;
  pause_cycles_ = rte_get_tsc_hz() / 1'000'000;
}

void Idle::leave() {
  if (interrupts_ != Interrupts::kThere) return;
  if (armed_) disarm();
  interrupts_ = Interrupts::kUnknown;
  for (const Queue& q : queues_) {
    rte_eth_dev_rx_intr_ctl_q(q.port, q.queue, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_DEL, nullptr);
  }
}

void Idle::wait() {
  if (empty_ < kNapTurns) ++empty_;
  if (mode_ == IdleMode::kSpin || empty_ < kSpinTurns) {
    rte_pause();
  } else if (mode_ == IdleMode::kPause) {
    pause();
  } else if (mode_ == IdleMode::kYield || empty_ < kYieldTurns) {
    sched_yield();
  } else {
    sleep();
  }
}

void Idle::pause() {
  const uint64_t until = rte_rdtsc() + pause_cycles_;
  rte_power_monitor_cond condition{};
  if (can_watch_ && rte_eth_get_monitor_addr(queues_[0].port, queues_[0].queue, &condition) == 0 &&
      rte_power_monitor(&condition, until) == 0) {
    return;
  }
  if (can_pause_ && rte_power_pause(until) == 0) return;
  for (int i = 0; i < kPauses; ++i) rte_pause();
}

void Idle::sleep() {
  if (empty_ < kNapTurns) {
    std::this_thread::sleep_for(kNap);
    return;
  }
  if (interrupts_ == Interrupts::kUnknown) {
    interrupts_ = set_up_interrupts() ? Interrupts::kThere : Interrupts::kNone;
  }
  if (interrupts_ == Interrupts::kNone) {
    std::this_thread::sleep_for(kSleep);
    return;
  }
  // What came before they were armed interrupts nobody: one more look first.
  if (!armed_) {
    if (!arm()) interrupts_ = Interrupts::kNone;
    return;
  }
  std::array<rte_epoll_event, 8> events;
  overslept_ = rte_epoll_wait(RTE_EPOLL_PER_THREAD, events.data(), static_cast<int>(events.size()),
                              kInterruptWaitMs) <= 0;
}

// Some drivers (memif of DPDK 22.11) have all the functions, and interrupt nobody.
void Idle::wake() {
  disarm();
  missed_ = overslept_ ? missed_ + 1 : 0;
  overslept_ = false;
  if (missed_ < kMissedByChance) return;
  leave();
  interrupts_ = Interrupts::kNone;
}

bool Idle::set_up_interrupts() {
  for (std::size_t n = 0; n < queues_.size(); ++n) {
    const Queue& q = queues_[n];
    if (rte_eth_dev_rx_intr_ctl_q(q.port, q.queue, RTE_EPOLL_PER_THREAD, RTE_INTR_EVENT_ADD,
                                  nullptr) == 0) {
      continue;
    }
    while (n-- > 0) {
      rte_eth_dev_rx_intr_ctl_q(queues_[n].port, queues_[n].queue, RTE_EPOLL_PER_THREAD,
                                RTE_INTR_EVENT_DEL, nullptr);
    }
    return false;
  }
  return !queues_.empty();
}

bool Idle::arm() {
  armed_ = true;
  for (const Queue& q : queues_) {
    if (rte_eth_dev_rx_intr_enable(q.port, q.queue) == 0) continue;
    disarm();
    return false;
  }
  return true;
}

void Idle::disarm() {
  armed_ = false;
  for (const Queue& q : queues_) rte_eth_dev_rx_intr_disable(q.port, q.queue);
}

}  // namespace simplon
