// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What more workers add: packets per second of two, four... workers together, beside the mean of
// what each of them does alone, in turns. Each has a CPU, a port and frames of its own; table,
// packet buffers and clocks are shared as in the dataplane. Frames come from memory and are thrown
// away.
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
#include <numeric>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "tests/bench/command_line.h"
#include "tests/bench/config.h"
#include "tests/bench/json_line.h"
#include "tests/bench/traffic.h"
#include "tests/bench/turns.h"
#include "tests/bench/worker_bed.h"

namespace simplon::bench {
namespace {

constexpr Bar kTwo{1.9, true};  // two against one
constexpr uint32_t kMaxWorkers = 64;
constexpr std::size_t kInner = 64;

struct Options {
  bool json = false;
  int runs = 7;
  uint32_t tunnels = 10'000;
  uint32_t workers = std::clamp(std::thread::hardware_concurrency(), 2u, 8u);
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

// Rounds per second of these CPUs, in sum.
double run_arithmetic(std::span<const unsigned> cpus) {
  constexpr std::chrono::milliseconds kTime{100};
  std::vector<Arithmetic> loops(cpus.size());
  for (std::size_t i = 0; i < cpus.size(); ++i) {
    rte_eal_remote_launch(Arithmetic::run, &loops[i], cpus[i] + 1);
  }
  const auto start = std::chrono::steady_clock::now();
  std::this_thread::sleep_for(kTime);
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  for (Arithmetic& loop : loops) loop.stop = true;
  rte_eal_mp_wait_lcore();
  double sum = 0;
  for (const Arithmetic& loop : loops) sum += static_cast<double>(loop.rounds) / took.count();
  return sum;
}

// All together, beside the mean of them one by one.
template <typename PerSecond>
Turn take_turn(std::span<const unsigned> workers, PerSecond per_second) {
  Turn turn;
  for (std::size_t w = 0; w < workers.size(); ++w) {
    turn.reference += per_second(workers.subspan(w, 1)) / static_cast<double>(workers.size());
  }
  turn.value = per_second(workers);
  return turn;
}

bool measure(const Options& options) {
  const Plan plan(options.tunnels);
  // Both draw from all tunnels: the table's lines are shared, as they are in the dataplane.
  std::vector<std::unique_ptr<FrameStore>> frames;
  std::vector<const FrameStore*> stores;
  for (unsigned w = 0; w < options.workers; ++w) {
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
  std::vector<unsigned> all(options.workers);
  std::iota(all.begin(), all.end(), 0u);
  const std::string suffix = "/" + std::to_string(options.tunnels);
  const auto report = [&](const std::string& name, std::string_view metric, const Turn& turn,
                          std::optional<Bar> bar = std::nullopt) {
    print({"scale", name, metric, turn.value, turn.reference, options.runs, bar}, options.json);
  };
  for (std::size_t count = 2; count <= all.size(); count *= 2) {
    const auto together = std::span(std::as_const(all)).first(count);
    std::vector<Turn> machine;
    std::vector<Turn> workers;
    for (int run = 0; run < options.runs; ++run) {
      machine.push_back(take_turn(together, run_arithmetic));
      workers.push_back(take_turn(together, forward));
    }
    const std::string number = std::to_string(count);
    const Turn turn = middle(workers);
    if (count == 2) {
      print({"scale", "workers-1" + suffix, "packets_per_second", turn.reference, std::nullopt,
             options.runs},
            options.json);
    }
    report("workers-" + number + suffix, "packets_per_second", turn,
           count == 2 ? std::optional(kTwo) : std::nullopt);
    report("arithmetic-" + number, "rounds_per_second", middle(machine));
  }
  print({"scale", "workers-1" + suffix, "cycles_per_packet", median(cycles), std::nullopt,
         options.runs},
        options.json);
  uint64_t drops = 0;
  for (const unsigned w : all) drops += bed.drops(w);
  if (drops == 0 && bed.lost() == 0) return true;
  std::fprintf(stderr, "bench_scale: %lu packets were dropped, %ld lost\n", drops, bed.lost());
  return false;
}

}  // namespace

int run(int argc, char** argv) {
  Options options;
  CommandLine("bench_scale", "Packets per second of two, four... workers, beside those of one")
      .json(options.json)
      .runs(options.runs)
      .number("--tunnels", options.tunnels, 1, kUnits, "Random 6in4 tunnels")
      .number("--workers", options.workers, 2, kMaxWorkers, "Up to so many, a CPU each")
      .parse(argc, argv);
  start_eal("bench_scale", options.workers);
  return measure(options) ? 0 : 1;
}

}  // namespace simplon::bench

int main(int argc, char** argv) {
  return simplon::bench::run(argc, argv);
}
