// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/bench/worker_bed.h"

#include <rte_eal.h>
#include <rte_launch.h>
#include <rte_ring.h>
#include <spdlog/spdlog.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "control/table/build_snapshot.h"
#include "dataplane/port/mbuf_adapter.h"
#include "dataplane/worker/machine_plan.h"
#include "tests/bench/traffic.h"

namespace simplon::bench {
namespace {

constexpr unsigned kMbufs = 16383;

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "bench: %s\n", why.c_str());
  std::exit(1);
}

}  // namespace

void start_eal(const char* program, unsigned workers) {
  spdlog::set_level(spdlog::level::err);
  const Machine machine = Machine::look();
  if (machine.allowed_cpus.size() < workers) {
    fail(std::to_string(workers) + " workers need as many CPUs");
  }
  std::string all;
  std::string lcores;
  for (const unsigned cpu : machine.allowed_cpus) {
    all += (all.empty() ? "" : ",") + std::to_string(cpu);
  }
  for (unsigned w = 0; w < workers; ++w) {
    const unsigned cpu = machine.allowed_cpus[machine.allowed_cpus.size() - 1 - w];
    lcores += "," + std::to_string(w + 1) + "@" + std::to_string(cpu);
  }
  lcores.insert(0, "0@(" + all + ")");
  std::vector<std::string> arguments = {
      program,    "--no-huge", "-m",           "256", "--no-shconf", "--no-pci", "--no-telemetry",
      "--lcores", lcores,      "--main-lcore", "0",   "--log-level", "error"};
  std::vector<char*> argv;
  for (std::string& a : arguments) argv.push_back(a.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) fail("EAL does not start");
}

// A worker, and what is its alone.
struct WorkerBed::Seat {
  Seat(WorkerBed& bed, uint16_t index, uint16_t count, const FrameStore& frames,
       const std::function<void(WorkerContext&)>& prepare)
      : column(kWorkerCounterCapacity),
        tunnels(bed.table().snapshot.slot_capacity()),
        port(std::to_string(index), index, bed.pool_, frames) {
    punts = rte_ring_create(("punts-" + std::to_string(index)).c_str(), 2048, SOCKET_ID_ANY,
                            RING_F_SP_ENQ | RING_F_SC_DEQ);
    if (punts == nullptr) fail("no ring");
    Worker::Config config;
    config.index = index;
    config.port_ids = {port.id()};
    config.punts = punts;
    WorkerContext context(column.data(), tunnels.data(), *bed.neighbors_, index, count);
    if (prepare) prepare(context);
    worker = std::make_unique<Worker>(config, context, bed.active_, bed.gate_, bed.clock_,
                                      bed.wall_clock_);
  }
  ~Seat() { rte_ring_free(punts); }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  static int run(void* self) {
    auto& seat = *static_cast<Seat*>(self);
    seat.worker->run(seat.stop);
    return 0;
  }

  // What the slow path would take; it is nobody's subject here.
  void drain() {
    void* mbuf = nullptr;
    while (rte_ring_sc_dequeue(punts, &mbuf) == 0) {
      rte_pktmbuf_free(static_cast<rte_mbuf*>(mbuf));
    }
  }

  HugeArray<uint64_t> column;
  HugeArray<TunnelCounters> tunnels;
  MemoryPort port;
  rte_ring* punts = nullptr;
  std::unique_ptr<Worker> worker;
  std::atomic<bool> stop{false};
};

WorkerBed::WorkerBed(const v1::Config& config, std::span<const FrameStore* const> frames,
                     const std::function<void(WorkerContext&)>& prepare)
    : neighbors_(std::make_unique<NeighborTable>()), gate_(frames.size()) {
  neighbors_->set(0, Ipv6Address::from_ipv4(*Ipv4Address::parse("192.0.2.254")), kGatewayMac);
  neighbors_->set(0, *Ipv6Address::parse("2001:db8:fffe::fe"), kGatewayMac);
  ClockSample sample;
  if (ClockSample::take([this] { return clock_.now(); }, sample)) wall_clock_.sample(sample);

  auto snapshot = control::build_snapshot(config, 1, 1);
  if (!snapshot.ok()) fail(std::string(snapshot.status().message()));
  Publisher::Config publisher;
  publisher.ports = {{"wan0", kOwnMac}};
  publisher.reader_count = frames.size();
  publisher_ = std::make_unique<Publisher>(std::move(publisher), active_, gate_);
  publisher_->publish({{}, 1, 1, snapshot->size}, snapshot->fd.get(), [](const PublishStatus& s) {
    if (s.reason[0] != '\0') fail(s.reason);
  });

  pool_ = rte_pktmbuf_pool_create("packets", kMbufs, 256, kMbufPrivateSize,
                                  RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  if (pool_ == nullptr) fail("no packet buffers");
  const auto count = static_cast<uint16_t>(frames.size());
  for (uint16_t w = 0; w < count; ++w) {
    seats_.push_back(std::make_unique<Seat>(*this, w, count, *frames[w], prepare));
  }
}

WorkerBed::~WorkerBed() = default;

std::vector<WorkerBed::Load> WorkerBed::run(std::span<const unsigned> workers, double seconds) {
  const auto read = [&] {
    std::vector<Load> loads;
    for (const unsigned w : workers) {
      loads.push_back(
          {0, count(w, WorkerCounter::kRxPackets), count(w, WorkerCounter::kBusyCycles)});
    }
    return loads;
  };
  const auto sleep = [&](double for_seconds) {
    const auto end =
        std::chrono::steady_clock::now() + std::chrono::duration_cast<std::chrono::nanoseconds>(
                                               std::chrono::duration<double>(for_seconds));
    // Not often: this thread shares a CPU with a worker.
    while (std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_until(
          std::min(end, std::chrono::steady_clock::now() + std::chrono::milliseconds(10)));
      for (const unsigned w : workers) seats_[w]->drain();
    }
  };
  for (const unsigned w : workers) {
    seats_[w]->stop = false;
    if (rte_eal_remote_launch(Seat::run, seats_[w].get(), w + 1) != 0) fail("no worker");
  }
  sleep(0.05);
  const std::vector<Load> before = read();
  const auto start = std::chrono::steady_clock::now();
  sleep(seconds);
  std::vector<Load> loads = read();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  for (const unsigned w : workers) seats_[w]->stop = true;
  rte_eal_mp_wait_lcore();
  for (std::size_t i = 0; i < loads.size(); ++i) {
    loads[i].seconds = took.count();
    loads[i].packets -= before[i].packets;
    loads[i].busy_cycles -= before[i].busy_cycles;
  }
  return loads;
}

uint64_t WorkerBed::count(unsigned worker, WorkerCounter counter) const {
  return WorkerCounters(seats_[worker]->column.data()).get(counter);
}

uint64_t WorkerBed::drops(unsigned worker) const {
  uint64_t sum = 0;
  const WorkerCounters counters(seats_[worker]->column.data());
  for (std::size_t r = 0; r < kDropReasonCount; ++r)
    sum += counters.drops(static_cast<DropReason>(r));
  return sum;
}

}  // namespace simplon::bench
