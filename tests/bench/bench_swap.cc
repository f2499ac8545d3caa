// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What swapping the table and reading the counters cost traffic. A worker of the dataplane forwards
// frames from memory at full speed, in turns undisturbed and while snapshots are published through
// the real publisher one after the other and a reader goes over the counters of all tunnels without
// a pause, making of them what the API's list does. Both have the other CPU, so that what is seen
// is what they do to the worker. A CPU of a virtual machine is slower for the other one being busy
// at anything; so beside the rate with that CPU idle stands the one with arithmetic on it. Every
// turn of the worker is timed; those with a new table are what a swap costs.

#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <tuple>
#include <vector>

#include "control/counters/counter_segment.h"
#include "control/table/build_snapshot.h"
#include "simplon/v1/status_service.pb.h"
#include "tests/bench/config.h"
#include "tests/bench/json_line.h"
#include "tests/bench/turns.h"
#include "tests/bench/worker_bed.h"

namespace simplon::bench {
namespace {

constexpr std::size_t kInner = 64;
constexpr Bar kUndisturbed{0.98, true};
constexpr Bar kStallUs{20, false};
constexpr Bar kNone{0, false};
constexpr double kQuietSeconds = 0.4;

// Tunnels, and swaps over all runs: a table of a million takes a second to build.
struct Case {
  uint32_t tunnels;
  int swaps;
  bool bar_of_rate;
};

struct Options {
  bool json = false;
  int runs = 10;
  std::vector<Case> cases = {{10'000, 1000, true}, {1'000'000, 20, false}};
};

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "bench_swap: %s\n", why.c_str());
  std::exit(1);
}

// How long turns of full bursts took, those with a new table apart. The worker's thread, while it
// runs.
class TurnTimes {
 public:
  TurnTimes() : counts_(kBuckets) {}

  void run(Worker& worker, const std::atomic<bool>& stop) {
    const double start_cpu = cpu_seconds();
    const uint64_t start_frames = frames_;
    worker.enter();
    const ForwardingTable* last = worker.table();
    while (!stop.load(std::memory_order_relaxed)) {
      const ForwardingTable* table = worker.table();
      const uint64_t start = rte_rdtsc();
      frames_ += worker.step();
      const uint64_t cycles = rte_rdtsc() - start;
      const bool preempted = cycles > kLong && was_preempted();
      if (table != last) {
        if (!preempted) activating_.push_back(cycles);
        last = table;
      } else {
        ++counts_[std::min<std::size_t>(cycles / kWidth, kBuckets - 1)];
      }
    }
    worker.leave();
    rate_ = static_cast<double>(frames_ - start_frames) / (cpu_seconds() - start_cpu);
  }

  double microseconds(double share) const {
    uint64_t all = 0;
    for (const uint64_t n : counts_) all += n;
    auto left = static_cast<uint64_t>(share * static_cast<double>(all));
    std::size_t bucket = 0;
    while (bucket + 1 < kBuckets && left >= counts_[bucket]) left -= counts_[bucket++];
    return in_us((static_cast<double>(bucket) + 0.5) * kWidth);
  }
  // Of those with a new table, ascending.
  std::vector<double> activating() const {
    std::vector<double> us;
    for (const uint64_t cycles : activating_) us.push_back(in_us(static_cast<double>(cycles)));
    std::sort(us.begin(), us.end());
    return us;
  }
  uint64_t preempted() const { return preempted_; }
  // Frames per second of CPU time, of the last run: without the time in which others ran.
  double rate() const { return rate_; }

  static double in_us(double cycles) {
    return cycles / static_cast<double>(rte_get_tsc_hz()) * 1e6;
  }

 private:
  static constexpr std::size_t kBuckets = 1u << 15;
  static constexpr uint64_t kWidth = 16;     // cycles
  static constexpr uint64_t kLong = 50'000;  // some 20 us: why?

  // The kernel says whether it ran somebody else meanwhile; of what the hypervisor does it knows
  // nothing.
  bool was_preempted() {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    const bool was = usage.ru_nivcsw != switches_;
    switches_ = usage.ru_nivcsw;
    preempted_ += was;
    return was;
  }

  static double cpu_seconds() {
    timespec t{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
  }

  std::vector<uint64_t> counts_;
  std::vector<uint64_t> activating_;
  uint64_t frames_ = 0;
  double rate_ = 0;
  uint64_t preempted_ = 0;
  long switches_ = 0;
};

// Something on a thread of its own until the end of the object.
class Busy {
 public:
  explicit Busy(std::function<void(const std::atomic<bool>& stop)> work)
      : thread_([this, work = std::move(work)] { work(stop_); }) {}
  ~Busy() {
    stop_ = true;
    thread_.join();
  }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

// Collects the counters of all tunnels as control does for a client that lists them over and over.
class Collector {
 public:
  explicit Collector(const CountersSegment& counters) {
    auto segment = control::CounterSegment::map(control::UniqueFd(dup(counters.read_only_fd())));
    if (!segment.ok()) fail(std::string(segment.status().message()));
    segment_ = *segment;
  }

  void run(const std::atomic<bool>& stop) {
    std::string list;
    while (!stop) {
      list.clear();
      for (uint32_t slot = 0; slot < segment_->slot_capacity() && !stop; ++slot) {
        const control::TunnelSums sums = segment_->tunnel(slot);
        v1::TunnelCounters counters;
        counters.set_id(slot + 1);
        counters.set_in_packets(sums[0]);
        counters.set_in_bytes(sums[1]);
        counters.set_out_packets(sums[2]);
        counters.set_out_bytes(sums[3]);
        counters.AppendToString(&list);
        ++read_;
      }
    }
  }
  uint64_t read() const { return read_; }

 private:
  std::shared_ptr<const control::CounterSegment> segment_;
  uint64_t read_ = 0;
};

void do_arithmetic(const std::atomic<bool>& stop) {
  std::array<uint64_t, 4> x{1, 2, 3, 4};
  while (!stop.load(std::memory_order_relaxed)) {
    for (uint64_t i = 0; i < 1000; ++i) {
      x[0] += x[1] ^ i;
      x[1] ^= x[2] + i;
      x[2] += x[3] ^ (i << 1);
      x[3] ^= x[0] + (i << 2);
    }
  }
  volatile uint64_t result = x[0] ^ x[1] ^ x[2] ^ x[3];  // or there would be nothing to do
  static_cast<void>(result);
}

struct Published {
  std::vector<double> grace_us;
  std::vector<double> validate_us;
};

control::SealedSnapshot seal(const control::SnapshotBuilder& builder, uint64_t generation) {
  control::SnapshotBuildOptions build;
  build.generation = build.revision = generation;
  build.self_check = false;
  auto snapshot = builder.seal(build);
  if (!snapshot.ok()) fail(std::string(snapshot.status().message()));
  return std::move(*snapshot);
}

void swap(const control::SnapshotBuilder& builder, Publisher& publisher, Published& times) {
  const uint64_t generation = publisher.generation() + 1;
  const auto snapshot = seal(builder, generation);
  const Publish message{{}, generation, generation, snapshot.size};
  uint32_t state = 0;
  publisher.publish(message, snapshot.fd.get(), [&](const PublishStatus& s) {
    state = s.state;
    if (s.reason[0] != '\0') fail(s.reason);
  });
  if (state != static_cast<uint32_t>(PublishState::kActive)) fail("a publish failed");
  times.grace_us.push_back(static_cast<double>(publisher.last_grace_ns()) / 1000);
  times.validate_us.push_back(static_cast<double>(publisher.last_validate_ns()) / 1000);
}

double maximum(const std::vector<double>& values) {
  return *std::max_element(values.begin(), values.end());
}

bool measure(const Case& c, const Options& options) {
  const Plan plan(c.tunnels);
  const v1::Config config = make_config(plan);
  control::Violations violations;
  control::ConfigContext context(config.pop(), config.pools(), violations);
  control::SnapshotBuilder builder(context);
  for (const v1::Tunnel& tunnel : config.tunnels()) {
    builder.add(control::compile_valid_tunnel(tunnel, context));
  }
  const auto frames = make_frames(plan, kInner);
  const std::array<const FrameStore*, 1> stores{frames.get()};
  WorkerBed bed(seal(builder, 1), stores);
  constexpr std::array<unsigned, 1> kWorker{0};

  TurnTimes quiet;
  TurnTimes disturbed;
  const auto watched_by = [](TurnTimes& times) {
    return [&times](Worker& worker, const std::atomic<bool>& stop) { times.run(worker, stop); };
  };
  std::vector<Turn> beside_idle;
  std::vector<Turn> beside_arithmetic;
  Published published;
  Collector collector(bed.counters());
  double seconds = 0;
  const int runs = std::min(options.runs, c.swaps);
  for (int run = 0; run < runs; ++run) {
    const auto rest = [] {
      std::this_thread::sleep_for(std::chrono::duration<double>(kQuietSeconds));
    };
    const auto work = [&] {
      const Busy busy(do_arithmetic);
      rest();
    };
    bed.run(kWorker, rest, watched_by(quiet));
    const double idle = quiet.rate();
    bed.run(kWorker, work, watched_by(quiet));
    const double arithmetic = quiet.rate();
    const int swaps = c.swaps * (run + 1) / runs - c.swaps * run / runs;
    const auto disturb = [&] {
      const Busy busy([&collector](const std::atomic<bool>& stop) { collector.run(stop); });
      for (int n = 0; n < swaps; ++n) swap(builder, bed.publisher(), published);
    };
    const WorkerBed::Load load = bed.run(kWorker, disturb, watched_by(disturbed))[0];
    beside_idle.push_back({disturbed.rate(), idle});
    beside_arithmetic.push_back({disturbed.rate(), arithmetic});
    seconds += load.seconds;
  }

  const std::string suffix = "/" + std::to_string(c.tunnels);
  const auto report = [&](const char* name, const char* metric, double value,
                          std::optional<double> reference = std::nullopt,
                          std::optional<Bar> bar = std::nullopt) {
    print({"swap", name + suffix, metric, value, reference, c.swaps, bar}, options.json);
  };
  const auto lost = static_cast<double>(bed.lost() + static_cast<int64_t>(bed.drops(0)));
  report("lost", "packets", lost, std::nullopt, kNone);
  for (const auto& [name, turns, bar] :
       {std::tuple{"forwarded", &beside_arithmetic,
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
  report("stall_median", "microseconds", stall(0.5));
  report("stall_p99", "microseconds", stall(0.99), std::nullopt, kStallUs);
  report("stall_max", "microseconds", stall(1));
  report("undisturbed_p99", "microseconds", quiet.microseconds(0.99) - normal);
  report("undisturbed_max", "microseconds", quiet.microseconds(rarest) - normal);
  report("turns_preempted", "turns", static_cast<double>(disturbed.preempted()),
         static_cast<double>(quiet.preempted()));
  report("grace_median", "microseconds", median(published.grace_us));
  report("grace_max", "microseconds", maximum(published.grace_us));
  report("validate_median", "microseconds", median(published.validate_us));
  report("swaps", "per_second", c.swaps / seconds);
  report("counters_read", "tunnels_per_second", static_cast<double>(collector.read()) / seconds);
  return lost == 0;
}

int usage(int status) {
  std::fprintf(status == 0 ? stdout : stderr,
               "usage: bench_swap [--json] [--runs N] [--tunnels N [--swaps N]]\n"
               "Publishes 1000 snapshots of 10000 tunnels and 20 of 1000000 during traffic, while "
               "all counters are\nread without a pause, in N (10) turns with traffic undisturbed. "
               "Exit status 1 if a packet was lost.\n");
  return status;
}

}  // namespace

int run(int argc, char** argv) {
  Options options;
  Case only{0, 1000, true};
  for (int i = 1; i < argc; ++i) {
    const std::string_view a = argv[i];
    if (a == "--help" || a == "-h") return usage(0);
    if (a == "--json") {
      options.json = true;
    } else if (a == "--runs" && i + 1 < argc) {
      options.runs = std::atoi(argv[++i]);
    } else if (a == "--swaps" && i + 1 < argc) {
      only.swaps = std::atoi(argv[++i]);
    } else if (a == "--tunnels" && i + 1 < argc) {
      only.tunnels = static_cast<uint32_t>(std::strtoul(argv[++i], nullptr, 10));
      if (only.tunnels == 0 || only.tunnels > kUnits) return usage(2);
    } else {
      return usage(2);
    }
  }
  if (options.runs < 1 || only.swaps < 1) return usage(2);
  if (only.tunnels != 0) options.cases = {only};
  bool fine = true;
  for (const Case& c : options.cases) {
    // A process for each: EAL starts once, and memory of one is not there for the next.
    const pid_t child = fork();
    if (child == 0) {
      start_eal("bench_swap", 1);
      std::_Exit(measure(c, options) ? 0 : 1);
    }
    int status = 1;
    if (child < 0 || waitpid(child, &status, 0) != child) fail("no process");
    fine = fine && status == 0;
  }
  return fine ? 0 : 1;
}

}  // namespace simplon::bench

int main(int argc, char** argv) {
  return simplon::bench::run(argc, argv);
}
