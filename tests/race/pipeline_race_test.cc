// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Workers that forward while tables are swapped under them, in memory that is used again, and while
// what they count and learn is read. Which table a packet went by shows in its outer header; a
// table that is gone too early shows there as well, and to a sanitizer. Without DPDK, so that
// ThreadSanitizer understands all of it.

#include <array>
#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "control/table/build_snapshot.h"
#include "dataplane/net/ayiya.h"
#include "dataplane/pipeline/pipeline.h"
#include "dataplane/state/conservation.h"
#include "dataplane/table/active_table.h"
#include "dataplane/table/generation_gate.h"
#include "tests/support/catch.h"
#include "tests/support/frame_burst.h"
#include "tests/support/sample_config.h"
#include "tests/unit/pipeline_bed.h"

namespace simplon::test {
namespace {

using testing::FrameBurst;

constexpr std::size_t kWorkers = 2;
constexpr uint32_t kSlots = 4;
constexpr uint32_t kStatic = 1;
constexpr uint32_t kLearned = 2;

// Of a table everything says which of two it is.
unsigned ttl_of(uint64_t generation) {
  return generation % 2 == 0 ? 20 : 21;
}
std::string remote_of(uint64_t generation) {
  return generation % 2 == 0 ? "198.51.100.20" : "198.51.100.21";
}

std::string config_of(uint64_t generation) {
  const std::string ttl = " ttl: " + std::to_string(ttl_of(generation));
  return R"(pop { name: "race"
      interfaces { port: "wan0" ipv4_address: "192.0.2.1/24" ipv4_gateway: "192.0.2.254"
        ipv6_address: "2001:db8:a::1/64" ipv6_gateway: "2001:db8:a::ffff" } }
    pools { name: "link" kind: LINK prefix: "2001:db8:ff::/62" }
    tunnels { id: 1 slot: 1 type: PROTO41 remote: ")" +
         remote_of(generation) + "\"" + ttl + R"( }
    tunnels { id: 2 slot: 2 type: AYIYA password: "0123456789abcdef0123")" +
         ttl + " }";
}

std::unique_ptr<ForwardingTable> make_table(const control::SealedSnapshot& sealed,
                                            SnapshotMemory& memory) {
  auto opened = SnapshotView::open(sealed.fd.get(), {.copy = true, .memory = &memory});
  if (!opened) return nullptr;
  const std::array ports{PortInfo{"wan0", kPopMac}};
  LinkTable::Error error;
  const auto links = LinkTable::build(opened.view->pop(), ports, error);
  if (!links) return nullptr;
  return std::make_unique<ForwardingTable>(std::move(*opened.view), *links);
}

// From one of two places, as a client behind a NAT that cannot make up its mind.
Bytes from_client(uint32_t epoch, uint16_t port) {
  AyiyaHeader header;
  set_ayiya_form(header, AyiyaOperation::kForward, kProtocolIpv6);
  header.epoch = epoch;
  header.tunnel = v6("2001:db8:ff:2::2");
  header.signature = sha1({reinterpret_cast<const uint8_t*>(kPassword.data()), kPassword.size()});
  const Bytes inner = PacketBuilder().ipv6("2001:db8:ff:2::2", "2600::1").payload(60).build();
  Bytes datagram(sizeof header + inner.size());
  std::memcpy(datagram.data(), &header, sizeof header);
  std::memcpy(datagram.data() + sizeof header, inner.data(), inner.size());
  const auto signature = sha1(datagram);
  std::copy(signature.begin(), signature.end(), datagram.begin() + kSha1KeyOffset);
  return PipelineBed::from_router()
      .ipv4("203.0.113.2", "192.0.2.1")
      .udp(port, kPortAyiya)
      .raw(datagram)
      .build();
}

// What a worker has of its own, and what of it others read.
struct Seat {
  explicit Seat(const NeighborTable& neighbors, std::span<TunnelRuntime> runtime, uint16_t index)
      : context(column.data(), tunnels.data(), neighbors, index, kWorkers) {
    std::string error;
    ayiya = AyiyaWorker::create(index + 1u, error);
    context.ayiya = ayiya.get();
    context.runtime = RuntimeTable(runtime);
    context.ledger = ErrorLedger(ledger);
    context.notes = &notes;
    context.set_time({.now_ns = 1000 * kSecond,
                      .unix_ns = kUnixNow * kSecond,
                      .boot_s = 1000,
                      .unix_before_step_s = 0});
  }

  std::vector<uint64_t> column = std::vector<uint64_t>(kWorkerCounterCapacity);
  std::array<TunnelCounters, kSlots> tunnels{};
  std::vector<LedgerRecord> ledger = std::vector<LedgerRecord>(16 * kLedgerWays);
  NoteQueue notes;
  std::unique_ptr<AyiyaWorker> ayiya;
  WorkerContext context;
  std::atomic<uint64_t> wrong{0};
};

// A turn as a worker has it. How many packets that went out by another table than `table`, or not
// at all.
unsigned take_turn(Seat& seat, const ForwardingTable& table, const std::vector<Bytes>& frames) {
  FrameBurst burst(frames);
  seat.context.counters.add(WorkerCounter::kRxPackets, frames.size());
  process_burst(seat.context, table, burst.packets);
  const uint64_t generation = table.snapshot.generation();
  unsigned wrong = 0;
  uint64_t sent = 0;
  for (const Packet& packet : burst.packets) {
    // From the client: old by the time it comes, perhaps. A worker owes it no more than a verdict.
    if (packet.verdict == Verdict::kPending) ++wrong;
    if (packet.verdict == Verdict::kTransmit) ++sent;
    if (packet.verdict == Verdict::kPunt) {
      seat.context.counters.drop(DropReason::kPuntRingFull);  // there is none
    }
    if (packet.out_slot != kStatic) continue;
    const auto* outer = packet.at<Ipv4Header>(packet.network);
    wrong += packet.verdict != Verdict::kTransmit || outer->ttl != ttl_of(generation) ||
             outer->destination != v4(remote_of(generation)) || !ipv4_header_valid(*outer);
  }
  seat.context.counters.add(WorkerCounter::kTxPackets, sent);
  return wrong;
}

}  // namespace

TEST_CASE("workers forward by whole tables while these are swapped and counters are read") {
  constexpr uint64_t kSwaps = 150;
  NeighborTable neighbors;
  neighbors.set(0, any("192.0.2.254"), kRouterMac);
  neighbors.set(0, any("2001:db8:a::ffff"), kRouterMac);
  std::array<TunnelRuntime, kSlots> runtime{};
  std::vector<std::unique_ptr<Seat>> seats;
  for (uint16_t w = 0; w < kWorkers; ++w) {
    seats.push_back(std::make_unique<Seat>(neighbors, runtime, w));
    REQUIRE(seats.back()->ayiya != nullptr);
  }
  SnapshotMemory memory;
  ActiveTable<ForwardingTable> active;
  PlainGenerationGate gate;
  const auto sealed = [](uint64_t generation) {
    return control::build_snapshot(testing::config_from(config_of(generation)), generation, 1);
  };
  const auto first = sealed(1);
  REQUIRE(first.ok());
  std::unique_ptr<ForwardingTable> current = make_table(*first, memory);
  REQUIRE(current != nullptr);
  active.exchange(current.get());

  std::atomic<bool> stop{false};
  std::atomic<uint32_t> clock{static_cast<uint32_t>(kUnixNow)};
  std::vector<std::thread> threads;
  for (std::size_t w = 0; w < kWorkers; ++w) {
    threads.emplace_back([&, w] {
      Seat& seat = *seats[w];
      const Bytes native =
          PipelineBed::from_router().ipv6("2600::1", "2001:db8:ff:1::2").payload(50).build();
      const Bytes to_client =
          PipelineBed::from_router().ipv6("2600::1", "2001:db8:ff:2::2").payload(50).build();
      const Bytes stranger = PipelineBed::from_router()
                                 .ipv4("203.0.113.9", "192.0.2.1")
                                 .ipv6("2001:db8:ff:1::2", "2600::1")
                                 .payload(50)
                                 .build();
      gate.online(w);
      const ForwardingTable* table = active.acquire_first();
      for (uint32_t n = 0; !stop; ++n) {
        // Moves now and then, and both workers want to have seen it first.
        const uint32_t epoch = clock + n / 16 % 64;
        const auto port = static_cast<uint16_t>(40'000 + epoch % 2);
        const Bytes client = from_client(epoch, port);
        seat.wrong +=
            take_turn(seat, *table, {native, client, to_client, native, stranger, client, native});
        gate.ack(w, table->snapshot.generation());
        table = active.acquire();
      }
      gate.offline(w);
    });
  }
  std::atomic<uint64_t> went_back{0};
  threads.emplace_back([&] {
    uint64_t before = 0;
    TunnelEvent event;
    LedgerRecord record;
    const RuntimeTable table{std::span(runtime)};
    while (!stop) {
      uint64_t sum = 0;
      for (const auto& seat : seats) {
        for (const TunnelCounters& t : seat->tunnels) {
          sum += counter_load(t.in_packets) + counter_load(t.out_packets);
        }
        for (const LedgerRecord& r : seat->ledger) read_ledger_record(r, record);
        while (seat->notes.pop(event)) {
        }
      }
      went_back += sum < before;
      before = sum;
      table.load(kLearned, 0);
      std::this_thread::yield();
    }
  });

  bool settled = true;
  for (uint64_t g = 2; g <= kSwaps && settled; ++g) {
    const auto snapshot = sealed(g);
    auto next = snapshot.ok() ? make_table(*snapshot, memory) : nullptr;
    if (next == nullptr) break;
    active.exchange(next.get());
    gate.begin(g);
    settled = gate.wait(std::chrono::seconds(30));
    if (settled) std::swap(current, next);  // the one before is gone, its memory is the next one's
    if (!settled) static_cast<void>(next.release());
  }
  stop = true;
  for (std::thread& thread : threads) thread.join();
  REQUIRE(settled);
  CHECK(current->snapshot.generation() == kSwaps);
  CHECK(went_back == 0);
  std::vector<const uint64_t*> columns;
  uint64_t encapsulated = 0;
  for (const auto& seat : seats) {
    CHECK(seat->wrong == 0);
    columns.push_back(seat->column.data());
    encapsulated += seat->context.counters.get(WorkerCounter::kEncapsulated);
    CHECK(seat->context.counters.get(WorkerCounter::kEncapsulated) ==
          seat->tunnels[kStatic].out_packets + seat->tunnels[kLearned].out_packets);
    CHECK(seat->context.counters.get(WorkerCounter::kDecapsulated) ==
          seat->tunnels[kLearned].in_packets);
  }
  CHECK(encapsulated > 0);
  CHECK(conservation(columns).imbalance() == 0);
  active.exchange(nullptr);
}

}  // namespace simplon::test
