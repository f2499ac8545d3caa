// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What swapping the table costs traffic: a worker of the dataplane between two rings, a source that
// never has more packets under way than the rings hold (so that nothing but the dataplane can lose
// one), and snapshots published through the real publisher one after the other. Counts every packet
// and times every turn of the worker.

#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_mbuf.h>
#include <rte_ring.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "control/table/build_snapshot.h"
#include "dataplane/link/publisher.h"
#include "dataplane/port/mbuf_adapter.h"
#include "dataplane/state/conservation.h"
#include "dataplane/worker/machine_plan.h"
#include "dataplane/worker/worker.h"
#include "tests/bench/config.h"
#include "tests/bench/json_line.h"
#include "tests/bench/traffic.h"

namespace simplon::bench {
namespace {

constexpr unsigned kRingEntries = 1024;
constexpr uint64_t kInFlight = 512;
constexpr unsigned kMbufs = 8191;

struct Options {
  bool json = false;
  int swaps = 1000;
  uint32_t tunnels = 1000;
};

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "bench_swap: %s\n", why.c_str());
  std::exit(1);
}

// Two rings that look like a port to the worker, and their other ends.
struct RingPort {
  rte_ring* to_worker;
  rte_ring* from_worker;
  uint16_t id;

  explicit RingPort(rte_mempool* pool) {
    to_worker =
        rte_ring_create("to-worker", kRingEntries, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
    from_worker =
        rte_ring_create("from-worker", kRingEntries, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
    const int port = rte_eth_from_rings("net_ring_swap", &to_worker, 1, &from_worker, 1, 0);
    if (port < 0) fail("no ring port");
    id = static_cast<uint16_t>(port);
    const rte_eth_conf conf{};
    if (rte_eth_dev_configure(id, 1, 1, &conf) != 0 ||
        rte_eth_rx_queue_setup(id, 0, kRingEntries, 0, nullptr, pool) != 0 ||
        rte_eth_tx_queue_setup(id, 0, kRingEntries, 0, nullptr) != 0 ||
        rte_eth_dev_start(id) != 0) {
      fail("the ring port does not start");
    }
  }
};

// Sends frames of both directions and takes them back, whatever the worker made of them. One
// thread.
class Source {
 public:
  Source(const Plan& plan, rte_mempool* pool, const RingPort& port)
      : pool_(pool), port_(port), encap_(plan, 64), decap_(plan, 64) {
    encap_.draw(Direction::kEncap);
    decap_.draw(Direction::kDecap);
  }

  void run(const std::atomic<bool>& stop) {
    while (!stop.load(std::memory_order_relaxed)) {
      const bool received = receive();
      if (!send() && !received) std::this_thread::yield();
    }
    // What is under way comes back, or is lost.
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
    while (received_ < sent_ && std::chrono::steady_clock::now() < end) receive();
  }

  uint64_t sent() const { return sent_; }
  uint64_t received() const { return received_; }
  uint64_t wrong() const { return wrong_; }

 private:
  bool send() {
    std::array<rte_mbuf*, kBurst> burst;
    if (sent_ - received_ + kBurst > kInFlight ||
        rte_pktmbuf_alloc_bulk(pool_, burst.data(), kBurst) != 0) {
      return false;
    }
    for (rte_mbuf* mbuf : burst) {
      const Direction direction = sent_ % 2 == 0 ? Direction::kEncap : Direction::kDecap;
      Traffic& traffic = direction == Direction::kEncap ? encap_ : decap_;
      const auto length = static_cast<uint16_t>(traffic.frame_length(direction));
      std::memcpy(rte_pktmbuf_append(mbuf, length), traffic.frame(sent_ / 2 % kPackets), length);
      ++sent_;
    }
    // There is room: the ring holds more than may be under way.
    rte_ring_sp_enqueue_bulk(port_.to_worker, reinterpret_cast<void**>(burst.data()), kBurst,
                             nullptr);
    return true;
  }

  bool receive() {
    std::array<rte_mbuf*, kBurst> burst;
    const unsigned count = rte_ring_sc_dequeue_burst(
        port_.from_worker, reinterpret_cast<void**>(burst.data()), kBurst, nullptr);
    for (unsigned i = 0; i < count; ++i) {
      // One queue keeps the order, so the directions come back in turn, exchanged.
      const bool was_encap = received_ % 2 == 0;
      const auto* ethernet = rte_pktmbuf_mtod(burst[i], const EthernetHeader*);
      const uint16_t expected = was_encap ? kEtherTypeIpv4 : kEtherTypeIpv6;
      if (ethernet->type.value() != expected) ++wrong_;
      ++received_;
      rte_pktmbuf_free(burst[i]);
    }
    return count != 0;
  }

  rte_mempool* pool_;
  const RingPort& port_;
  Traffic encap_;
  Traffic decap_;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  uint64_t wrong_ = 0;
};

// Drives the worker turn by turn and keeps how long full bursts took, the first one with each new
// table apart.
struct TimedWorker {
  Worker& worker;
  uint16_t burst;
  const std::atomic<bool>& stop;
  std::vector<double> normal_cycles;
  std::vector<double> activating_cycles;

  void run() {
    normal_cycles.reserve(1u << 20);
    worker.enter();
    const ForwardingTable* last = worker.table();
    Idle idle(IdleMode::kYield);
    while (!stop.load(std::memory_order_relaxed)) {
      const ForwardingTable* table = worker.table();
      const uint64_t start = rte_rdtsc();
      const uint32_t frames = worker.step();
      const auto cycles = static_cast<double>(rte_rdtsc() - start);
      if (frames == burst) {
        if (table != last) {
          activating_cycles.push_back(cycles);
        } else if (normal_cycles.size() < normal_cycles.capacity()) {
          normal_cycles.push_back(cycles);
        }
      }
      if (frames != 0) last = table;
      idle.turn(frames != 0);
    }
    worker.leave();
  }
};

int run_timed(void* argument) {
  static_cast<TimedWorker*>(argument)->run();
  return 0;
}

void start_eal() {
  simplon::Options options;
  std::string error;
  const auto cpus = plan_cpus(options, Machine::look(), error);
  if (!cpus) fail(error);
  std::vector<std::string> arguments = {
      "bench_swap", "--no-huge",      "-m",       "128",          "--no-shconf",
      "--no-pci",   "--no-telemetry", "--lcores", cpus->lcores(), "--main-lcore",
      "0",          "--log-level",    "error"};
  std::vector<char*> argv;
  for (std::string& a : arguments) argv.push_back(a.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) < 0) fail("EAL does not start");
}

struct Published {
  std::vector<double> grace_us;
  std::vector<double> validate_us;
};

// As fast as the source has shown that packets flow in between.
Published swap(const Options& options, const control::SnapshotBuilder& builder,
               Publisher& publisher) {
  Published times;
  for (int n = 0; n < options.swaps; ++n) {
    const uint64_t generation = publisher.generation() + 1;
    control::SnapshotBuildOptions build;
    build.generation = build.revision = generation;
    build.self_check = false;
    const auto snapshot = builder.seal(build);
    if (!snapshot.ok()) fail(std::string(snapshot.status().message()));
    const Publish message{{}, generation, generation, snapshot->size};
    uint32_t state = 0;
    publisher.publish(message, snapshot->fd.get(), [&](const PublishStatus& s) {
      state = s.state;
      if (s.reason[0] != '\0') std::fprintf(stderr, "bench_swap: %s\n", s.reason);
    });
    if (state != static_cast<uint32_t>(PublishState::kActive)) fail("a publish failed");
    times.grace_us.push_back(static_cast<double>(publisher.last_grace_ns()) / 1000);
    times.validate_us.push_back(static_cast<double>(publisher.last_validate_ns()) / 1000);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return times;
}

double maximum(const std::vector<double>& values) {
  return *std::max_element(values.begin(), values.end());
}

int measure(const Options& options) {
  start_eal();
  spdlog::set_level(spdlog::level::err);
  rte_mempool* pool = rte_pktmbuf_pool_create("packets", kMbufs, 256, kMbufPrivateSize,
                                              RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  if (pool == nullptr) fail("no packet buffers");
  RingPort port(pool);
  rte_ring* punts = rte_ring_create("punts", 2048, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);

  const Plan plan(options.tunnels);
  const v1::Config config = make_config(plan);
  control::Violations violations;
  control::ConfigContext context(config.pop(), config.pools(), violations);
  control::SnapshotBuilder builder(context);
  for (const v1::Tunnel& tunnel : config.tunnels()) {
    builder.add(control::compile_valid_tunnel(tunnel, context));
  }

  std::array<uint64_t, kWorkerCounterCapacity> column{};
  HugeArray<TunnelCounters> tunnels(builder.tunnel_count() + 1);
  auto neighbors = std::make_unique<NeighborTable>();
  neighbors->set(0, Ipv6Address::from_ipv4(*Ipv4Address::parse("192.0.2.254")), kGatewayMac);
  neighbors->set(0, *Ipv6Address::parse("2001:db8:fffe::fe"), kGatewayMac);
  const TscClock clock;
  const WallClock wall_clock;
  ActiveTable<ForwardingTable> active;
  QsbrGate gate(1);
  Worker::Config worker_config;
  worker_config.port_ids = {port.id};
  worker_config.punts = punts;
  Worker worker(worker_config, WorkerContext(column.data(), tunnels.data(), *neighbors, 0, 1),
                active, gate, clock, wall_clock);
  Publisher::Config publisher_config;
  publisher_config.ports = {{"wan0", kOwnMac}};
  publisher_config.reader_count = 1;
  Publisher publisher(std::move(publisher_config), active, gate);
  Options first = options;
  first.swaps = 1;
  swap(first, builder, publisher);

  std::atomic<bool> stop_worker{false};
  std::atomic<bool> stop_source{false};
  TimedWorker timed{worker, worker_config.burst, stop_worker, {}, {}};
  if (rte_eal_remote_launch(run_timed, &timed, 1) != 0) fail("no worker");
  Source source(plan, pool, port);
  std::thread source_thread([&] { source.run(stop_source); });
  const auto start = std::chrono::steady_clock::now();
  const Published times = swap(options, builder, publisher);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  stop_source = true;
  source_thread.join();
  stop_worker = true;
  rte_eal_mp_wait_lcore();

  const uint64_t lost = source.sent() - source.received();
  const std::array<const uint64_t*, 1> columns{column.data()};
  const Conservation books = conservation(columns);
  const std::string suffix = "/" + std::to_string(options.tunnels);
  const double per_us = static_cast<double>(rte_get_tsc_hz()) / 1e6;
  const double normal = timed.normal_cycles.empty() ? 0 : median(timed.normal_cycles) / per_us;
  const auto report = [&](const char* name, const char* metric, double value,
                          std::optional<double> reference = std::nullopt) {
    print({"swap", name + suffix, metric, value, reference, options.swaps}, options.json);
  };
  report("lost", "packets", static_cast<double>(lost));
  report("forwarded", "packets_per_second",
         static_cast<double>(source.received()) / seconds.count());
  if (!timed.activating_cycles.empty()) {
    report("activating_turn_median", "microseconds", median(timed.activating_cycles) / per_us,
           normal);
    report("stall_median", "microseconds", median(timed.activating_cycles) / per_us - normal);
    report("stall_max", "microseconds", maximum(timed.activating_cycles) / per_us - normal);
  }
  report("grace_median", "microseconds", median(times.grace_us));
  report("grace_max", "microseconds", maximum(times.grace_us));
  report("validate_median", "microseconds", median(times.validate_us));
  if (!options.json) {
    std::printf(
        "%d swaps in %.1f s: sent %lu, back %lu, lost %lu, wrong %lu, drops %lu, %zu turns "
        "with a new table timed\n",
        options.swaps, seconds.count(), source.sent(), source.received(), lost, source.wrong(),
        books.drops, timed.activating_cycles.size());
  }
  return lost == 0 && source.wrong() == 0 && books.drops == 0 && books.imbalance() == 0 ? 0 : 1;
}

int usage(int status) {
  std::fprintf(status == 0 ? stdout : stderr,
               "usage: bench_swap [--json] [--swaps N] [--tunnels N]\n"
               "Publishes N snapshots (1000) of N tunnels (1000) during traffic between two rings. "
               "Exit status 1 if a packet was lost.\n");
  return status;
}

}  // namespace

int run(int argc, char** argv) {
  Options options;
  for (int i = 1; i < argc; ++i) {
    const std::string_view a = argv[i];
    if (a == "--help" || a == "-h") return usage(0);
    if (a == "--json") {
      options.json = true;
    } else if (a == "--swaps" && i + 1 < argc) {
      options.swaps = std::atoi(argv[++i]);
    } else if (a == "--tunnels" && i + 1 < argc) {
      options.tunnels = static_cast<uint32_t>(std::strtoul(argv[++i], nullptr, 10));
    } else {
      return usage(2);
    }
  }
  if (options.swaps < 1 || options.tunnels == 0 || options.tunnels > kUnits) return usage(2);
  return measure(options);
}

}  // namespace simplon::bench

int main(int argc, char** argv) {
  return simplon::bench::run(argc, argv);
}
