// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// How long each step of a publish takes, of a whole table and of one changed tunnel in it, and what
// a tunnel costs in memory. The steps are those of the two processes, in one: control compiles,
// builds and seals, the dataplane validates, activates and retires, with DPDK's RCU and readers
// that poll as workers do.

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "control/table/build_snapshot.h"
#include "dataplane/table/active_table.h"
#include "dataplane/table/snapshot_view.h"
#include "dataplane/worker/qsbr_gate.h"
#include "proto/link/segment_format.h"
#include "tests/bench/command_line.h"
#include "tests/bench/json_line.h"
#include "tests/support/random_config.h"

namespace simplon::bench {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "bench_publish: %s\n", why.c_str());
  std::exit(1);
}

double seconds(Clock::duration d) {
  return std::chrono::duration<double>(d).count();
}

struct Options {
  bool json = false;
  bool huge_pages = false;
  int runs = 7;
  std::vector<uint32_t> tunnels{1'000, 10'000, 50'000, 100'000, 1'000'000};
  v1::Tunnel::Type type = v1::Tunnel::PROTO41;
};

// A worker that has nothing to do but to look at the table.
class Readers {
 public:
  Readers(const ActiveTable<SnapshotView>& active, QsbrGate& gate, std::size_t count) {
    for (std::size_t r = 0; r < count; ++r) {
      threads_.emplace_back([this, &active, &gate, r] {
        gate.online(r);
        const SnapshotView* table = active.acquire_first();
        while (!stop_.load(std::memory_order_relaxed)) {
          gate.ack(r, table == nullptr ? 0 : table->generation());
          table = active.acquire();
        }
        gate.offline(r);
      });
    }
  }
  ~Readers() {
    stop_.store(true, std::memory_order_relaxed);
    for (std::thread& t : threads_) t.join();
  }
  Readers(const Readers&) = delete;
  Readers& operator=(const Readers&) = delete;

 private:
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

// Steps in the order of a publish.
constexpr std::string_view kSteps[] = {"compile",  "build",  "seal", "validate",
                                       "activate", "retire", "total"};

// What is promised of a million tunnels, in seconds.
constexpr uint32_t kPromised = 1'000'000;
constexpr Bar kBuildAndSeal{1.0};
constexpr Bar kValidate{0.150};

using Times = std::map<std::string_view, std::vector<double>>;

// Takes snapshots over, as the dataplane does.
class Taker {
 public:
  explicit Taker(std::size_t readers) : gate_(readers), readers_(active_, gate_, readers) {}

  // `compiled_at`: when control had compiled what is new.
  void publish(const control::SnapshotBuilder& builder, bool huge_pages, Clock::time_point start,
               Clock::time_point compiled_at, Times& times) {
    const uint64_t generation = ++generation_;
    const auto sealed =
        builder.seal({.generation = generation, .huge_pages = huge_pages, .self_check = false});
    if (!sealed.ok()) fail(std::string(sealed.status().message()));
    const Clock::time_point sealed_at = Clock::now();

    SnapshotOpenResult opened =
        SnapshotView::open(sealed->fd.get(), {.copy = true, .memory = &memory_});
    if (!opened) fail(opened.error.reason);
    auto next = std::make_unique<SnapshotView>(std::move(*opened.view));
    bytes_ = next->size();
    const Clock::time_point validated_at = Clock::now();

    active_.exchange(next.get());
    gate_.begin(generation);
    if (!gate_.wait(std::chrono::seconds(10))) fail("a reader stalled");
    const Clock::time_point active_at = Clock::now();

    current_.swap(next);
    next.reset();
    const Clock::time_point end = Clock::now();

    times["compile"].push_back(seconds(compiled_at - start));
    times["build"].push_back(seconds(sealed_at - compiled_at - sealed->seal_time));
    times["seal"].push_back(seconds(sealed->seal_time));
    times["build_and_seal"].push_back(seconds(sealed_at - start));
    times["validate"].push_back(seconds(validated_at - sealed_at));
    times["activate"].push_back(seconds(active_at - validated_at));
    times["retire"].push_back(seconds(end - active_at));
    times["total"].push_back(seconds(end - start));
  }

  uint64_t snapshot_bytes() const { return bytes_; }

 private:
  SnapshotMemory memory_;
  std::unique_ptr<SnapshotView> current_;  // until the readers have gone
  ActiveTable<SnapshotView> active_;
  QsbrGate gate_;
  Readers readers_;
  uint64_t generation_ = 0;
  uint64_t bytes_ = 0;
};

void measure(const Options& options, uint32_t tunnels) {
  const v1::Config config = testing::uniform_config(tunnels, options.type);
  Taker taker(1);
  Times whole;
  Times change;
  for (int run = 0; run < options.runs; ++run) {
    Clock::time_point start = Clock::now();
    control::Violations violations;
    control::ConfigContext context(config.pop(), config.pools(), violations);
    control::SnapshotBuilder builder(context);
    control::compile_tunnels(config, context, violations,
                             [&](const control::CompiledTunnel& tunnel) { builder.add(tunnel); });
    if (!violations.empty()) fail(control::format_violation(violations.list()[0]));
    taker.publish(builder, options.huge_pages, start, Clock::now(), whole);

    // One tunnel in the middle is changed.
    v1::Tunnel tunnel = config.tunnels(int(tunnels / 2));
    const control::CompiledTunnel before = control::compile_valid_tunnel(tunnel, context);
    start = Clock::now();
    tunnel.set_mtu(1300);
    const auto after = control::compile_tunnel(tunnel, context, violations, tunnel.id());
    if (!after) fail(control::format_violation(violations.list()[0]));
    builder.remove(before);
    builder.add(*after);
    taker.publish(builder, options.huge_pages, start, Clock::now(), change);
  }
  std::string suffix = "/" + std::to_string(tunnels);
  if (options.type != v1::Tunnel::PROTO41) suffix += "/" + v1::Tunnel::Type_Name(options.type);
  const auto bar = [&](const Bar& promise) {
    return tunnels == kPromised ? std::optional(promise) : std::nullopt;
  };
  const auto step = [&](std::string_view name, std::optional<Bar> promise = std::nullopt) {
    print({"publish", std::string(name) + suffix, "seconds", median(whole[name]), std::nullopt,
           options.runs, promise},
          options.json);
  };
  for (const std::string_view name : kSteps) {
    step(name, name == "validate" ? bar(kValidate) : std::nullopt);
  }
  step("build_and_seal", bar(kBuildAndSeal));
  for (const std::string_view name : kSteps) {
    print({"publish", "change_" + std::string(name) + suffix, "seconds", median(change[name]),
           median(whole[name]), options.runs},
          options.json);
  }
  // Per tunnel of this run, pools included; the state is per slot and does not double in a swap.
  const auto per_tunnel = [&](const char* what, double bytes) {
    print({"publish", what + suffix, "bytes_per_tunnel", bytes, std::nullopt, 1}, options.json);
  };
  per_tunnel("snapshot", static_cast<double>(taker.snapshot_bytes()) / tunnels);
  per_tunnel("counters_per_worker", sizeof(TunnelCounters));
}

}  // namespace

int run(int argc, char** argv) {
  Options options;
  const auto* const types = google::protobuf::GetEnumDescriptor<v1::Tunnel::Type>();
  std::vector<std::string> names;
  for (int i = 1; i < types->value_count(); ++i) names.push_back(types->value(i)->name());
  std::string type = v1::Tunnel::Type_Name(options.type);
  CommandLine("bench_publish",
              "Seconds of each step of a publish, each tunnel with a /56 delegated, of the whole "
              "table and, "
              "beside it, of one changed tunnel; bytes of memory per tunnel")
      .json(options.json)
      .runs(options.runs)
      .numbers("--tunnels", options.tunnels, 1, kMaxSlots, "Tunnels in the table")
      .word("--type", type, names, "Type of the tunnels")
      .flag("--huge-pages", options.huge_pages, "Put the snapshots in reserved huge pages")
      .parse(argc, argv);
  v1::Tunnel::Type_Parse(type, &options.type);
  for (const uint32_t n : options.tunnels) measure(options, n);
  return 0;
}

}  // namespace simplon::bench

int main(int argc, char** argv) {
  return simplon::bench::run(argc, argv);
}
