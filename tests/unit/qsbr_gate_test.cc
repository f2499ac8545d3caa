// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What every GenerationGate promises, asked of DPDK's RCU and of the plain one alike. Without EAL:
// the RCU is plain memory.

#include "dataplane/worker/qsbr_gate.h"

#include <thread>

#include "dataplane/table/active_table.h"
#include "tests/support/catch.h"

namespace simplon {
namespace {

// Made for a number of readers.
template <typename Gate>
struct Made {
  std::unique_ptr<Gate> gate = std::make_unique<Gate>();
  explicit Made(std::size_t) {}
};
template <>
struct Made<QsbrGate> {
  std::unique_ptr<QsbrGate> gate;
  explicit Made(std::size_t readers) : gate(std::make_unique<QsbrGate>(readers)) {}
};

struct Table {
  uint64_t generation;
  uint64_t check;
};

TEMPLATE_TEST_CASE("offline readers hold up nobody, online ones until they were here", "", QsbrGate,
                   PlainGenerationGate) {
  const Made<TestType> made(3);
  TestType& gate = *made.gate;
  CHECK(gate.acknowledged(0) == GenerationGate::kOffline);
  gate.begin(7);
  CHECK(gate.wait(std::chrono::nanoseconds(0)));
  gate.online(2);
  gate.begin(8);
  CHECK_FALSE(gate.settled());
  gate.offline(2);
  CHECK(gate.settled());
  CHECK(gate.acknowledged(2) == GenerationGate::kOffline);
}

TEMPLATE_TEST_CASE("a stalled reader makes the wait fail instead of hang", "", QsbrGate,
                   PlainGenerationGate) {
  const Made<TestType> made(2);
  TestType& gate = *made.gate;
  gate.online(0);
  gate.online(1);
  gate.begin(2);
  CHECK_FALSE(gate.wait(std::chrono::milliseconds(20)));
  gate.ack(0, 2);
  CHECK_FALSE(gate.settled());
  gate.ack(1, 2);
  CHECK(gate.settled());
  CHECK(gate.acknowledged(0) == 2);
}

TEMPLATE_TEST_CASE("a retired table is never read after its grace period", "", QsbrGate,
                   PlainGenerationGate) {
  const Made<TestType> made(3);
  TestType& gate = *made.gate;
  ActiveTable<Table> active;
  active.exchange(new Table{1, ~uint64_t{1}});
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> bad{0};
  std::vector<std::thread> readers;
  for (std::size_t r = 0; r < 3; ++r) {
    readers.emplace_back([&, r] {
      uint64_t loops = 0;
      gate.online(r);
      const Table* table = active.acquire_first();
      while (!stop.load(std::memory_order_relaxed)) {
        for (int k = 0; k < 32; ++k) {
          if (table->check != ~table->generation) bad.fetch_add(1);
        }
        gate.ack(r, table->generation);
        if (++loops % 64 == 0) {
          gate.offline(r);
          std::this_thread::yield();
          gate.online(r);
          table = active.acquire_first();
        } else {
          table = active.acquire();
        }
      }
      gate.offline(r);
    });
  }
  for (uint64_t g = 2; g < 300; ++g) {
    Table* old = const_cast<Table*>(active.exchange(new Table{g, ~g}));
    gate.begin(g);
    REQUIRE(gate.wait(std::chrono::seconds(30)));
    old->check = 0;  // whoever still looks sees it, also without a sanitizer
    delete old;
  }
  stop = true;
  for (std::thread& reader : readers) reader.join();
  delete active.acquire();
  CHECK(bad == 0);
}

}  // namespace
}  // namespace simplon
