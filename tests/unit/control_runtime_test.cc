// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What state a tunnel is in and why, what a lost dataplane is seeded with, and which segments are
// refused.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>
#include <limits>

#include "control/runtime/ledger_reader.h"
#include "control/runtime/runtime_reader.h"
#include "control/runtime/seed_file.h"
#include "control/runtime/state_rules.h"
#include "control/text/absl_text.h"
#include "dataplane/state/drop_reason.h"
#include "dataplane/state/ledger_segment.h"
#include "dataplane/state/runtime_segment.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

namespace simplon::control {
namespace {

using testing::ContainsSubstring;
using testing::TemporaryDirectory;

constexpr int64_t kNow = 1'800'000'000;
constexpr uint32_t kBoot = 100'000;

Ipv6Address outer(const char* text) {
  const auto v4 = Ipv4Address::parse(text);
  return v4 ? Ipv6Address::from_ipv4(*v4) : *Ipv6Address::parse(text);
}

// A heartbeat tunnel heard of `ago` seconds before kNow.
StateFacts heard(uint32_t ago) {
  StateFacts facts;
  facts.type = v1::Tunnel::HEARTBEAT;
  facts.now_unix = kNow;
  facts.now_boot = kBoot;
  facts.learned.endpoint.address = outer("203.0.113.7");
  facts.learned.highest_epoch = uint32_t(kNow - ago);
  facts.learned.last_seen_s = kBoot - ago;
  return facts;
}

StateFacts up(uint32_t since) {
  StateFacts facts = heard(5);
  facts.learned.endpoint.up = true;
  facts.learned.endpoint.verified = true;
  facts.note.up = true;
  facts.note.change_unix_ns = (kNow - since) * 1'000'000'000;
  facts.note.up_in_packets = 10;
  facts.in_packets = 12;
  return facts;
}

TunnelFault fault(DropReason reason, uint32_t ago, int64_t detail = 0) {
  TunnelFault fault;
  fault.reason = uint8_t(reason);
  fault.count = 3;
  fault.last_unix_ns = uint64_t(kNow - ago) * 1'000'000'000;
  fault.detail = detail;
  fault.source = outer("198.51.100.99");
  return fault;
}

void check(const StateFacts& facts, bool up, v1::TunnelState::ReasonCode code,
           const std::string& reason) {
  const StateVerdict verdict = judge_state(facts);
  INFO(verdict.reason);
  CHECK(verdict.up == up);
  CHECK(verdict.code == code);
  if (reason.empty()) {
    CHECK(verdict.reason.empty());
  } else {
    CHECK_THAT(verdict.reason, ContainsSubstring(reason));
  }
}

TEST_CASE("every state has its reason") {
  check(up(30), true, v1::TunnelState::ALIVE, "");
  check(heard(312), false, v1::TunnelState::TIMED_OUT, "last beat 312 s ago");

  StateFacts facts = up(30);
  facts.learned.endpoint.verified = false;
  check(facts, true, v1::TunnelState::UNVERIFIED, "has not answered yet");

  facts = up(30);
  facts.enabled = false;
  check(facts, false, v1::TunnelState::ADMIN_DISABLED, "disabled");
  facts.enabled = true;
  facts.connected = false;
  check(facts, false, v1::TunnelState::NO_DATAPLANE, "no dataplane is connected");

  facts = {};
  facts.type = v1::Tunnel::GRE;
  check(facts, true, v1::TunnelState::STATIC, "");
  facts.type = v1::Tunnel::AYIYA;
  check(facts, false, v1::TunnelState::NEVER_SEEN, "no beat yet");
  facts.learned.highest_epoch = 5;
  check(facts, false, v1::TunnelState::TAKEN_DOWN, "taken down by the operator");
}

TEST_CASE("a tunnel that is up without data for a minute probably has its path blocked") {
  StateFacts facts = up(61);
  facts.in_packets = facts.note.up_in_packets;
  check(facts, true, v1::TunnelState::NO_DATA,
        "no data seen: proto-41 probably blocked, try AYIYA");
  facts.learned.endpoint.verified = false;
  check(facts, true, v1::TunnelState::NO_DATA, "no data seen");
  facts.learned.endpoint.verified = true;
  facts.note.change_unix_ns = (kNow - 60) * 1'000'000'000;
  check(facts, true, v1::TunnelState::ALIVE, "");
  facts = up(61);
  facts.in_packets = facts.note.up_in_packets;
  facts.learned.endpoint.transport = Transport::kAyiya;
  check(facts, true, v1::TunnelState::ALIVE, "");
}

TEST_CASE("what was refused after the last good beat is why the tunnel is down") {
  StateFacts facts = heard(400);
  std::vector<TunnelFault> faults = {fault(DropReason::kBeatClockSkew, 3, 4000)};
  facts.faults = faults;
  check(facts, false, v1::TunnelState::CLIENT_CLOCK, "clock of client off by 4000 s (ahead of");
  faults[0].detail = -301;
  check(facts, false, v1::TunnelState::CLIENT_CLOCK, "clock of client off by 301 s (behind");
  faults[0] = fault(DropReason::kAyiyaBadSignature, 7);
  check(facts, false, v1::TunnelState::BAD_PASSWORD,
        "other password: last beat with it 7 s ago from 198.51.100.99");
  faults[0] = fault(DropReason::kBeatReplayed, 7);
  check(facts, false, v1::TunnelState::REFUSED, "not newer than what was accepted before");
  faults[0] = fault(DropReason::kEndpointInvalid, 7);
  check(facts, false, v1::TunnelState::REFUSED, "address no client can have");

  // Older than the last good one, or nothing to do with beats.
  faults[0] = fault(DropReason::kBeatClockSkew, 401, 4000);
  check(facts, false, v1::TunnelState::TIMED_OUT, "last beat 400 s ago");
  faults[0] = fault(DropReason::kOuterSourceMismatch, 3);
  check(facts, false, v1::TunnelState::TIMED_OUT, "last beat 400 s ago");
  faults.insert(faults.begin(), fault(DropReason::kPacketTooBig, 1));
  faults.push_back(fault(DropReason::kBeatBadDigest, 4));
  facts.faults = faults;
  check(facts, false, v1::TunnelState::BAD_PASSWORD, "other password");
}

TEST_CASE("a sign of life of before the boot is as old as it is") {
  StateFacts facts = heard(312);
  facts.now_boot = 12;
  facts.learned.last_seen_s = uint32_t(12 - 312);
  CHECK(last_seen_unix(facts) == kNow - 312);
  check(facts, false, v1::TunnelState::TIMED_OUT, "last beat 312 s ago");
}

TEST_CASE("the outer headers of an endpoint are known") {
  Endpoint endpoint;
  endpoint.address = outer("203.0.113.7");
  CHECK(overhead_of(endpoint) == 20);
  endpoint.transport = Transport::kAyiya;
  CHECK(overhead_of(endpoint) == 72);
  endpoint.address = outer("2001:db8::7");
  CHECK(overhead_of(endpoint) == 92);
  endpoint.transport = Transport::kProto41;
  CHECK(overhead_of(endpoint) == 40);
}

// ---- Seeding.

LearnedRow row() {
  LearnedRow row;
  row.slot = 5;
  row.tunnel_id = 50;
  row.incarnation = 3;
  row.transport = 1;
  row.flags = kLearnedUp | kLearnedVerified;
  row.port = 4321;
  std::memcpy(row.address, outer("203.0.113.7").bytes.data(), 16);
  std::memcpy(row.local_address, outer("192.0.2.1").bytes.data(), 16);
  row.highest_epoch = 1000;
  row.last_seen_unix = kNow - 50;
  row.written_unix = kNow - 40;
  return row;
}

TEST_CASE("a seeded epoch covers what the journal may have missed, and no more") {
  // Written long ago: anything within one round of the journal may have been accepted since.
  CHECK(make_seed_record(row(), kNow, 3)->highest_epoch == 1003);
  // Written a moment ago: nothing newer than that moment can have been.
  LearnedRow fresh = row();
  fresh.written_unix = kNow - 1;
  CHECK(make_seed_record(fresh, kNow, 62)->highest_epoch == 1001);
  // A clock that went back lowers nothing.
  fresh.written_unix = kNow + 100;
  CHECK(make_seed_record(fresh, kNow, 62)->highest_epoch == 1000);
  fresh.highest_epoch = std::numeric_limits<uint32_t>::max();
  fresh.written_unix = kNow - 1;
  CHECK(make_seed_record(fresh, kNow, 62)->highest_epoch == 1);
  fresh.highest_epoch = 0;
  CHECK(make_seed_record(fresh, kNow, 62)->highest_epoch == 0);
}

TEST_CASE("a seed says all the journal knows") {
  const auto record = make_seed_record(row(), kNow, 3);
  REQUIRE(record);
  CHECK(record->slot == 5);
  CHECK(record->incarnation == 3);
  CHECK(record->transport == 1);
  CHECK(record->port == 4321);
  CHECK(record->verified == 1);
  CHECK(record->previous_secret == 0);
  CHECK(record->last_seen_ago_s == 50);
  CHECK(std::memcmp(record->address, row().address, 16) == 0);
  CHECK(std::memcmp(record->local_address, row().local_address, 16) == 0);

  LearnedRow unknown = row();
  std::memset(unknown.local_address, 0, 16);
  CHECK(make_seed_record(unknown, kNow, 3)->address[15] == 0);
  unknown.highest_epoch = 0;
  CHECK_FALSE(make_seed_record(unknown, kNow, 3));
}

// ---- Segments.

UniqueFd read_only(const std::string& path) {
  return UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
}

// Overwrites `size` bytes of a file.
void poke(const std::string& path, off_t at, const void* bytes, std::size_t size) {
  const UniqueFd fd(open(path.c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(pwrite(fd.get(), bytes, size, at) == ssize_t(size));
}

TEST_CASE("the runtime segment is read as the dataplane wrote it, or refused") {
  const TemporaryDirectory directory;
  std::string error;
  const std::string path = directory.file("runtime");
  {
    auto segment = RuntimeSegment::open(directory.path(), 64, BootTime::read(), error);
    INFO(error);
    REQUIRE(segment);
    Endpoint from;
    from.address = outer("2001:db8::99");
    from.port = 4000;
    from.transport = Transport::kAyiya;
    from.local_index = 2;
    RuntimeTable table = segment->table();
    REQUIRE(table.learn(7, 5, from, 1000, 77) == simplon::Learned::kUp);
    auto reader = RuntimeReader::map(read_only(path));
    INFO(to_string(reader.status().message()));
    REQUIRE(reader.ok());
    CHECK((*reader)->instance_id() == segment->instance_id());
    CHECK((*reader)->slot_capacity() == 64);
    const auto learned = (*reader)->learned(7, 5);
    CHECK(learned.endpoint.address == from.address);
    CHECK(learned.endpoint.port == 4000);
    CHECK(learned.endpoint.local_index == 2);
    CHECK(learned.endpoint.up);
    CHECK(learned.highest_epoch == 1000);
    CHECK(learned.last_seen_s == 77);
    CHECK_FALSE((*reader)->learned(7, 6).endpoint.known());
    CHECK_FALSE((*reader)->learned(64, 0).endpoint.known());
    CHECK((*reader)->word(64) == 0);
  }
  const auto refused = [&](off_t at, uint64_t value, std::size_t size, const char* why) {
    const UniqueFd fd = read_only(path);
    uint64_t before = 0;
    REQUIRE(pread(fd.get(), &before, size, at) == ssize_t(size));
    poke(path, at, &value, size);
    const auto reader = RuntimeReader::map(read_only(path));
    poke(path, at, &before, size);
    INFO(why);
    REQUIRE_FALSE(reader.ok());
    CHECK_THAT(to_string(reader.status().message()),
               ContainsSubstring("runtime segment") && ContainsSubstring(why));
  };
  refused(offsetof(RuntimeHeader, magic), 0, 8, "magic");
  refused(offsetof(RuntimeHeader, abi_major), 99, 2, "ABI");
  refused(offsetof(RuntimeHeader, total_size), uint64_t{1} << 40, 8, "shorter than it says");
  refused(offsetof(RuntimeHeader, slot_capacity), kMaxSlots + 1, 4, "too many slots");
  refused(offsetof(RuntimeHeader, slot_capacity), kMaxSlots, 4, "shorter than its tables");
  refused(offsetof(RuntimeHeader, event_ring_size), 3, 4, "odd size");
  refused(offsetof(RuntimeHeader, records_offset), ~uint64_t{63}, 8, "shorter than its tables");
  refused(offsetof(RuntimeHeader, ready), 0, 4, "not ready");
  CHECK(RuntimeReader::map(read_only(path)).ok());
  REQUIRE(truncate(path.c_str(), 10) == 0);
  CHECK_THAT(to_string(RuntimeReader::map(read_only(path)).status().message()),
             ContainsSubstring("shorter than its header"));
}

TEST_CASE(
    "the ledger's columns are added up, the newest sample wins, other incarnations stay out") {
  const TemporaryDirectory directory;
  std::string error;
  auto segment = LedgerSegment::open(directory.path(), 1, error);
  INFO(error);
  REQUIRE(segment);
  const uint8_t old_packet[] = {1, 2, 3};
  const uint8_t new_packet[] = {4, 5};
  const auto reason = uint8_t(DropReason::kBeatClockSkew);
  segment->ledger(0).book({9, 1, reason, 5, old_packet}, 1'000'000'000);
  segment->ledger(1).book({9, 1, reason, 7, new_packet}, 2'000'000'000);
  segment->ledger(1).book({9, 1, reason, 7, new_packet}, 3'000'000'000);
  segment->ledger(0).book({9, 2, reason, 9, old_packet}, 9'000'000'000);
  segment->ledger(0).book({8, 1, reason, 9, old_packet}, 9'000'000'000);
  segment->ledger(0).book({9, 1, uint8_t(LedgerNote::kIcmpv4Error), 0, old_packet}, 4'000'000'000);

  const auto reader = LedgerReader::map(read_only(directory.file("ledger")));
  INFO(to_string(reader.status().message()));
  REQUIRE(reader.ok());
  const auto faults = (*reader)->faults(9, 1);
  REQUIRE(faults.size() == 2);
  CHECK(name_of_fault(faults[0].reason).name == "icmpv4-error-received");
  CHECK(name_of_fault(faults[0].reason).category == "event");
  CHECK(faults[1].reason == reason);
  CHECK(faults[1].count == 3);
  CHECK(faults[1].detail == 7);
  CHECK(faults[1].last_unix_ns == 3'000'000'000);
  CHECK(faults[1].packet == std::string("\x04\x05"));
  CHECK((*reader)->faults(10, 1).empty());
  int records = 0;
  (*reader)->visit([&](const LedgerRecord&) { ++records; });
  CHECK(records == 5);

  const uint32_t hash = 0;
  poke(directory.file("ledger"), offsetof(LedgerHeader, counter_list_hash), &hash, sizeof hash);
  CHECK_THAT(to_string(LedgerReader::map(read_only(directory.file("ledger"))).status().message()),
             ContainsSubstring("ledger segment: names other reasons"));
}

}  // namespace
}  // namespace simplon::control
