// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <rte_cycles.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <ctime>
#include <vector>

#include "dataplane/worker/worker.h"

namespace simplon::bench {

// How long turns of full bursts took, those with a new table apart. The worker's thread, while it
// runs.
class TurnTimes {
 public:
  TurnTimes() : counts_(kBuckets) {}

  void run(Worker& worker, const std::atomic<bool>& stop) {
    const double start_cpu = cpu_seconds();
    const uint64_t start_frames = frames_;
    worker.enter();
    const ForwardingTable* last = worker.table();
    while (!stop.load(std::memory_order_relaxed)) {
      const ForwardingTable* table = worker.table();
      const uint64_t start = rte_rdtsc();
      frames_ += worker.step();
      const uint64_t cycles = rte_rdtsc() - start;
      const bool preempted = cycles > kLong && was_preempted();
      if (table != last) {
        if (!preempted) activating_.push_back(cycles);
        last = table;
      } else {
        ++counts_[std::min<std::size_t>(cycles / kWidth, kBuckets - 1)];
      }
    }
    worker.leave();
    rate_ = static_cast<double>(frames_ - start_frames) / (cpu_seconds() - start_cpu);
  }

  double microseconds(double share) const {
    uint64_t all = 0;
    for (const uint64_t n : counts_) all += n;
    auto left = static_cast<uint64_t>(share * static_cast<double>(all));
    std::size_t bucket = 0;
    while (bucket + 1 < kBuckets && left >= counts_[bucket]) left -= counts_[bucket++];
    return in_us((static_cast<double>(bucket) + 0.5) * kWidth);
  }
  // Of those with a new table, ascending.
  std::vector<double> activating() const {
    std::vector<double> us;
    for (const uint64_t cycles : activating_) us.push_back(in_us(static_cast<double>(cycles)));
    std::sort(us.begin(), us.end());
    return us;
  }
  uint64_t preempted() const { return preempted_; }
  // Frames per second of CPU time, of the last run: without the time in which others ran.
  double rate() const { return rate_; }

  static double in_us(double cycles) {
    return cycles / static_cast<double>(rte_get_tsc_hz()) * 1e6;
  }

 private:
  static constexpr std::size_t kBuckets = 1u << 15;
  static constexpr uint64_t kWidth = 16;     // cycles
  static constexpr uint64_t kLong = 50'000;  // some 20 us: why?

  // The kernel says whether it ran somebody else meanwhile; of what the hypervisor does it knows
  // nothing.
  bool was_preempted() {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    const bool was = usage.ru_nivcsw != switches_;
    switches_ = usage.ru_nivcsw;
    preempted_ += was;
    return was;
  }

  static double cpu_seconds() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
  }

  std::vector<uint64_t> counts_;
  std::vector<uint64_t> activating_;
  uint64_t frames_ = 0;
  double rate_ = 0;
  uint64_t preempted_ = 0;
  long switches_ = 0;
};

}  // namespace simplon::bench
