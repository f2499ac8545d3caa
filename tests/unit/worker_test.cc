// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// A worker between two rings that look like a port, turn by turn.

#include "dataplane/worker/worker.h"

#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_ring.h>

#include <array>
#include <atomic>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "control/table/build_snapshot.h"
#include "dataplane/net/heartbeat.h"
#include "dataplane/pipeline/stage_profile.h"
#include "dataplane/port/mbuf_adapter.h"
#include "dataplane/state/conservation.h"
#include "dataplane/worker/slow_path_thread.h"
#include "tests/bench/config.h"
#include "tests/bench/traffic.h"
#include "tests/support/catch.h"
#include "tests/support/packet_builder.h"

namespace simplon {
namespace {

constexpr unsigned kRing = 256;

bool start_eal() {
  static const bool started = [] {
    std::vector<std::string> words = {
        "worker_test", "--no-huge",      "-m",          "64",   "--no-shconf",
        "--no-pci",    "--no-telemetry", "--log-level", "error"};
    std::vector<char*> argv;
    for (std::string& w : words) argv.push_back(w.data());
    return rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0;
  }();
  REQUIRE(started);
  return started;
}

rte_ring* make_ring(const std::string& name) {
  return rte_ring_create(name.c_str(), kRing, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

ForwardingTable make_table(const bench::Plan& plan, uint64_t generation = 1) {
  auto snapshot = control::build_snapshot(bench::make_config(plan), generation, 1);
  REQUIRE(snapshot.ok());
  auto opened = SnapshotView::open(snapshot->fd.get(), {.copy = true});
  REQUIRE(opened);
  const std::array ports{PortInfo{"wan0", bench::kOwnMac}};
  LinkTable::Error error;
  auto links = LinkTable::build(opened.view->pop(), ports, error);
  REQUIRE(links);
  return {std::move(*opened.view), *links};
}

const Ipv6Address kGateway = Ipv6Address::from_ipv4(Ipv4Address::from_value(0xc00002fe));

struct Bed {
  explicit Bed(uint32_t tx_delay_us) : traffic(plan, 64) {
    static int beds = 0;
    const std::string name = std::to_string(++beds);
    pool = rte_pktmbuf_pool_create(("pool" + name).c_str(), 511, 0, kMbufPrivateSize,
                                   RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    in = make_ring("in" + name);
    out = make_ring("out" + name);
    punts = make_ring("punts" + name);
    REQUIRE((pool != nullptr && in != nullptr && out != nullptr && punts != nullptr));
    const int port = rte_eth_from_rings(("ring" + name).c_str(), &in, 1, &out, 1, 0);
    REQUIRE(port >= 0);
    const rte_eth_conf conf{};
    id = static_cast<uint16_t>(port);
    REQUIRE(rte_eth_dev_configure(id, 1, 1, &conf) == 0);
    REQUIRE(rte_eth_rx_queue_setup(id, 0, kRing, 0, nullptr, pool) == 0);
    REQUIRE(rte_eth_tx_queue_setup(id, 0, kRing, 0, nullptr) == 0);
    REQUIRE(rte_eth_dev_start(id) == 0);

    neighbors->set(0, kGateway, bench::kGatewayMac);
    traffic.draw(bench::Direction::kEncap);
    table = std::make_unique<ForwardingTable>(make_table(plan));
    active.exchange(table.get());
    Worker::Config config;
    config.port_ids = {id};
    config.punts = punts;
    config.tx_delay_us = tx_delay_us;
    worker = std::make_unique<Worker>(
        config, WorkerContext(column.data(), tunnels.data(), *neighbors, 0, 1), active, gate, clock,
        wall_clock);
    worker->enter();
  }

  void arrive(unsigned frames) {
    const std::size_t length = traffic.frame_length(bench::Direction::kEncap);
    for (unsigned i = 0; i < frames; ++i) arrive({traffic.frame(i), length}, 0);
  }
  // `offloads`: what the port says of it.
  void arrive(std::span<const uint8_t> frame, uint64_t offloads) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(pool);
    REQUIRE(mbuf != nullptr);
    std::memcpy(rte_pktmbuf_append(mbuf, static_cast<uint16_t>(frame.size())), frame.data(),
                frame.size());
    mbuf->ol_flags = offloads;
    REQUIRE(rte_ring_sp_enqueue(in, mbuf) == 0);
  }
  // Frames that have left, which are freed.
  unsigned left() {
    unsigned count = 0;
    for (void* mbuf = nullptr; rte_ring_sc_dequeue(out, &mbuf) == 0; ++count) {
      rte_pktmbuf_free(static_cast<rte_mbuf*>(mbuf));
    }
    return count;
  }
  uint64_t count(WorkerCounter counter) { return WorkerCounters(column.data()).get(counter); }
  int64_t imbalance() {
    const std::array<const uint64_t*, 1> columns{column.data()};
    return conservation(columns).imbalance();
  }

  bool eal = start_eal();  // before the clock, which asks it
  bench::Plan plan{16};
  bench::Traffic traffic;
  uint16_t id = 0;  // of the port
  rte_mempool* pool = nullptr;
  rte_ring* in = nullptr;
  rte_ring* out = nullptr;
  rte_ring* punts = nullptr;
  std::array<uint64_t, kWorkerCounterCapacity> column{};
  std::array<TunnelCounters, 64> tunnels{};
  std::unique_ptr<NeighborTable> neighbors = std::make_unique<NeighborTable>();
  std::unique_ptr<ForwardingTable> table;
  ActiveTable<ForwardingTable> active;
  QsbrGate gate{2};
  TscClock clock;
  WallClock wall_clock;
  std::unique_ptr<Worker> worker;
};

TEST_CASE("without a delay no frame waits beyond its turn") {
  Bed bed(0);
  bed.arrive(3);
  CHECK(bed.worker->step() == 3);
  CHECK(bed.left() == 3);
  CHECK(bed.worker->held() == 0);
  CHECK(bed.imbalance() == 0);
}

TEST_CASE("a frame that waits for others is held, and sent when its time is up") {
  constexpr uint32_t kDelayUs = 500'000;  // more than a busy machine takes for the turns below
  Bed bed(kDelayUs);
  bed.arrive(3);
  // The first burst is timed by stage, and sent with what that takes.
  bed.worker->step();
  CHECK(bed.left() == 3);

  bed.arrive(2);
  CHECK(bed.worker->step() == 2);
  bed.arrive(1);
  CHECK(bed.worker->step() == 1);
  CHECK(bed.left() == 0);
  CHECK(bed.worker->held() == 3);
  CHECK(bed.count(WorkerCounter::kHeldTx) == 3);
  CHECK(bed.imbalance() == 0);

  // EAL's idea of the TSC's frequency is rounded, to either side.
  std::this_thread::sleep_for(std::chrono::microseconds(kDelayUs + kDelayUs / 10));
  CHECK(bed.worker->step() == 0);
  CHECK(bed.left() == 3);
  CHECK(bed.count(WorkerCounter::kHeldTx) == 0);
  CHECK(bed.count(WorkerCounter::kTxPackets) == 6);
  CHECK(bed.count(WorkerCounter::kTxBytes) ==
        6 * (bed.traffic.frame_length(bench::Direction::kEncap) + sizeof(Ipv4Header)));
  CHECK(bed.imbalance() == 0);
}

TEST_CASE("a full burst waits for nobody, and what is left when the worker ends is sent") {
  Bed bed(1'000'000);
  bed.arrive(1);
  bed.worker->step();
  CHECK(bed.left() == 1);
  bed.arrive(30);
  bed.worker->step();
  CHECK(bed.left() == 0);
  bed.arrive(5);
  bed.worker->step();
  CHECK(bed.left() == 32);
  CHECK(bed.worker->held() == 3);
  bed.worker->leave();
  CHECK(bed.left() == 3);
  CHECK(bed.count(WorkerCounter::kHeldTx) == 0);
  CHECK(bed.imbalance() == 0);
}

TEST_CASE("a datagram is summed up unless its port says that it has been, and is right") {
  Bed bed(0);
  const auto wrong = test::PacketBuilder()
                         .ethernet(bench::kOwnMac, bench::kGatewayMac)
                         .ipv4("198.51.100.1", "192.0.2.1")
                         .udp(40'000, kHeartbeatPort)
                         .checksum(0x1234)
                         .payload(100)
                         .build();
  const auto drops = [&bed](DropReason reason) {
    return WorkerCounters(bed.column.data()).drops(reason);
  };
  constexpr uint64_t kOthers[] = {RTE_MBUF_F_RX_L4_CKSUM_UNKNOWN, RTE_MBUF_F_RX_L4_CKSUM_BAD,
                                  RTE_MBUF_F_RX_L4_CKSUM_NONE, RTE_MBUF_F_RX_IP_CKSUM_GOOD};
  for (const uint64_t says : kOthers) bed.arrive(wrong, says);
  bed.worker->step();
  CHECK(drops(DropReason::kUdpBadChecksum) == 4);
  bed.arrive(wrong, RTE_MBUF_F_RX_L4_CKSUM_GOOD);
  bed.worker->step();
  CHECK(drops(DropReason::kUdpBadChecksum) == 4);
  CHECK(drops(DropReason::kBeatMalformed) == 1);
  CHECK(bed.imbalance() == 0);
}

TEST_CASE("one burst in 64 is timed by stage, and all are counted by size") {
  Bed bed(0);
  for (int n = 0; n < 65; ++n) {
    bed.arrive(n == 64 ? 32 : 5);
    bed.worker->step();
    bed.left();
  }
  CHECK(bed.count(WorkerCounter::kProfileReceivePackets) == 5 + 32);
  CHECK(bed.count(WorkerCounter::kProfileTransmitPackets) == 5 + 32);
  CHECK(bed.count(WorkerCounter::kProfileReceiveCycles) > 0);
  CHECK(bed.count(WorkerCounter::kProfileTransmitCycles) > 0);
  CHECK(bed.count(WorkerCounter::kRxBursts4) == 64);
  CHECK(bed.count(WorkerCounter::kRxBursts32) == 1);
  uint64_t in_pipeline = 0;
  for (auto stage = std::size_t(Stage::kPlain); stage <= std::size_t(Stage::kAyiyaSign); ++stage) {
    in_pipeline +=
        counter_load(bed.column[std::size_t(WorkerCounter::kProfileReceiveCycles) + 2 * stage]);
  }
  CHECK(in_pipeline > 0);
}

TEST_CASE("a frame in two buffers is dropped whole, and those beside it go on") {
  Bed bed(0);
  const unsigned free = rte_mempool_avail_count(bed.pool);
  bed.arrive(2);
  rte_mbuf* head = rte_pktmbuf_alloc(bed.pool);
  rte_mbuf* tail = rte_pktmbuf_alloc(bed.pool);
  REQUIRE((head != nullptr && tail != nullptr));
  REQUIRE(rte_pktmbuf_append(head, 100) != nullptr);
  REQUIRE(rte_pktmbuf_append(tail, 100) != nullptr);
  REQUIRE(rte_pktmbuf_chain(head, tail) == 0);
  REQUIRE(rte_ring_sp_enqueue(bed.in, head) == 0);
  bed.arrive(2);
  CHECK(bed.worker->step() == 5);
  CHECK(WorkerCounters(bed.column.data()).drops(DropReason::kMultiSegment) == 1);
  CHECK(bed.count(WorkerCounter::kRxBytes) ==
        200 + 4 * bed.traffic.frame_length(bench::Direction::kEncap));
  CHECK(bed.left() == 4);
  CHECK(rte_mempool_avail_count(bed.pool) == free);
  CHECK(bed.imbalance() == 0);
}

TEST_CASE("a tag that the driver has taken out counts") {
  Bed bed(0);
  const auto length = static_cast<uint16_t>(bed.traffic.frame_length(bench::Direction::kEncap));
  // Tag 0 is that of no VLAN; of 7 there is no link.
  for (const uint16_t vlan : {uint16_t{0}, uint16_t{7}}) {
    rte_mbuf* mbuf = rte_pktmbuf_alloc(bed.pool);
    REQUIRE(mbuf != nullptr);
    std::memcpy(rte_pktmbuf_append(mbuf, length), bed.traffic.frame(0), length);
    mbuf->ol_flags |= RTE_MBUF_F_RX_VLAN | RTE_MBUF_F_RX_VLAN_STRIPPED;
    mbuf->vlan_tci = vlan;
    REQUIRE(rte_ring_sp_enqueue(bed.in, mbuf) == 0);
  }
  CHECK(bed.worker->step() == 2);
  CHECK(WorkerCounters(bed.column.data()).drops(DropReason::kVlanUnknown) == 1);
  void* sent = nullptr;
  REQUIRE(rte_ring_sc_dequeue(bed.out, &sent) == 0);
  auto* frame = static_cast<rte_mbuf*>(sent);
  CHECK(frame->data_len == length + sizeof(Ipv4Header));
  CHECK(frame->ol_flags == 0);
  rte_pktmbuf_free(frame);
  CHECK(bed.left() == 0);
  CHECK(bed.imbalance() == 0);
}

TEST_CASE("sending what others left behind is no part of receiving a timed burst") {
  Bed bed(10'000'000);
  for (int n = 0; n < 64; ++n) {
    bed.arrive(1);
    bed.worker->step();
    bed.left();
  }
  REQUIRE(bed.worker->held() != 0);
  const uint64_t received = bed.count(WorkerCounter::kProfileReceiveCycles);
  const uint64_t sent = bed.count(WorkerCounter::kProfileTransmitCycles);

  // Takes a twentieth of a second, the first time.
  struct SlowOnce {
    uint64_t cycles = rte_get_tsc_hz() / 20;
    bool done = false;
    static uint16_t send(uint16_t, uint16_t, rte_mbuf**, uint16_t count, void* self) {
      auto& slow = *static_cast<SlowOnce*>(self);
      const uint64_t until = rte_rdtsc() + slow.cycles;
      while (!slow.done && rte_rdtsc() < until) {
      }
      slow.done = true;
      return count;
    }
  } slow;
  const auto* callback = rte_eth_add_tx_callback(bed.id, 0, SlowOnce::send, &slow);
  REQUIRE(callback != nullptr);
  bed.arrive(1);
  bed.worker->step();
  rte_eth_remove_tx_callback(bed.id, 0, callback);
  CHECK(slow.done);
  CHECK(bed.count(WorkerCounter::kProfileReceivePackets) == 2);
  CHECK(bed.count(WorkerCounter::kProfileReceiveCycles) - received < slow.cycles);
  CHECK(bed.count(WorkerCounter::kProfileTransmitCycles) - sent < slow.cycles);
}

// ---- What is on its way to the slow path when the table changes.

struct NoEvents final : EventSink {
  void publish(TunnelEvent) override {}
};

// The slow path behind a worker, until nothing is left to do. What it sends waits in `hand_over`.
struct SlowPathBed {
  explicit SlowPathBed(Bed& worker_bed) : bed(worker_bed) {
    static int beds = 0;
    hand_over = make_ring("hand-over" + std::to_string(++beds));
    REQUIRE(hand_over != nullptr);
  }

  void run() {
    WorkerContext context(column.data(), tunnels.data(), *bed.neighbors, 1, 1);
    MbufPacketIo io(context, bed.pool, {{bed.id, false, 0}}, hand_over);
    NoEvents events;
    const auto inbox = std::make_unique<SlowPathThread::Inbox>();
    SlowPathThread::Config config;
    config.reader = 1;
    config.punts = {bed.punts};
    SlowPathThread thread(config, context, *bed.neighbors, io, bed.active, bed.gate, bed.clock,
                          bed.wall_clock, events, *inbox);
    const std::atomic<bool> stop{true};
    thread.run(stop);
  }
  uint64_t count(WorkerCounter counter) { return WorkerCounters(column.data()).get(counter); }
  int64_t imbalance() {
    const std::array<const uint64_t*, 2> columns{bed.column.data(), column.data()};
    return conservation(columns).imbalance();
  }
  // Of the frames sent the IPv4 packets; all are freed.
  std::vector<std::vector<uint8_t>> sent_ipv4() {
    std::vector<std::vector<uint8_t>> frames;
    for (void* mbuf = nullptr; rte_ring_sc_dequeue(hand_over, &mbuf) == 0;) {
      auto* frame = static_cast<rte_mbuf*>(mbuf);
      const auto* bytes = rte_pktmbuf_mtod(frame, const uint8_t*);
      const auto* ethernet = reinterpret_cast<const EthernetHeader*>(bytes);
      if (ethernet->type == kEtherTypeIpv4) {
        frames.emplace_back(bytes, bytes + frame->data_len);
      }
      rte_pktmbuf_free(frame);
    }
    return frames;
  }

  Bed& bed;
  rte_ring* hand_over = nullptr;
  std::array<uint64_t, kWorkerCounterCapacity> column{};
  std::array<TunnelCounters, 64> tunnels{};
};

TEST_CASE("a packet that wants its next hop gets it from a table that came meanwhile") {
  Bed usual(0);
  usual.arrive(1);
  usual.worker->step();
  void* mbuf = nullptr;
  REQUIRE(rte_ring_sc_dequeue(usual.out, &mbuf) == 0);
  auto* frame = static_cast<rte_mbuf*>(mbuf);
  const auto* bytes = rte_pktmbuf_mtod(frame, const uint8_t*);
  const std::vector<uint8_t> expected(bytes, bytes + frame->data_len);
  rte_pktmbuf_free(frame);

  Bed bed(0);
  SlowPathBed slow_path(bed);
  bed.neighbors->remove(0, kGateway);
  bed.arrive(1);
  bed.worker->step();
  REQUIRE(bed.count(WorkerCounter::kPunted) == 1);
  const ForwardingTable next = make_table(bed.plan, 2);
  bed.active.exchange(&next);
  bed.neighbors->set(0, kGateway, bench::kGatewayMac);
  slow_path.run();
  CHECK(slow_path.imbalance() == 0);
  CHECK(slow_path.count(WorkerCounter::kPuntsTaken) == 1);
  const auto sent = slow_path.sent_ipv4();
  REQUIRE(sent.size() == 1);
  CHECK(sent[0] == expected);
  uint64_t booked = 0;
  for (const TunnelCounters& t : slow_path.tunnels) booked += t.out_packets;
  CHECK(booked == 1);
}

TEST_CASE("a packet to be cut for a tunnel of a table that is gone is dropped by name") {
  Bed bed(0);
  SlowPathBed slow_path(bed);
  const ForwardingTable next = make_table(bed.plan, 2);
  bed.active.exchange(&next);
  rte_mbuf* mbuf = rte_pktmbuf_alloc(bed.pool);
  REQUIRE(mbuf != nullptr);
  const unsigned free = rte_mempool_avail_count(bed.pool);
  Packet packet;
  to_packet(mbuf, 0, packet);
  packet.verdict = Verdict::kPunt;
  packet.punt_class = PuntClass::kOversize;
  packet.inner_ipv4 = true;
  packet.out_slot = next.snapshot.slot_capacity() + 5;
  store_punt(packet, 1);
  REQUIRE(rte_ring_sp_enqueue(bed.punts, mbuf) == 0);
  slow_path.run();
  CHECK(slow_path.count(WorkerCounter::kPuntsTaken) == 1);
  CHECK(WorkerCounters(slow_path.column.data()).drops(DropReason::kPacketTooBig) == 1);
  slow_path.sent_ipv4();
  CHECK(rte_mempool_avail_count(bed.pool) == free + 1);
}

}  // namespace
}  // namespace simplon
