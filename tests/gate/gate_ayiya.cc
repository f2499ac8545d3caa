// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Bursts of 32 packets through the pipeline, for callgrind: AYIYA received and sent, with the hash
// engine valgrind leaves the processor, which is not that of the SHA instructions.

#include <cstdio>
#include <exception>
#include <stdexcept>
#include <string>

#include "tests/bench/ayiya_forwarder.h"
#include "tests/gate/gate.h"

namespace simplon::bench {
namespace {

void count(const char* name, AyiyaForwarder& forwarder, AyiyaDirection direction,
           AyiyaTraffic& traffic) {
  constexpr std::size_t kBursts = 16;
  traffic.draw(direction);
  gate::start();
  for (std::size_t n = 0; n < kBursts; ++n) forwarder.run(direction, traffic, n * kBurst, kBurst);
  gate::stop(name, kBursts * kBurst);
  if (forwarder.refused() != 0) throw std::runtime_error(std::string(name) + ": not forwarded");
}

}  // namespace

void run() {
  constexpr uint32_t kTunnels = 100;
  AyiyaForwarder forwarder(kTunnels);
  AyiyaTraffic traffic(kTunnels, 84);
  count("ayiya/receive", forwarder, AyiyaDirection::kReceive, traffic);
  count("ayiya/send", forwarder, AyiyaDirection::kSend, traffic);
}

}  // namespace simplon::bench

int main() {
  try {
    simplon::bench::run();
  } catch (const std::exception& e) {
    std::fprintf(stderr, "gate_ayiya: %s\n", e.what());
    return 1;
  }
}
