// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/state/neighbor_table.h"

#include <atomic>
#include <memory>
#include <thread>

#include "tests/support/catch.h"

namespace simplon {
namespace {

Ipv6Address host(uint64_t n) {
  return Ipv6Address::from_halves(0x20010db800000000, n);
}
MacAddress mac(uint8_t n) {
  return {2, n, n, n, n, n};
}

TEST_CASE("a neighbour is found by interface and address") {
  const auto table = std::make_unique<NeighborTable>();
  MacAddress got;
  CHECK_FALSE(table->lookup(0, host(1), got));
  REQUIRE(table->set(0, host(1), mac(7)));
  REQUIRE(table->lookup(0, host(1), got));
  CHECK(got == mac(7));
  CHECK_FALSE(table->lookup(1, host(1), got));
  REQUIRE(table->set(0, host(1), mac(8)));
  REQUIRE(table->lookup(0, host(1), got));
  CHECK(got == mac(8));
}

TEST_CASE("a full table refuses one more and takes it once another is removed") {
  const auto table = std::make_unique<NeighborTable>();
  for (uint64_t n = 0; n < NeighborTable::kMaxEntries; ++n) REQUIRE(table->set(0, host(n), mac(1)));
  CHECK_FALSE(table->set(0, host(9999), mac(1)));
  table->remove(0, host(5));
  MacAddress got;
  CHECK_FALSE(table->lookup(0, host(5), got));
  CHECK(table->set(0, host(9999), mac(2)));
  CHECK(table->lookup(0, host(9999), got));
  // Removal must not cut off entries that were placed behind the removed one.
  for (uint64_t n = 0; n < NeighborTable::kMaxEntries; ++n) {
    if (n != 5) CHECK(table->lookup(0, host(n), got));
  }
}

TEST_CASE("a reader never sees the MAC of another neighbour while entries change hands") {
  const auto table = std::make_unique<NeighborTable>();
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> wrong{0};
  std::thread reader([&] {
    while (!stop.load(std::memory_order_relaxed)) {
      for (uint8_t n = 1; n < 100; ++n) {
        MacAddress got;
        if (table->lookup(0, host(n), got) && got != mac(n)) wrong.fetch_add(1);
      }
    }
  });
  for (int round = 0; round < 2000; ++round) {
    for (uint8_t n = 1; n < 100; ++n) table->set(0, host(n), mac(n));
    for (uint8_t n = 1; n < 100; ++n) table->remove(0, host(n));
  }
  stop = true;
  reader.join();
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace simplon
