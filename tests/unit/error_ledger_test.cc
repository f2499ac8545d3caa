// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/state/error_ledger.h"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "dataplane/state/drop_reason.h"
#include "tests/support/catch.h"

namespace simplon {
namespace {

constexpr uint32_t kSets = 64;
constexpr uint64_t kStart = 1'700'000'000'000'000'000;
constexpr uint8_t kReason = static_cast<uint8_t>(DropReason::kNoRoute);
constexpr uint8_t kClock = static_cast<uint8_t>(DropReason::kBeatClockSkew);

// An outer IPv4 packet with UDP, as received.
std::vector<uint8_t> ipv4_udp(std::size_t size, uint8_t last_byte_of_source = 7) {
  std::vector<uint8_t> p(size);
  std::iota(p.begin(), p.end(), uint8_t{0});
  p[0] = 0x45;
  p[9] = 17;
  const uint8_t source[4] = {198, 51, 100, last_byte_of_source};
  std::copy_n(source, 4, &p[12]);
  p[20] = 0x12;
  p[21] = 0x34;
  return p;
}

struct Bed {
  std::vector<LedgerRecord> records{kSets * kLedgerWays};
  ErrorLedger ledger{std::span(records)};

  void book(uint32_t slot, std::span<const uint8_t> packet, uint64_t unix_ns,
            uint8_t reason = kReason, uint8_t incarnation = 1, int64_t detail = 0) {
    ledger.book({slot, incarnation, reason, detail, packet}, unix_ns);
  }
  std::vector<LedgerRecord> all() const {
    std::vector<LedgerRecord> found;
    LedgerRecord copy{};
    for (const LedgerRecord& r : records) {
      if (read_ledger_record(r, copy)) found.push_back(copy);
    }
    return found;
  }
  LedgerRecord only() const {
    const auto found = all();
    REQUIRE(found.size() == 1);
    return found[0];
  }
};

TEST_CASE("a booked packet is there with its source, its time and its first bytes") {
  Bed bed;
  const auto packet = ipv4_udp(300);
  bed.book(5, packet, kStart, kClock, 9, -4000);
  const LedgerRecord r = bed.only();
  CHECK(r.slot == 5);
  CHECK(r.reason == kClock);
  CHECK(r.incarnation == 9);
  CHECK(r.count == 1);
  CHECK(r.last_unix_ns == kStart);
  CHECK(r.detail == -4000);
  CHECK(r.original_length == 300);
  CHECK(r.captured == kLedgerBytes);
  CHECK(std::memcmp(r.bytes, packet.data(), kLedgerBytes) == 0);
  CHECK(Ipv6Address::from_bytes(r.source) ==
        Ipv6Address::from_ipv4(*Ipv4Address::parse("198.51.100.7")));
  CHECK(r.source_port == 0x1234);
}

TEST_CASE("of packets too short to have them there is no source and no port") {
  Bed bed;
  const auto whole = ipv4_udp(64);
  for (const std::size_t length : {0u, 1u, 19u, 20u, 27u, 28u}) {
    Bed fresh;
    fresh.book(1, std::span(whole).first(length), kStart);
    const LedgerRecord r = fresh.only();
    CHECK(r.captured == length);
    CHECK(Ipv6Address::from_bytes(r.source).is_unspecified() == (length < 20));
    CHECK(r.source_port == (length < 28 ? 0 : 0x1234));
  }
  std::vector<uint8_t> ipv6(48);
  ipv6[0] = 0x60;
  ipv6[6] = 17;
  ipv6[8] = 0x20;
  ipv6[40] = 1;
  bed.book(1, ipv6, kStart);
  CHECK(bed.only().source[0] == 0x20);
  CHECK(bed.only().source_port == 256);
}

TEST_CASE("counts are exact, samples are taken once in ten milliseconds") {
  Bed bed;
  const auto first = ipv4_udp(100, 1);
  const auto second = ipv4_udp(60, 2);
  for (uint64_t i = 0; i < 1000; ++i)
    bed.book(5, i == 0 ? first : second, kStart + i, kClock, 1, 7);
  LedgerRecord r = bed.only();
  CHECK(r.count == 1000);
  CHECK(r.source[15] == 1);
  CHECK(r.last_unix_ns == kStart);
  CHECK(r.detail == 7);
  bed.book(5, second, kStart + ErrorLedger::kSampleNs, kClock);
  r = bed.only();
  CHECK(r.count == 1001);
  CHECK(r.source[15] == 2);
  CHECK(r.last_unix_ns == kStart + ErrorLedger::kSampleNs);
  CHECK(r.captured == 60);
  // Nothing of the longer one is left behind it.
  CHECK(std::all_of(r.bytes + 60, std::end(r.bytes), [](uint8_t b) { return b == 0; }));
  // A clock set back does not stop samples.
  bed.book(5, first, kStart - 5'000'000'000, kClock);
  CHECK(bed.only().source[15] == 1);
}

TEST_CASE("only clock reasons have a detail") {
  Bed bed;
  bed.book(5, ipv4_udp(60), kStart, kReason, 1, 7);
  CHECK(bed.only().detail == 0);
}

TEST_CASE("slots, reasons and incarnations have records of their own") {
  Bed bed;
  const auto packet = ipv4_udp(60);
  for (uint32_t slot = 0; slot < 4; ++slot) {
    for (const uint8_t reason : {kReason, static_cast<uint8_t>(LedgerNote::kIcmpv4Echo)}) {
      for (const uint8_t incarnation : {uint8_t{1}, uint8_t{2}}) {
        bed.book(slot, packet, kStart, reason, incarnation);
        bed.book(slot, packet, kStart, reason, incarnation);
      }
    }
  }
  const auto found = bed.all();
  CHECK(found.size() == 16);
  CHECK(std::all_of(found.begin(), found.end(), [](const auto& r) { return r.count == 2; }));
}

TEST_CASE("where a set is full the record unused for longest makes room") {
  Bed bed;
  const auto packet = ipv4_udp(60);
  // Slots of one set.
  std::vector<uint32_t> slots;
  for (uint32_t slot = 0; slots.size() < kLedgerWays + 1; ++slot) {
    if (ledger_set(slot, kReason, kSets) == 5) slots.push_back(slot);
  }
  for (std::size_t i = 0; i < kLedgerWays; ++i) {
    bed.book(slots[i], packet, kStart + i * ErrorLedger::kSampleNs);
  }
  bed.book(slots[0], packet, kStart + 10 * ErrorLedger::kSampleNs);  // now the second is oldest
  bed.book(slots[kLedgerWays], packet, kStart + 11 * ErrorLedger::kSampleNs);
  const auto found = bed.all();
  CHECK(found.size() == kLedgerWays);
  const auto count_of = [&](uint32_t slot) {
    const auto r =
        std::find_if(found.begin(), found.end(), [&](const auto& f) { return f.slot == slot; });
    return r == found.end() ? 0 : r->count;
  };
  CHECK(count_of(slots[0]) == 2);
  CHECK(count_of(slots[1]) == 0);
  CHECK(count_of(slots[2]) == 1);
  CHECK(count_of(slots[kLedgerWays]) == 1);
}

TEST_CASE("a record that is being written is not read, and one a process died over is cleared") {
  Bed bed;
  bed.book(5, ipv4_udp(60), kStart);
  LedgerRecord& record =
      *std::find_if(bed.records.begin(), bed.records.end(), [](auto& r) { return r.count != 0; });
  CHECK_FALSE(repair_ledger_record(record));
  ++record.version;
  CHECK(bed.all().empty());
  CHECK(repair_ledger_record(record));
  CHECK((record.version & 1) == 0);
  CHECK(bed.all().empty());
  CHECK(record.bytes[0] == 0);
  bed.book(5, ipv4_udp(60), kStart);
  CHECK(bed.only().count == 1);
}

TEST_CASE("without memory a ledger books nothing") {
  ErrorLedger none;
  none.book({1, 1, kReason, 0, {}}, kStart);
}

}  // namespace
}  // namespace simplon
