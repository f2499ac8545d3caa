// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The parts of the table that need no snapshot. Also run under ThreadSanitizer.

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "dataplane/table/active_table.h"
#include "dataplane/table/address_rules.h"
#include "dataplane/table/crc32c.h"
#include "dataplane/table/generation_gate.h"
#include "dataplane/table/pool_index.h"
#include "tests/support/catch.h"

namespace simplon {
namespace {

PoolRecord pool(PoolKind kind, const char* prefix_text, unsigned unit_length, uint32_t first) {
  const Ipv6Prefix prefix = Ipv6Prefix::parse(prefix_text).value();
  PoolRecord record{};
  record.base = prefix.address.hi();
  record.mask = prefix_mask64(prefix.length);
  record.unit_count = 1u << ((unit_length - prefix.length) % 32);
  record.first = first;
  record.shift = static_cast<uint8_t>(64 - unit_length);
  record.kind = static_cast<uint32_t>(kind);
  if (kind == PoolKind::kDelegated) record.mapped_units = record.unit_count;
  return record;
}

uint64_t hi(const char* address) {
  return Ipv6Address::parse(address).value().hi();
}

TEST_CASE("crc32c gives the values of RFC 3720 appendix B.4") {
  unsigned char data[32] = {};
  CHECK(crc32c(data, 32) == 0x8a9136aa);
  std::memset(data, 0xff, 32);
  CHECK(crc32c(data, 32) == 0x62a8ab43);
  for (unsigned i = 0; i < 32; ++i) data[i] = static_cast<unsigned char>(i);
  CHECK(crc32c(data, 32) == 0x46dd794e);
  for (unsigned i = 0; i < 32; ++i) data[i] = static_cast<unsigned char>(31 - i);
  CHECK(crc32c(data, 32) == 0x113fdb5c);
  CHECK(crc32c("123456789", 9) == 0xe3069283);
  CHECK(crc32c(nullptr, 0) == 0);
}

TEST_CASE("crc32c is the same with and without the instruction, at every length and alignment") {
  unsigned char data[100];
  for (unsigned i = 0; i < sizeof(data); ++i) data[i] = static_cast<unsigned char>(i * 37 + 11);
  for (std::size_t at = 0; at < 8; ++at) {
    for (std::size_t size = 0; size <= 64; ++size) {
      CHECK(crc32c(data + at, size) == crc32c_portable(data + at, size));
    }
  }
}

TEST_CASE("crc32c goes on behind what was summed before") {
  for (std::size_t first = 0; first <= 9; ++first) {
    const char* const text = "123456789";
    CHECK(crc32c(text + first, 9 - first, crc32c(text, first)) == 0xe3069283);
    CHECK(crc32c_portable(text + first, 9 - first, crc32c_portable(text, first)) == 0xe3069283);
  }
}

TEST_CASE("crc32c of what is long enough for several streams is the same") {
  std::vector<unsigned char> data(100'000);
  uint32_t x = 1;
  for (unsigned char& byte : data) byte = static_cast<unsigned char>((x = x * 1664525 + 1) >> 24);
  for (const std::size_t size : {12'280, 12'287, 12'288, 12'289, 12'300, 24'576, 50'001, 99'990}) {
    CAPTURE(size);
    CHECK(crc32c(data.data() + 3, size) == crc32c_portable(data.data() + 3, size));
  }
}

TEST_CASE("an address finds its pool and unit by its bits") {
  const PoolRecord pools[] = {
      pool(PoolKind::kLink, "2001:db8:10::/49", 64, 0),
      pool(PoolKind::kRouted, "2001:db8:10:8000::/49", 64, 0),
      pool(PoolKind::kDelegated, "2001:db8:1000::/40", 56, 100),
  };
  PoolIndex index;
  index.build(pools, kMaxSlots);

  const PoolLookup link = index.lookup(hi("2001:db8:10:2ae::2"));
  CHECK(link.kind == PoolKind::kLink);
  CHECK(link.value == 0x2ae);

  const PoolLookup routed = index.lookup(hi("2001:db8:10:82ae:1:2:3:4"));
  CHECK(routed.kind == PoolKind::kRouted);
  CHECK(routed.value == 0x2ae);

  const PoolLookup delegated = index.lookup(hi("2001:db8:1001:2ff::1"));
  CHECK(delegated.kind == PoolKind::kDelegated);
  CHECK(delegated.value == 100 + 0x102);

  for (const char* outside :
       {"2001:db8:11::1", "2001:db8:f:ffff::1", "::", "ffff::1", "2001:db9::1"}) {
    CHECK_FALSE(index.lookup(hi(outside)).hit());
    CHECK(index.lookup(hi(outside)).value == kNoSlot);
  }
}

TEST_CASE("a unit behind the end of the slot table is in its pool but has no slot") {
  const PoolRecord pools[] = {pool(PoolKind::kLink, "2001:db8:10::/49", 64, 100),
                              pool(PoolKind::kRouted, "2001:db8:20::/49", 64, 5000)};
  PoolIndex index;
  index.build(pools, 1000);
  CHECK(index.lookup(hi("2001:db8:10:383::")).value == 999);
  const PoolLookup beyond = index.lookup(hi("2001:db8:10:384::"));
  CHECK(beyond.kind == PoolKind::kLink);
  CHECK(beyond.value == kNoSlot);
  // This pool begins behind the end.
  CHECK(index.lookup(hi("2001:db8:20::")).kind == PoolKind::kRouted);
  CHECK(index.lookup(hi("2001:db8:20::")).value == kNoSlot);
}

TEST_CASE("a unit of a delegated pool that is not mapped is found, but has no entry") {
  PoolRecord record = pool(PoolKind::kDelegated, "2001:db8:1000::/40", 56, 100);
  record.mapped_units = 3;
  PoolIndex index;
  index.build({&record, 1}, 1024);
  CHECK(index.lookup(hi("2001:db8:1000:200::")).value == 102);
  const PoolLookup beyond = index.lookup(hi("2001:db8:1000:300::"));
  CHECK(beyond.kind == PoolKind::kDelegated);
  CHECK(beyond.value == kNoSlot);
}

TEST_CASE("sixty-four pools are found and spread over the buckets") {
  std::vector<PoolRecord> pools;
  for (unsigned i = 0; i < 64; ++i) {
    PoolRecord record = pool(PoolKind::kDelegated, "2001:db8::/48", 56, i * 256);
    record.base |= uint64_t{i} * 7 << 16;
    pools.push_back(record);
  }
  PoolIndex index;
  index.build(pools, 0);
  for (unsigned i = 0; i < 64; ++i) {
    const PoolLookup found = index.lookup(pools[i].base | 0x0142);
    CHECK(found.kind == PoolKind::kDelegated);
    CHECK(found.value == i * 256 + 1);
  }
  CHECK_FALSE(index.lookup(pools[63].base + (uint64_t{7} << 16)).hit());
  CHECK(index.longest_scan() <= 2);
}

TEST_CASE("three families of pools that differ in different bits never share a bucket with all") {
  std::vector<PoolRecord> pools;
  for (unsigned i = 0; i < 16; ++i) {
    PoolRecord a = pool(PoolKind::kDelegated, "2001:db8::/32", 48, 0);
    a.base += uint64_t{i} << 32;
    PoolRecord b = pool(PoolKind::kDelegated, "2a00:1000:20::/48", 64, 0);
    b.base += uint64_t{i} << 18;
    PoolRecord c = pool(PoolKind::kDelegated, "fd00:0:0:100::/56", 60, 0);
    c.base += uint64_t{i} << 40;
    pools.insert(pools.end(), {a, b, c});
  }
  PoolIndex index;
  index.build(pools, 0);
  for (const PoolRecord& p : pools) CHECK(index.lookup(p.base | ~p.mask).hit());
  CHECK(index.longest_scan() <= 16);
}

TEST_CASE("addresses no host can have are told from usable ones") {
  for (const char* good : {"1.0.0.1", "10.0.0.1", "192.0.2.1", "223.255.255.255"}) {
    CHECK(is_usable_unicast(Ipv4Address::parse(good).value()));
  }
  for (const char* bad :
       {"0.0.0.0", "0.1.2.3", "127.0.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"}) {
    CHECK_FALSE(is_usable_unicast(Ipv4Address::parse(bad).value()));
  }
  for (const char* good : {"2001:db8::1", "fd00::1", "2a00::"}) {
    CHECK(is_usable_unicast(Ipv6Address::parse(good).value()));
  }
  for (const char* bad :
       {"::", "::1", "::ffff:1.2.3.4", "64::1", "fe80::1", "febf::1", "ff02::1"}) {
    CHECK_FALSE(is_usable_unicast(Ipv6Address::parse(bad).value()));
  }
  const auto is_edge = [](const char* text, unsigned length) {
    return is_broadcast_or_network(Ipv4Address::parse(text).value(), length);
  };
  CHECK(is_edge("192.0.2.0", 24));
  CHECK(is_edge("192.0.2.255", 24));
  CHECK_FALSE(is_edge("192.0.2.1", 24));
  CHECK_FALSE(is_edge("192.0.2.0", 31));
  CHECK_FALSE(is_edge("192.0.2.0", 32));
}

// ---- Grace periods.

struct Table {
  uint64_t generation;
  uint64_t check;
};

TEST_CASE("a retired table is never read after its grace period") {
  PlainGenerationGate gate;
  ActiveTable<Table> active;
  active.exchange(new Table{1, ~uint64_t{1}});
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> bad{0};
  std::vector<std::thread> workers;
  for (std::size_t w = 0; w < 3; ++w) {
    workers.emplace_back([&, w] {
      uint64_t loops = 0;
      gate.online(w);
      const Table* table = active.acquire_first();
      while (!stop.load(std::memory_order_relaxed)) {
        for (int k = 0; k < 32; ++k) {
          if (table->check != ~table->generation) bad.fetch_add(1);
        }
        gate.ack(w, table->generation);
        if (++loops % 64 == 0) {  // as an idle worker sleeps
          gate.offline(w);
          gate.online(w);
          table = active.acquire_first();
        } else {
          table = active.acquire();
        }
      }
      gate.offline(w);
    });
  }
  for (uint64_t g = 2; g < 300; ++g) {
    const Table* old = active.exchange(new Table{g, ~g});
    gate.begin(g);
    REQUIRE(gate.wait(std::chrono::seconds(30)));
    delete old;  // a sanitizer would object if a worker could still look
  }
  stop = true;
  for (std::thread& worker : workers) worker.join();
  delete active.acquire();
  CHECK(bad == 0);
}

TEST_CASE("a stalled worker makes the wait fail instead of hang") {
  PlainGenerationGate gate;
  gate.online(0);
  gate.begin(2);
  CHECK_FALSE(gate.wait(std::chrono::milliseconds(20)));
  gate.ack(0, 1);
  CHECK_FALSE(gate.settled());
  gate.ack(0, 2);
  CHECK(gate.settled());
  CHECK(gate.acknowledged(0) == 2);
  gate.offline(0);
  CHECK(gate.acknowledged(0) == GenerationGate::kOffline);
}

TEST_CASE("offline workers hold up nobody") {
  PlainGenerationGate gate;
  gate.begin(7);
  CHECK(gate.wait(std::chrono::nanoseconds(0)));
  gate.online(kMaxWorkers);  // the slow path's line
  CHECK_FALSE(gate.settled());
  gate.offline(kMaxWorkers);
  CHECK(gate.settled());
}

}  // namespace
}  // namespace simplon
