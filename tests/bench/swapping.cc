// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/bench/swapping.h"

#include <signal.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "dataplane/worker/qsbr_gate.h"
#include "simplon/v1/status_service.pb.h"
#include "tests/bench/config.h"
#include "tests/bench/traffic.h"
#include "tests/support/temporary_directory.h"

namespace simplon::bench {
namespace {

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "bench_swap: %s\n", why.c_str());
  std::exit(1);
}

volatile std::sig_atomic_t told_to_end = 0;

}  // namespace

Table::Table(const v1::Config& config)
    : context_(config.pop(), config.pools(), violations_), builder_(context_) {
  for (const v1::Tunnel& tunnel : config.tunnels()) {
    builder_.add(control::compile_valid_tunnel(tunnel, context_));
  }
}

control::SealedSnapshot Table::seal(uint64_t generation) const {
  control::SnapshotBuildOptions build;
  build.generation = build.revision = generation;
  build.self_check = false;
  auto snapshot = builder_.seal(build);
  if (!snapshot.ok()) fail(std::string(snapshot.status().message()));
  return std::move(*snapshot);
}

Collector::Collector(const CountersSegment& counters) {
  auto segment = control::CounterSegment::map(control::UniqueFd(dup(counters.read_only_fd())));
  if (!segment.ok()) fail(std::string(segment.status().message()));
  segment_ = *segment;
}

void Collector::run(const std::atomic<bool>& stop, std::chrono::nanoseconds each) {
  constexpr uint32_t kPage = 10'000;
  auto next = std::chrono::steady_clock::now();
  v1::ListTunnelCountersResponse page;
  v1::ListTunnelCountersResponse received;
  std::string sent;
  while (!stop) {
    for (uint32_t slot = 0; slot < segment_->slot_capacity() && !stop;) {
      page.Clear();
      const uint32_t end = std::min(slot + kPage, segment_->slot_capacity());
      for (; slot < end; ++slot) {
        const control::TunnelSums sums = segment_->tunnel(slot);
        v1::TunnelCounters& counters = *page.add_counters();
        counters.set_id(slot + 1);
        counters.set_in_packets(sums[0]);
        counters.set_in_bytes(sums[1]);
        counters.set_out_packets(sums[2]);
        counters.set_out_bytes(sums[3]);
        ++read_;
      }
      page.SerializeToString(&sent);
      if (!received.ParseFromString(sent)) fail("a list of counters does not parse");
      std::this_thread::sleep_until(next += each * page.counters_size());
    }
  }
}

void swap(const Table& table, Publisher& publisher, Published& times) {
  const uint64_t generation = publisher.generation() + 1;
  const auto snapshot = table.seal(generation);
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

void disturb(const Table& table, Publisher& publisher, Collector& collector, const Pace& pace,
             Published& times) {
  const Busy busy([&](const std::atomic<bool>& stop) { collector.run(stop, pace.each_tunnel()); });
  const auto start = std::chrono::steady_clock::now();
  for (int n = 0; n < pace.swaps; ++n) {
    std::this_thread::sleep_until(start + n * pace.interval);
    swap(table, publisher, times);
  }
}

Twin::Twin(uint32_t tunnels, std::chrono::milliseconds interval) {
  std::array<std::string, 6> words = {"bench_swap", "--twin",
                                      "--tunnels",  std::to_string(tunnels),
                                      "--interval", std::to_string(interval.count())};
  std::array<char*, words.size() + 1> argv{};
  for (std::size_t i = 0; i < words.size(); ++i) argv[i] = words[i].data();
  if (posix_spawn(&pid_, "/proc/self/exe", nullptr, nullptr, argv.data(), environ) != 0) {
    fail("no process");
  }
  int status = 0;
  // It stops itself when it is ready.
  if (waitpid(pid_, &status, WUNTRACED) != pid_ || !WIFSTOPPED(status)) {
    fail("the other process does not start");
  }
}

Twin::~Twin() {
  kill(pid_, SIGTERM);
  kill(pid_, SIGCONT);
  waitpid(pid_, nullptr, 0);
}

void Twin::resume() const {
  kill(pid_, SIGCONT);
}

void Twin::pause() const {
  int status = 0;
  kill(pid_, SIGSTOP);
  if (waitpid(pid_, &status, WUNTRACED) != pid_ || !WIFSTOPPED(status)) {
    fail("the other process has ended");
  }
}

int run_twin(uint32_t tunnels, std::chrono::milliseconds interval) {
  spdlog::set_level(spdlog::level::err);
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  std::signal(SIGTERM, [](int) { told_to_end = 1; });
  const Table table(make_config(Plan(tunnels)));
  ActiveTable<ForwardingTable> active;
  QsbrGate gate(1);
  Publisher::Config config;
  config.ports = {{"wan0", kOwnMac}};
  Publisher publisher(std::move(config), active, gate);
  Published times;
  swap(table, publisher, times);
  const testing::TemporaryDirectory directory;
  std::string error;
  const auto counters = CountersSegment::open(directory.path(), 1,
                                              publisher.table()->snapshot.slot_capacity(), error);
  if (!counters) fail(error);
  // As long to write down as those of tunnels in use.
  for (uint32_t slot = 0; slot < counters->slot_capacity(); ++slot) {
    counters->tunnel_counters(0)[slot] = {100'000, 10'000'000, 100'000, 10'000'000};
  }
  Collector collector(*counters);
  raise(SIGSTOP);
  while (told_to_end == 0) disturb(table, publisher, collector, {interval, 10}, times);
  return 0;
}

}  // namespace simplon::bench
