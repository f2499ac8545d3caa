// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Bursts of 32 packets through the pipeline, for callgrind: every kind of tunnel without AYIYA,
// both ways. Only process_burst() is counted.

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/bench/forwarder.h"
#include "tests/gate/gate.h"

namespace simplon::bench {
namespace {

struct Named {
  const char* name;
  Kind kind;
};
constexpr Named kKinds[] = {{"6in4", Kind::k6in4},
                            {"heartbeat", Kind::kHeartbeat},
                            {"gre", Kind::kGre},
                            {"6in6", Kind::k6in6}};

void count(const std::string& name, Forwarder& forwarder, Direction direction, Traffic& traffic) {
  constexpr std::size_t kBursts = 16;
  traffic.draw(direction);
  std::vector<std::array<Packet, kBurst>> bursts(kBursts);
  for (std::size_t n = 0; n < kBursts; ++n) {
    Forwarder::receive(direction, traffic, n * kBurst, bursts[n]);
  }
  gate::start();
  for (auto& burst : bursts) forwarder.process(burst);
  gate::stop(name, kBursts * kBurst);
  for (const auto& burst : bursts) {
    for (const Packet& packet : burst) {
      if (packet.verdict != Verdict::kTransmit) throw std::runtime_error(name + ": not forwarded");
    }
  }
}

}  // namespace

void run() {
  constexpr uint32_t kTunnels = 100;
  for (const Named& kind : kKinds) {
    const Plan plan(kTunnels, kind.kind);
    Forwarder forwarder(plan);
    Traffic traffic(plan, 64);
    for (const Direction direction : {Direction::kEncap, Direction::kDecap}) {
      const char* way = direction == Direction::kEncap ? "encap" : "decap";
      count(std::string(kind.name) + "/" + way, forwarder, direction, traffic);
    }
  }
}

}  // namespace simplon::bench

int main() {
  try {
    simplon::bench::run();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "gate_pipeline: %s\n", e.what());
    return 1;
  }
}
