// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Cycles per packet of the forwarding pipeline, with every check and counter on, beside the bare
// loop of the same run. Frames come from memory, tunnels are drawn at random and anew for every
// pass; ports and drivers are not in it.

#include <x86intrin.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/bench/bare_loop.h"
#include "tests/bench/command_line.h"
#include "tests/bench/forwarder.h"
#include "tests/bench/json_line.h"
#include "tests/bench/traffic.h"

namespace simplon::bench {
namespace {

[[noreturn]] void fail(const std::string& why) {
  throw std::runtime_error(why);
}

template <typename Runner>
double pass(Runner& runner, Direction direction, Traffic& traffic) {
  traffic.draw(direction);
  const uint64_t start = __rdtsc();
  for (std::size_t i = 0; i < kPackets; i += kBurst) runner.run(direction, traffic, i);
  return static_cast<double>(__rdtsc() - start) / static_cast<double>(kPackets);
}

constexpr std::pair<std::string_view, Kind> kKinds[] = {{"6in4", Kind::k6in4},
                                                        {"heartbeat", Kind::kHeartbeat},
                                                        {"gre", Kind::kGre},
                                                        {"6in6", Kind::k6in6}};

struct Options {
  bool json = false;
  std::pair<std::string_view, Kind> kind = kKinds[0];
  int runs = 7;
  std::vector<uint32_t> tunnels{1, 1'000, 10'000, 100'000, 1'000'000};
};

// What is promised: of 6in4, where the size makes a packet's price the processor's.
std::optional<Bar> bar_of(Kind kind, std::size_t size, uint32_t tunnels) {
  if (kind != Kind::k6in4 || size != 64) return std::nullopt;
  if (tunnels == 1'000) return Bar{2.2};
  if (tunnels == 100'000 || tunnels == 1'000'000) return Bar{1.6};
  return std::nullopt;
}

void measure(const Options& options, uint32_t tunnels) {
  constexpr int kPasses = 15;
  const Plan plan(tunnels, options.kind.second);
  const std::string prefix =
      options.kind.second == Kind::k6in4 ? "" : std::string(options.kind.first) + "/";
  Forwarder ours(plan);
  // What the ratio is to: 6in4 without a check, whatever the kind.
  const Plan bare_plan(tunnels);
  BareLoop bare(bare_plan);
  for (const std::size_t size : {std::size_t{64}, std::size_t{1280}}) {
    Traffic traffic(plan, size);
    std::optional<Traffic> bare_frames;
    if (plan.kind() != bare_plan.kind()) bare_frames.emplace(bare_plan, size);
    Traffic& bare_traffic = bare_frames ? *bare_frames : traffic;
    for (const Direction direction : {Direction::kEncap, Direction::kDecap}) {
      std::vector<double> values;
      std::vector<double> references;
      for (int run = 0; run < options.runs; ++run) {
        std::vector<double> a;
        std::vector<double> b;
        for (int n = 0; n < kPasses; ++n) {
          a.push_back(pass(ours, direction, traffic));
          b.push_back(pass(bare, direction, bare_traffic));
        }
        values.push_back(median(a));
        references.push_back(median(b));
      }
      const std::string name = prefix + (direction == Direction::kEncap ? "encap/" : "decap/") +
                               std::to_string(size) + "/" + std::to_string(tunnels);
      print({.bench = "pipeline",
             .name = name,
             .metric = "cycles_per_packet",
             .value = median(values),
             .reference = median(references),
             .runs = options.runs,
             .bar = bar_of(plan.kind(), size, tunnels)},
            options.json);
    }
  }
  if (ours.refused() != 0) fail(std::to_string(ours.refused()) + " packets were not forwarded");
}

}  // namespace

int run(int argc, char** argv) {
  Options options;
  std::vector<std::string> kinds;
  for (const auto& [name, kind] : kKinds) kinds.emplace_back(name);
  std::string kind(options.kind.first);
  CommandLine(
      "bench_pipeline",
      "Cycles (TSC) per packet of encapsulation and decapsulation, 64- and 1280-byte inner packets "
      "over random tunnels, beside the bare loop of the same run (which is 6in4 for every kind)")
      .json(options.json)
      .runs(options.runs)
      .word("--kind", kind, kinds, "Kind of the tunnels")
      .numbers("--tunnels", options.tunnels, 1, kUnits, "Tunnels in the table")
      .parse(argc, argv);
  options.kind = *std::ranges::find(kKinds, kind, [](const auto& k) { return k.first; });
  for (const uint32_t n : options.tunnels) measure(options, n);
  return 0;
}

}  // namespace simplon::bench

int main(int argc, char** argv) {
  try {
    return simplon::bench::run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_pipeline: %s\n", e.what());
    return 1;
  }
}
