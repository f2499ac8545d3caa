// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Workers of the dataplane in a process of their own, each with a port of its own whose frames come
// from memory, all by one table. Main thread, but where said.

#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataplane/link/publisher.h"
#include "dataplane/pipeline/ayiya_worker.h"
#include "dataplane/worker/worker.h"
#include "simplon/v1/config.pb.h"
#include "tests/bench/huge_memory.h"
#include "tests/bench/memory_port.h"

namespace simplon::bench {

// EAL with a thread per worker on a CPU of its own, numbered from 1; the main thread is on any.
// Ends the program where there are too few CPUs.
void start_eal(const char* program, unsigned workers);

class WorkerBed {
 public:
  // `frames`: of each worker; outlive the object. `prepare`: sees each worker's context first.
  WorkerBed(const v1::Config& config, std::span<const FrameStore* const> frames,
            const std::function<void(WorkerContext&)>& prepare = {});
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
  // Of each of these workers, which run together; the others do not.
  std::vector<Load> run(std::span<const unsigned> workers, double seconds);

  uint64_t count(unsigned worker, WorkerCounter counter) const;
  uint64_t drops(unsigned worker) const;
  const ForwardingTable& table() const { return *publisher_->table(); }

 private:
  struct Seat;

  const TscClock clock_;
  WallClock wall_clock_;
  std::unique_ptr<NeighborTable> neighbors_;
  ActiveTable<ForwardingTable> active_;
  QsbrGate gate_;
  std::unique_ptr<Publisher> publisher_;
  rte_mempool* pool_;
  std::vector<std::unique_ptr<Seat>> seats_;
};

}  // namespace simplon::bench
