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
  const std::size_t left = machine.allowed_cpus.size() - workers;
  std::string main;
  for (std::size_t i = 0; i < (left != 0 ? left : workers); ++i) {
    main += (main.empty() ? "" : ",") + std::to_string(machine.allowed_cpus[i]);
  }
  std::string lcores = "0@(" + main + ")";
  for (unsigned w = 0; w < workers; ++w) {
    lcores += "," + std::to_string(w + 1) + "@" + std::to_string(machine.allowed_cpus[left + w]);
  }
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
       const std::function<void(WorkerContext&, const ForwardingTable&)>& prepare)
      : port(std::to_string(index), index, bed.pool_, frames) {
    punts = rte_ring_create(("punts-" + std::to_string(index)).c_str(), 2048, SOCKET_ID_ANY,
                            RING_F_SP_ENQ | RING_F_SC_DEQ);
    if (punts == nullptr) fail("no ring");
    Worker::Config config;
    config.index = index;
    config.port_ids = {port.id()};
    config.punts = punts;
    WorkerContext context(bed.counters_->worker_counters(index),
                          bed.counters_->tunnel_counters(index), *bed.neighbors_, index, count);
    if (prepare) prepare(context, *bed.publisher_->table());
    worker = std::make_unique<Worker>(config, context, bed.active_, bed.gate_, bed.clock_,
                                      bed.wall_clock_);
  }
  ~Seat() { rte_ring_free(punts); }
  Seat(const Seat&) = delete;
  Seat& operator=(const Seat&) = delete;

  static int run(void* self) {
    auto& seat = *static_cast<Seat*>(self);
    if (seat.loop != nullptr && *seat.loop) {
      (*seat.loop)(*seat.worker, seat.stop);
    } else {
      seat.worker->run(seat.stop);
    }
    return 0;
  }

  // What the slow path would take; it is nobody's subject here.
  void drain() {
    void* mbuf = nullptr;
    while (rte_ring_sc_dequeue(punts, &mbuf) == 0) {
      rte_pktmbuf_free(static_cast<rte_mbuf*>(mbuf));
    }
  }

  MemoryPort port;
  rte_ring* punts = nullptr;
  std::unique_ptr<Worker> worker;
  const Loop* loop = nullptr;
  std::atomic<bool> stop{false};
};

WorkerBed::WorkerBed(const control::SealedSnapshot& snapshot,
                     std::span<const FrameStore* const> frames,
                     const std::function<void(WorkerContext&, const ForwardingTable&)>& prepare,
                     uint32_t unix_s)
    : neighbors_(std::make_unique<NeighborTable>()), gate_(frames.size()) {
  neighbors_->set(0, Ipv6Address::from_ipv4(*Ipv4Address::parse("192.0.2.254")), kGatewayMac);
  neighbors_->set(0, *Ipv6Address::parse("2001:db8:fffe::fe"), kGatewayMac);
  ClockSample sample;
  if (!ClockSample::take([this] { return clock_.now(); }, sample)) fail("no time");
  if (unix_s != 0) sample.unix_ns = int64_t{unix_s} * 1'000'000'000;
  wall_clock_.sample(sample);

  Publisher::Config publisher;
  publisher.ports = {{"wan0", kOwnMac}};
  publisher.reader_count = frames.size();
  publisher_ = std::make_unique<Publisher>(std::move(publisher), active_, gate_);
  const Publish message{{}, snapshot.generation, snapshot.revision, snapshot.size};
  publisher_->publish(message, snapshot.fd.get(), [](const PublishStatus& s) {
    if (s.reason[0] != '\0') fail(s.reason);
  });
  // In files, as the dataplane's are.
  std::string error;
  counters_ = CountersSegment::open(directory_.path(), static_cast<uint32_t>(frames.size()),
                                    snapshot.slot_capacity, error);
  if (!counters_) fail(error);

  pool_ = rte_pktmbuf_pool_create("packets", kMbufs, 256, kMbufPrivateSize,
                                  RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  if (pool_ == nullptr) fail("no packet buffers");
  const auto count = static_cast<uint16_t>(frames.size());
  for (uint16_t w = 0; w < count; ++w) {
    seats_.push_back(std::make_unique<Seat>(*this, w, count, *frames[w], prepare));
  }
}

WorkerBed::~WorkerBed() {
  seats_.clear();
  rte_mempool_free(pool_);
}

// What the slow path would take; it is nobody's subject here.
void WorkerBed::drain(std::span<const unsigned> workers) {
  for (const unsigned w : workers) seats_[w]->drain();
}

std::vector<WorkerBed::Load> WorkerBed::run(std::span<const unsigned> workers, double seconds) {
  using Clock = std::chrono::steady_clock;
  return run(workers, [&] {
    const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                        std::chrono::duration<double>(seconds));
    // Not often: this thread may share a CPU with a worker.
    while (Clock::now() < end) {
      std::this_thread::sleep_until(std::min(end, Clock::now() + std::chrono::milliseconds(10)));
      drain(workers);
    }
  });
}

std::vector<WorkerBed::Load> WorkerBed::run(std::span<const unsigned> workers,
                                            const std::function<void()>& meanwhile,
                                            const Loop& loop) {
  const auto read = [&] {
    std::vector<Load> loads;
    for (const unsigned w : workers) {
      loads.push_back(
          {0, count(w, WorkerCounter::kRxPackets), count(w, WorkerCounter::kBusyCycles)});
    }
    return loads;
  };
  for (const unsigned w : workers) {
    seats_[w]->stop = false;
    seats_[w]->loop = &loop;
    if (rte_eal_remote_launch(Seat::run, seats_[w].get(), w + 1) != 0) fail("no worker");
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(50));
  const std::vector<Load> before = read();
  const auto start = std::chrono::steady_clock::now();
  meanwhile();
  std::vector<Load> loads = read();
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  for (const unsigned w : workers) seats_[w]->stop = true;
  rte_eal_mp_wait_lcore();
  drain(workers);
  for (std::size_t i = 0; i < loads.size(); ++i) {
    loads[i].seconds = took.count();
    loads[i].packets -= before[i].packets;
    loads[i].busy_cycles -= before[i].busy_cycles;
  }
  return loads;
}

uint64_t WorkerBed::count(unsigned worker, WorkerCounter counter) const {
  return WorkerCounters(counters_->worker_counters(worker)).get(counter);
}

uint64_t WorkerBed::drops(unsigned worker) const {
  uint64_t sum = 0;
  const WorkerCounters counters(counters_->worker_counters(worker));
  for (std::size_t r = 0; r < kDropReasonCount; ++r)
    sum += counters.drops(static_cast<DropReason>(r));
  return sum;
}

int64_t WorkerBed::lost() const {
  int64_t lost = 0;
  for (unsigned w = 0; w < seats_.size(); ++w) {
    rte_eth_stats stats{};
    rte_eth_stats_get(seats_[w]->port.id(), &stats);
    lost +=
        static_cast<int64_t>(stats.ipackets - stats.opackets - drops(w) -
                             count(w, WorkerCounter::kPunted) - count(w, WorkerCounter::kConsumed));
  }
  return lost;
}

}  // namespace simplon::bench
