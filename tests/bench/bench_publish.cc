// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// How long each step of a publish takes, and what a tunnel costs in memory. The steps are those of
// the two processes, in one: control compiles, builds and seals, the dataplane validates, activates
// and retires, with DPDK's RCU and readers that poll as workers do.

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
  std::vector<uint32_t> tunnels{10'000, 100'000, 1'000'000};
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

void measure(const Options& options, uint32_t tunnels) {
  constexpr std::size_t kReaders = 1;
  const v1::Config config = testing::uniform_config(tunnels, options.type);
  ActiveTable<SnapshotView> active;
  QsbrGate gate(kReaders);
  std::unique_ptr<SnapshotView> current;
  uint64_t snapshot_bytes = 0;
  std::map<std::string_view, std::vector<double>> times;
  {
    const Readers readers(active, gate, kReaders);
    for (int run = 0; run < options.runs; ++run) {
      const auto generation = static_cast<uint64_t>(run) + 1;
      const Clock::time_point start = Clock::now();
      control::Violations violations;
      const control::CompiledConfig compiled = control::compile_config(config, violations);
      if (!violations.empty()) fail(control::format_violation(violations.list()[0]));
      const Clock::time_point compiled_at = Clock::now();

      control::SnapshotBuilder builder(compiled.context);
      for (const control::CompiledTunnel& tunnel : compiled.tunnels) builder.add(tunnel);
      const auto sealed = builder.seal(
          {.generation = generation, .huge_pages = options.huge_pages, .self_check = false});
      if (!sealed.ok()) fail(std::string(sealed.status().message()));
      const Clock::time_point sealed_at = Clock::now();

      SnapshotOpenResult opened = SnapshotView::open(sealed->fd.get(), {.copy = true});
      if (!opened) fail(opened.error.reason);
      auto next = std::make_unique<SnapshotView>(std::move(*opened.view));
      snapshot_bytes = next->size();
      const Clock::time_point validated_at = Clock::now();

      active.exchange(next.get());
      gate.begin(generation);
      if (!gate.wait(std::chrono::seconds(10))) fail("a reader stalled");
      const Clock::time_point active_at = Clock::now();

      current.swap(next);
      next.reset();
      const Clock::time_point end = Clock::now();

      times["compile"].push_back(seconds(compiled_at - start));
      times["build"].push_back(seconds(sealed_at - compiled_at - sealed->seal_time));
      times["seal"].push_back(seconds(sealed->seal_time));
      times["validate"].push_back(seconds(validated_at - sealed_at));
      times["activate"].push_back(seconds(active_at - validated_at));
      times["retire"].push_back(seconds(end - active_at));
      times["total"].push_back(seconds(end - start));
    }
  }
  std::string suffix = "/" + std::to_string(tunnels);
  if (options.type != v1::Tunnel::PROTO41) suffix += "/" + v1::Tunnel::Type_Name(options.type);
  for (const std::string_view step : kSteps) {
    print({"publish", std::string(step) + suffix, "seconds", median(times[step]), std::nullopt,
           options.runs},
          options.json);
  }
  // Per tunnel of this run, pools included; the state is per slot and does not double in a swap.
  const auto per_tunnel = [&](const char* what, double bytes) {
    print({"publish", what + suffix, "bytes_per_tunnel", bytes, std::nullopt, 1}, options.json);
  };
  per_tunnel("snapshot", static_cast<double>(snapshot_bytes) / tunnels);
  per_tunnel("counters_per_worker", sizeof(TunnelCounters));
}

int usage(int status) {
  std::fprintf(
      status == 0 ? stdout : stderr,
      "usage: bench_publish [--json] [--runs N] [--tunnels N]... [--type TYPE] [--huge-pages]\n"
      "Seconds of each step of a publish at 10000, 100000 and 1000000 tunnels, each with a /56\n"
      "delegated, and bytes of memory per tunnel. Medians. TYPE as in the configuration, as\n"
      "HEARTBEAT; PROTO41 if left out.\n");
  return status;
}

}  // namespace

int run(int argc, char** argv) {
  Options options;
  std::vector<uint32_t> tunnels;
  for (int i = 1; i < argc; ++i) {
    const std::string_view a = argv[i];
    if (a == "--help" || a == "-h") return usage(0);
    if (a == "--json") {
      options.json = true;
    } else if (a == "--huge-pages") {
      options.huge_pages = true;
    } else if (a == "--type" && i + 1 < argc) {
      if (!v1::Tunnel::Type_Parse(argv[++i], &options.type) ||
          options.type == v1::Tunnel::TYPE_UNSPECIFIED) {
        return usage(2);
      }
    } else if (a == "--runs" && i + 1 < argc) {
      options.runs = std::atoi(argv[++i]);
    } else if (a == "--tunnels" && i + 1 < argc) {
      tunnels.push_back(static_cast<uint32_t>(std::strtoul(argv[++i], nullptr, 10)));
    } else {
      return usage(2);
    }
  }
  if (!tunnels.empty()) options.tunnels = tunnels;
  if (options.runs < 1) return usage(2);
  for (const uint32_t n : options.tunnels) {
    if (n == 0 || n > kMaxSlots) return usage(2);
    measure(options, n);
  }
  return 0;
}

}  // namespace simplon::bench

int main(int argc, char** argv) {
  return simplon::bench::run(argc, argv);
}
