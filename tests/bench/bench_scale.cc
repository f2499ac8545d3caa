// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What a second worker adds: packets per second of two workers together, beside the mean of what
// each does alone, in turns. Each has a CPU, a port and frames of its own; table, packet buffers
// and clocks are shared as in the dataplane. Frames come from memory and are thrown away.
//
// What the machine itself can give is measured beside it: the same for a loop of arithmetic that
// touches no memory. Two CPUs of a virtual machine may be less than two, where they share a core
// with each other or with a neighbour.

#include <rte_launch.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/command_line.h"
#include "tests/bench/config.h"
#include "tests/bench/json_line.h"
#include "tests/bench/traffic.h"
#include "tests/bench/turns.h"
#include "tests/bench/worker_bed.h"

namespace simplon::bench {
namespace {

constexpr unsigned kWorkers = 2;
constexpr Bar kAtLeast{1.9, true};
constexpr std::size_t kInner = 64;

struct Options {
  bool json = false;
  int runs = 7;
  uint32_t tunnels = 10'000;
};

// Arithmetic of independent chains, as much as a core does at once. Thread of its own.
struct Arithmetic {
  std::atomic<bool> stop{false};
  uint64_t rounds = 0;
  uint64_t sum = 0;

  static int run(void* self) {
    auto& a = *static_cast<Arithmetic*>(self);
    std::array<uint64_t, 4> x{1, 2, 3, 4};
    uint64_t rounds = 0;
    while (!a.stop.load(std::memory_order_relaxed)) {
      for (uint64_t i = 0; i < 1000; ++i) {
        x[0] += x[1] ^ i;
        x[1] ^= x[2] + i;
        x[2] += x[3] ^ (i << 1);
        x[3] ^= x[0] + (i << 2);
      }
      ++rounds;
    }
    a.rounds = rounds;
    a.sum = x[0] ^ x[1] ^ x[2] ^ x[3];  // or there would be nothing to do
    return 0;
  }
};

constexpr std::array<unsigned, kWorkers> kBoth{0, 1};

// Rounds per second of these CPUs, in sum.
double run_arithmetic(std::span<const unsigned> cpus) {
  constexpr std::chrono::milliseconds kTime{100};
  std::array<Arithmetic, kWorkers> loops;
  for (const unsigned cpu : cpus) rte_eal_remote_launch(Arithmetic::run, &loops[cpu], cpu + 1);
  const auto start = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(kTime);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  for (const unsigned cpu : cpus) loops[cpu].stop = true;
  rte_eal_mp_wait_lcore();
  double sum = 0;
  for (const unsigned cpu : cpus) sum += static_cast<double>(loops[cpu].rounds) / took.count();
  return sum;
}

template <typename PerSecond>
Turn take_turn(PerSecond per_second) {
  Turn turn;
  for (const unsigned w : kBoth)
    turn.reference += per_second(std::span(kBoth).subspan(w, 1)) / kWorkers;
  turn.value = per_second(std::span(kBoth));
  return turn;
}

bool measure(const Options& options) {
  const Plan plan(options.tunnels);
  // Both draw from all tunnels: the table's lines are shared, as they are in the dataplane.
  std::vector<std::unique_ptr<FrameStore>> frames;
  std::vector<const FrameStore*> stores;
  for (unsigned w = 0; w < kWorkers; ++w) {
    frames.push_back(make_frames(plan, kInner));
    stores.push_back(frames.back().get());
  }
  const auto snapshot = control::build_snapshot(make_config(plan), 1, 1);
  if (!snapshot.ok()) {
    std::fprintf(stderr, "bench_scale: %s\n", std::string(snapshot.status().message()).c_str());
    return false;
  }
  WorkerBed bed(*snapshot, stores);
  std::vector<double> cycles;
  const auto forward = [&](std::span<const unsigned> workers) {
    constexpr double kSeconds = 0.3;
    double sum = 0;
    for (const WorkerBed::Load& load : bed.run(workers, kSeconds)) {
      sum += load.per_second();
      if (workers.size() == 1) cycles.push_back(load.cycles_per_packet());
    }
    return sum;
  };
  std::vector<Turn> machine;
  std::vector<Turn> workers;
  for (int run = 0; run < options.runs; ++run) {
    machine.push_back(take_turn(run_arithmetic));
    workers.push_back(take_turn(forward));
  }
  const std::string suffix = "/" + std::to_string(options.tunnels);
  const Turn both = middle(workers);
  const Turn bare = middle(machine);
  print({"scale", "workers-2" + suffix, "packets_per_second", both.value, both.reference,
         options.runs, kAtLeast},
        options.json);
  print({"scale", "arithmetic-2", "rounds_per_second", bare.value, bare.reference, options.runs},
        options.json);
  print({"scale", "workers-1" + suffix, "cycles_per_packet", median(cycles), std::nullopt,
         options.runs},
        options.json);
  const uint64_t drops = bed.drops(0) + bed.drops(1);
  if (drops == 0 && bed.lost() == 0) return true;
  std::fprintf(stderr, "bench_scale: %lu packets were dropped, %ld lost\n", drops, bed.lost());
  return false;
}

}  // namespace

int run(int argc, char** argv) {
  Options options;
  CommandLine("bench_scale", "Packets per second of two workers, beside those of one")
      .json(options.json)
      .runs(options.runs)
      .number("--tunnels", options.tunnels, 1, kUnits, "Random 6in4 tunnels")
      .parse(argc, argv);
  start_eal("bench_scale", kWorkers);
  return measure(options) ? 0 : 1;
}

}  // namespace simplon::bench

int main(int argc, char** argv) {
  return simplon::bench::run(argc, argv);
}
