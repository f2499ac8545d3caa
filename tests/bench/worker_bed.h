// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Workers of the dataplane in a process of their own, each with a port of its own whose frames come
// from memory, all by one table. Main thread, but where said.

#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control/table/build_snapshot.h"
#include "dataplane/link/publisher.h"
#include "dataplane/state/segment.h"
#include "dataplane/worker/worker.h"
#include "tests/bench/memory_port.h"
#include "tests/support/temporary_directory.h"

namespace simplon::bench {

// EAL with a thread per worker on a CPU of its own, numbered from 1; the main thread is on any.
// Ends the program where there are too few CPUs.
void start_eal(const char* program, unsigned workers);

class WorkerBed {
 public:
  // `frames`: of each worker; outlive the object, and may change while nothing runs. `prepare`:
  // sees each worker's context first. `unix_s`: what the clock says; 0: the machine's.
  WorkerBed(const control::SealedSnapshot& snapshot, std::span<const FrameStore* const> frames,
            const std::function<void(WorkerContext&, const ForwardingTable&)>& prepare = {},
            uint32_t unix_s = 0);
  ~WorkerBed();
  WorkerBed(const WorkerBed&) = delete;
  WorkerBed& operator=(const WorkerBed&) = delete;

  struct Load {
    double seconds = 0;
    uint64_t packets = 0;
    uint64_t busy_cycles = 0;
    double per_second() const { return static_cast<double>(packets) / seconds; }
    double cycles_per_packet() const {
      return static_cast<double>(busy_cycles) / static_cast<double>(packets);
    }
  };
  // What a worker does until it is to stop; its own thread.
  using Loop = std::function<void(Worker&, const std::atomic<bool>&)>;

  // Of each of these workers, which run together; the others do not.
  std::vector<Load> run(std::span<const unsigned> workers, double seconds);
  // The same for as long as `meanwhile` takes, on this thread.
  std::vector<Load> run(std::span<const unsigned> workers, const std::function<void()>& meanwhile,
                        const Loop& loop = {});

  uint64_t count(unsigned worker, WorkerCounter counter) const;
  uint64_t drops(unsigned worker) const;
  // What the drivers gave and did not get back, less what the workers name.
  int64_t lost() const;
  Publisher& publisher() { return *publisher_; }
  const CountersSegment& counters() const { return *counters_; }
  uint32_t slot_capacity() const { return publisher_->table()->snapshot.slot_capacity(); }

 private:
  struct Seat;
  void drain(std::span<const unsigned> workers);

  const TscClock clock_;
  WallClock wall_clock_;
  std::unique_ptr<NeighborTable> neighbors_;
  ActiveTable<ForwardingTable> active_;
  QsbrGate gate_;
  std::unique_ptr<Publisher> publisher_;
  testing::TemporaryDirectory directory_;
  std::optional<CountersSegment> counters_;
  rte_mempool* pool_;
  std::vector<std::unique_ptr<Seat>> seats_;
};

}  // namespace simplon::bench
