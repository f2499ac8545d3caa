// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Grace periods for one publisher and a fixed set of workers: when may the replaced snapshot be
// unmapped?
//
//   worker                                        publisher
//   online(w)
//   loop: table = active.acquire()                old = active.exchange(next)
//         ... a burst with `table` ...            gate.begin(next->generation())
//         ack(w, table->generation())             if (gate.wait(100 ms)) delete old;   // else keep
//         it mapped
//   offline(w)
//
// A worker that acknowledged a generation holds no pointer into an older one. An offline worker
// promises not to touch the table before online(). Generations grow with every begin().

#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "proto/link/segment_format.h"

namespace simplon {

// What publishers use. Workers hold the concrete class, which is final, so that ack() is no virtual
// call.
class GenerationGate {
 public:
  GenerationGate() = default;
  GenerationGate(const GenerationGate&) = delete;
  GenerationGate& operator=(const GenerationGate&) = delete;
  virtual ~GenerationGate() = default;

  // Worker thread `worker` only. After online() the first load of the table must be
  // ActiveTable::acquire_first().
  virtual void online(std::size_t worker) = 0;
  virtual void offline(std::size_t worker) = 0;
  virtual void ack(std::size_t worker, uint64_t generation) = 0;

  // Publisher thread only. begin() follows the store of the new table.
  virtual void begin(uint64_t generation) = 0;
  virtual bool settled() = 0;

  // Any thread. The last generation the worker acknowledged; kOffline when it is offline, 0 before
  // the first ack.
  static constexpr uint64_t kOffline = ~uint64_t{0};
  virtual uint64_t acknowledged(std::size_t worker) const = 0;

  // Publisher thread. False when some worker did not pass a quiescent point in time: the caller
  // must keep the old table.
  bool wait(std::chrono::nanoseconds deadline);
};

// Acknowledgement lines in plain memory: for tests and tools without DPDK, and the reference for
// the other one.
class PlainGenerationGate final : public GenerationGate {
 public:
  // Coming online is a Dekker handshake: this store must be visible before the worker's first load
  // of the table, or the publisher may still see "offline" and free what the worker is about to
  // read. Hence seq_cst here, in acquire_first(), in ActiveTable::exchange() and in settled().
  void online(std::size_t worker) override {
    lines_[worker].generation.store(0, std::memory_order_seq_cst);
  }

  void offline(std::size_t worker) override { ack(worker, kOffline); }

  void ack(std::size_t worker, uint64_t generation) override {
    // Release: all reads of the previous table happen before the publisher's load in settled().
    lines_[worker].generation.store(generation, std::memory_order_release);
  }

  void begin(uint64_t generation) override { target_ = generation; }

  bool settled() override {
    for (const Line& line : lines_) {
      if (line.generation.load(std::memory_order_seq_cst) < target_) return false;
    }
    return true;
  }

  uint64_t acknowledged(std::size_t worker) const override {
    return lines_[worker].generation.load(std::memory_order_relaxed);
  }

 private:
  // One cache line each: a worker writes its own and nobody else's.
  struct alignas(64) Line {
    std::atomic<uint64_t> generation{kOffline};
  };
  static_assert(sizeof(Line) == 64);

  // The slow path is a reader like the workers and has the last column.
  std::array<Line, kMaxWorkers + 1> lines_;
  uint64_t target_ = 0;  // publisher only
};

}  // namespace simplon
