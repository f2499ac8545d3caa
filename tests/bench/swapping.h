// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What is done beside the traffic: snapshots are built and published, and the counters of all
// tunnels read. On the tables of the worker, or by another process on tables of its own.

#pragma once

#include <sys/types.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "control/counters/counter_segment.h"
#include "control/table/build_snapshot.h"
#include "dataplane/link/publisher.h"
#include "dataplane/state/segment.h"
#include "simplon/v1/config.pb.h"

namespace simplon::bench {

// A table as control has it.
class Table {
 public:
  explicit Table(const v1::Config& config);
  control::SealedSnapshot seal(uint64_t generation) const;

 private:
  control::Violations violations_;
  control::ConfigContext context_;
  control::SnapshotBuilder builder_;
};

// Something on a thread of its own until the end of the object.
class Busy {
 public:
  explicit Busy(std::function<void(const std::atomic<bool>& stop)> work)
      : thread_([this, work = std::move(work)] { work(stop_); }) {}
  ~Busy() {
    stop_ = true;
    thread_.join();
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// Collects the counters of all tunnels page by page, as control and a client do that lists them
// over and over, but for the transport.
class Collector {
 public:
  explicit Collector(const CountersSegment& counters);
  // `each`: how long a tunnel takes at least; 0: there is no pause.
  void run(const std::atomic<bool>& stop, std::chrono::nanoseconds each);
  uint64_t read() const { return read_; }  // tunnels

 private:
  std::shared_ptr<const control::CounterSegment> segment_;
  uint64_t read_ = 0;
};

struct Published {
  std::vector<double> grace_us;
  std::vector<double> validate_us;
};
void swap(const Table& table, Publisher& publisher, Published& times);

// How often, and how many. With no interval swaps come one after the other, and so do pages of
// counters; else a million tunnels are read a second, all of a full PoP, which the API does not
// reach (bench_api).
struct Pace {
  std::chrono::milliseconds interval;
  int swaps;

  std::chrono::nanoseconds each_tunnel() const {
    return std::chrono::nanoseconds(interval.count() == 0 ? 0 : 1000);
  }
};
// Swaps, and collects meanwhile.
void disturb(const Table& table, Publisher& publisher, Collector& collector, const Pace& pace,
             Published& times);

// The same by another process, on tables no worker uses: as much work for the CPU it runs on, and
// nothing to those that forward. Runs on the CPUs of the thread that starts it; stopped at first.
class Twin {
 public:
  Twin(uint32_t tunnels, std::chrono::milliseconds interval);
  ~Twin();
  Twin(const Twin&) = delete;
  Twin& operator=(const Twin&) = delete;

  void resume() const;
  void pause() const;

 private:
  pid_t pid_ = -1;
};
// What such a process runs. Returns when it is told to end.
int run_twin(uint32_t tunnels, std::chrono::milliseconds interval);

}  // namespace simplon::bench
