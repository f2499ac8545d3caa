// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The pipeline as a worker without ports would drive it, over the tunnels of a plan.

#pragma once

#include <array>
#include <cstdint>
#include <memory>

#include "dataplane/pipeline/pipeline.h"
#include "tests/bench/traffic.h"

namespace simplon::bench {

class Forwarder {
 public:
  // Throws std::runtime_error.
  explicit Forwarder(const Plan& plan);

  // One burst of kBurst frames from `first` on, received and processed.
  void run(Direction direction, Traffic& traffic, std::size_t first) {
    receive(direction, traffic, first, burst_);
    process(burst_);
    unsigned refused = 0;
    for (const Packet& p : burst_) refused += p.verdict != Verdict::kTransmit;
    refused_ += refused;
  }

  // The two halves of it.
  static void receive(Direction direction, Traffic& traffic, std::size_t first,
                      std::array<Packet, kBurst>& burst) {
    const auto length = static_cast<uint16_t>(traffic.frame_length(direction));
    for (std::size_t i = 0; i < kBurst; ++i) {
      Packet& p = burst[i];
      p = Packet{};
      p.data = traffic.frame(first + i);
      __builtin_prefetch(p.data);
      p.length = length;
      p.headroom = kHeadroom;
      p.tailroom = static_cast<uint16_t>(kFrameStride - kHeadroom - length);
    }
  }
  void process(std::array<Packet, kBurst>& burst) { process_burst(context_, table_, burst); }

  // Packets that were not forwarded.
  uint64_t refused() const { return refused_; }

 private:
  void bring_up(const Plan& plan);

  ForwardingTable table_;
  HugeArray<TunnelCounters> counters_;
  HugeArray<TunnelRuntime> runtime_;
  std::unique_ptr<NeighborTable> neighbors_;
  std::array<uint64_t, kWorkerCounterCapacity> column_{};
  WorkerContext context_;
  std::array<Packet, kBurst> burst_;  // as a worker has it
  uint64_t refused_ = 0;
};

}  // namespace simplon::bench
