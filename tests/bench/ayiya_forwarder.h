// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>

#include "dataplane/pipeline/ayiya_worker.h"
#include "dataplane/pipeline/pipeline.h"
#include "tests/bench/ayiya_traffic.h"

namespace simplon::bench {

// The pipeline as a worker without ports would drive it. Every client is where its packets come
// from, and verified. Throws where something is missing.
class AyiyaForwarder {
 public:
  explicit AyiyaForwarder(uint32_t tunnels);

  void advance(uint64_t ns);
  uint64_t drops(DropReason reason) const { return context_.counters.drops(reason); }

  // A burst of the frames drawn for that direction.
  void run(AyiyaDirection direction, AyiyaTraffic& traffic, std::size_t first, std::size_t count);

  uint64_t refused() const { return refused_; }
  std::string engine() const { return ayiya_->sha1().description(); }

 private:
  ForwardingTable table_;
  HugeArray<TunnelCounters> counters_;
  HugeArray<TunnelRuntime> runtime_;
  std::unique_ptr<NeighborTable> neighbors_;
  std::unique_ptr<AyiyaWorker> ayiya_;
  std::array<uint64_t, kWorkerCounterCapacity> column_{};
  WorkerContext context_;
  BurstTime time_;
  std::array<Packet, kMaxBurst> burst_;
  uint64_t refused_ = 0;
};

}  // namespace simplon::bench
