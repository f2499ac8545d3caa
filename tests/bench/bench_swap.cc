// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What swapping the table and reading the counters cost traffic. A worker of the dataplane forwards
// frames from memory at full speed, in turns undisturbed and while snapshots are published through
// the real publisher and a reader goes over the counters of all tunnels, making of them what the
// API's list does; paced, and as fast as both can. Both have the other CPU, so that what is seen is
// what they do to the worker. A CPU of a virtual machine is slower for the other one being busy; so
// undisturbed is measured with that CPU idle and with another process on it that does the like to
// tables of its own. Every turn of the worker is timed; those with a new table are what a swap
// costs.

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "tests/bench/command_line.h"
#include "tests/bench/config.h"
#include "tests/bench/json_line.h"
#include "tests/bench/swapping.h"
#include "tests/bench/turn_times.h"
#include "tests/bench/turns.h"
#include "tests/bench/worker_bed.h"

namespace simplon::bench {
namespace {

constexpr std::size_t kInner = 64;
constexpr Bar kUndisturbed{0.98, true};
constexpr Bar kStallUs{20, false};
constexpr Bar kNone{0, false};
constexpr std::chrono::milliseconds kQuiet{200};

// A worker has the lines of a new table to fetch anew, so what swaps cost goes by how many there
// are in a second. Control may change its mind this often and go on for ever.
constexpr std::chrono::milliseconds kOften{25};

struct Case {
  uint32_t tunnels;
  Pace pace;  // over all runs
  bool bar_of_rate;
};

struct Options {
  bool json = false;
  int runs = 20;
  std::vector<Case> cases = {
      {10'000, {kOften, 1000}, true}, {10'000, {{}, 300}, false}, {1'000'000, {{}, 20}, false}};
};

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "bench_swap: %s\n", why.c_str());
  std::exit(1);
}

double maximum(const std::vector<double>& values) {
  return *std::max_element(values.begin(), values.end());
}

bool measure(const Case& c, const Options& options) {
  const Plan plan(c.tunnels);
  const Table table(make_config(plan));
  const auto frames = make_frames(plan, kInner);
  const std::array<const FrameStore*, 1> stores{frames.get()};
  WorkerBed bed(table.seal(1), stores);
  constexpr std::array<unsigned, 1> kWorker{0};
  const Twin twin(c.tunnels, c.pace.interval);

  TurnTimes quiet;
  TurnTimes disturbed;
  const auto forward = [&](TurnTimes& times, const std::function<void()>& meanwhile) {
    const WorkerBed::Loop loop = [&times](Worker& worker, const std::atomic<bool>& stop) {
      times.run(worker, stop);
    };
    return bed.run(kWorker, meanwhile, loop)[0].seconds;
  };
  const auto rest = [] { std::this_thread::sleep_for(kQuiet); };
  const auto beside_twin = [&] {
    twin.resume();
    rest();
    twin.pause();
  };
  const auto undisturbed = [&](const std::function<void()>& meanwhile) {
    forward(quiet, meanwhile);
    return quiet.rate();
  };
  std::vector<Turn> beside_idle;
  std::vector<Turn> beside_the_like;
  Published published;
  Collector collector(bed.counters());
  double seconds = 0;
  const int runs = std::min(options.runs, c.pace.swaps);
  for (int run = 0; run < runs; ++run) {
    const double idle_before = undisturbed(rest);
    const double twin_before = undisturbed(beside_twin);
    const Pace pace{c.pace.interval, c.pace.swaps * (run + 1) / runs - c.pace.swaps * run / runs};
    seconds +=
        forward(disturbed, [&] { disturb(table, bed.publisher(), collector, pace, published); });
    // Before and after: the clock of the CPU may drift.
    const double twin_after = undisturbed(beside_twin);
    const double idle_after = undisturbed(rest);
    beside_idle.push_back({disturbed.rate(), (idle_before + idle_after) / 2});
    beside_the_like.push_back({disturbed.rate(), (twin_before + twin_after) / 2});
  }

  const bool paced = c.pace.interval > std::chrono::milliseconds(0);
  const std::string suffix = "/" + std::to_string(c.tunnels) + (paced ? "" : "/back-to-back");
  const auto report = [&](const char* name, const char* metric, double value,
                          std::optional<double> reference = std::nullopt,
                          std::optional<Bar> bar = std::nullopt) {
    print({"swap", name + suffix, metric, value, reference, c.pace.swaps, bar}, options.json);
  };
  const auto lost = static_cast<double>(bed.lost() + static_cast<int64_t>(bed.drops(0)));
  report("lost", "packets", lost, std::nullopt, kNone);
  for (const auto& [name, turns, bar] :
       {std::tuple{"forwarded", &beside_the_like,
                   c.bar_of_rate ? std::optional(kUndisturbed) : std::nullopt},
        std::tuple{"forwarded_beside_idle", &beside_idle, std::optional<Bar>()}}) {
    const Turn rate = middle(*turns);
    report(name, "packets_per_second", rate.value, rate.reference, bar);
  }
  const std::vector<double> us = disturbed.activating();
  if (us.empty()) fail("no turn with a new table was seen");
  // What such a turn takes longer than others do, and what others take longer by themselves with
  // nobody disturbing, as rarely.
  const double normal = quiet.microseconds(0.5);
  const auto stall = [&](double share) {
    return us[static_cast<std::size_t>(share * static_cast<double>(us.size() - 1))] - normal;
  };
  const double rarest = 1 - 1 / static_cast<double>(us.size());
  report("turn", "microseconds", normal);
  // One in a hundred of fewer is the worst one, and that is the hypervisor's.
  const bool has_p99 = us.size() >= 100;
  report("stall_median", "microseconds", stall(0.5), std::nullopt,
         has_p99 ? std::nullopt : std::optional(kStallUs));
  if (has_p99) report("stall_p99", "microseconds", stall(0.99), std::nullopt, kStallUs);
  report("stall_max", "microseconds", stall(1));
  report("undisturbed_p99", "microseconds", quiet.microseconds(0.99) - normal);
  report("undisturbed_max", "microseconds", quiet.microseconds(rarest) - normal);
  report("turns_preempted", "turns", static_cast<double>(disturbed.preempted()),
         static_cast<double>(quiet.preempted()));
  report("grace_median", "microseconds", median(published.grace_us));
  report("grace_max", "microseconds", maximum(published.grace_us));
  report("validate_median", "microseconds", median(published.validate_us));
  report("swaps", "per_second", c.pace.swaps / seconds);
  report("counters_read", "tunnels_per_second", static_cast<double>(collector.read()) / seconds);
  return lost == 0;
}

}  // namespace

int run(int argc, char** argv) {
  Options options;
  bool twin = false;
  uint32_t tunnels = 0;
  uint32_t swaps = 1000;
  uint32_t interval = uint32_t(kOften.count());
  CommandLine(
      "bench_swap",
      "Publishes snapshots during traffic while all counters are read, in turns with traffic "
      "undisturbed: 1000 of 10000 tunnels, one every 25 ms, with a million tunnels read a second; "
      "300 of 10000 and 20 of 1000000 without a pause in either. Exit status 1 if a packet was "
      "lost")
      .json(options.json)
      .runs(options.runs)
      .number("--tunnels", tunnels, 0, kUnits, "With so many tunnels only; 0: as above")
      .number("--swaps", swaps, 1, 1'000'000, "With --tunnels: in all")
      .number("--interval", interval, 0, 10'000, "With --tunnels: milliseconds; 0: back to back")
      .flag("--twin", twin,
            "Swap and read until told to end, and nothing else: the reference's other CPU")
      .parse(argc, argv);
  const Case only{tunnels, {std::chrono::milliseconds(interval), int(swaps)}, true};
  if (twin) return run_twin(tunnels, only.pace.interval);
  if (tunnels != 0) options.cases = {only};
  start_eal("bench_swap", 1);
  bool fine = true;
  for (const Case& c : options.cases) fine = measure(c, options) && fine;
  return fine ? 0 : 1;
}

}  // namespace simplon::bench

int main(int argc, char** argv) {
  return simplon::bench::run(argc, argv);
}
