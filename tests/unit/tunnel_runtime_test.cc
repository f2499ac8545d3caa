// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The rule by which endpoints move (docs/protocols.md §10.4), row by row, and what else may change
// a record. Races are in tests/race.

#include "dataplane/state/tunnel_runtime.h"

#include <array>
#include <string_view>

#include "tests/support/catch.h"

namespace simplon {
namespace {

constexpr uint32_t kSlot = 3;
constexpr uint8_t kIncarnation = 5;
constexpr uint32_t kNow = 10'000;  // CLOCK_BOOTTIME
constexpr uint32_t kEpoch = 1'700'000'000;

Endpoint at(std::string_view address, uint16_t port = 0, Transport transport = Transport::kProto41,
            uint8_t local = 0) {
  Endpoint e;
  e.address = address.find(':') == std::string_view::npos
                  ? Ipv6Address::from_ipv4(*Ipv4Address::parse(address))
                  : *Ipv6Address::parse(address);
  e.port = port;
  e.transport = transport;
  e.local_index = local;
  return e;
}
Endpoint ayiya(std::string_view address, uint16_t port) {
  return at(address, port, Transport::kAyiya);
}

struct Bed {
  std::array<TunnelRuntime, 8> records{};
  RuntimeTable table{std::span(records)};

  Learned learn(const Endpoint& from, uint32_t epoch, uint32_t now = kNow) {
    return table.learn(kSlot, kIncarnation, from, epoch, now);
  }
  Endpoint endpoint() const { return table.load(kSlot, kIncarnation); }
  uint32_t epoch() const { return table.highest_epoch(kSlot, kIncarnation); }
  uint32_t seen() const { return table.last_seen_s(kSlot, kIncarnation); }
};

TEST_CASE("of a tunnel nothing was learned about nothing is known") {
  const Bed bed;
  CHECK_FALSE(bed.endpoint().known());
  CHECK_FALSE(bed.endpoint().up);
  CHECK(bed.epoch() == 0);
  CHECK(bed.seen() == 0);
}

TEST_CASE("the first valid packet brings a tunnel up, unverified") {
  Bed bed;
  CHECK(bed.learn(at("198.51.100.7"), kEpoch) == Learned::kUp);
  const Endpoint e = bed.endpoint();
  CHECK(e.known());
  CHECK(e.up);
  CHECK_FALSE(e.verified);
  CHECK(e.same_place(at("198.51.100.7")));
  CHECK(bed.epoch() == kEpoch);
  CHECK(bed.seen() == kNow);
}

TEST_CASE("every part of an endpoint is kept") {
  const auto place =
      GENERATE(at("198.51.100.7"), at("255.255.255.254", 65535, Transport::kAyiya, 15),
               at("0.0.0.1", 1, Transport::kAyiya, 7), at("2001:db8::1", 0),
               at("2001:db8:ffff::1", 65535, Transport::kAyiya, 15),
               at("::1:0:0:0", 1, Transport::kAyiya, 1));
  const auto secret = GENERATE(false, true);
  const auto incarnation = GENERATE(uint8_t{0}, uint8_t{1}, uint8_t{127});
  Bed bed;
  Endpoint from = place;
  from.previous_secret = secret;
  REQUIRE(bed.table.learn(kSlot, incarnation, from, kEpoch, kNow) == Learned::kUp);
  const Endpoint e = bed.table.load(kSlot, incarnation);
  CHECK(e.same_place(place));
  CHECK(e.previous_secret == secret);
  CHECK(e.up);
  // And of no other slot.
  for (const uint32_t other : {kSlot - 1, kSlot + 1}) {
    CHECK_FALSE(bed.table.load(other, incarnation).known());
  }
}

TEST_CASE("from the current place any epoch is accepted, and the newest is kept") {
  const auto place = GENERATE(at("198.51.100.7"), ayiya("198.51.100.7", 4711), at("2001:db8::7"),
                              ayiya("2001:db8::7", 4711));
  Bed bed;
  REQUIRE(bed.learn(place, kEpoch) == Learned::kUp);
  REQUIRE(bed.table.verify(kSlot, kIncarnation, place));
  CHECK(bed.learn(place, kEpoch, kNow + 1) == Learned::kSame);
  CHECK(bed.epoch() == kEpoch);
  CHECK(bed.learn(place, kEpoch + 60, kNow + 2) == Learned::kSame);
  CHECK(bed.epoch() == kEpoch + 60);
  // The client's clock steps back.
  CHECK(bed.learn(place, kEpoch - 100, kNow + 3) == Learned::kSame);
  CHECK(bed.epoch() == kEpoch + 60);
  CHECK(bed.seen() == kNow + 3);
  CHECK(bed.endpoint().verified);
  CHECK(bed.endpoint().same_place(place));
}

TEST_CASE("from another place a newer epoch moves the endpoint, which is then unverified") {
  const auto first = GENERATE(at("198.51.100.7"), ayiya("198.51.100.7", 1), at("2001:db8::7"));
  const auto second =
      GENERATE(at("198.51.100.8"), ayiya("198.51.100.7", 2), at("2001:db8::8"),
               ayiya("2001:db8::7", 1), at("198.51.100.7", 0, Transport::kProto41, 1));
  Bed bed;
  REQUIRE(bed.learn(first, kEpoch) == Learned::kUp);
  REQUIRE(bed.table.verify(kSlot, kIncarnation, first));
  CHECK(bed.learn(second, kEpoch + 1, kNow + 1) == Learned::kMoved);
  CHECK(bed.endpoint().same_place(second));
  CHECK(bed.endpoint().up);
  CHECK_FALSE(bed.endpoint().verified);
  CHECK(bed.epoch() == kEpoch + 1);
  CHECK(bed.seen() == kNow + 1);
}

TEST_CASE("from another place an epoch that is not newer is a replay and changes nothing") {
  const auto first = GENERATE(at("198.51.100.7"), ayiya("198.51.100.7", 1), at("2001:db8::7"));
  // Another address, another port, another transport, another address of the PoP.
  const auto second = GENERATE(at("198.51.100.8"), ayiya("198.51.100.7", 2), at("2001:db8::8"),
                               at("198.51.100.7", 0, Transport::kProto41, 1),
                               at("2001:db8::7", 0, Transport::kProto41, 1));
  const auto epoch = GENERATE(kEpoch - 0, kEpoch - 1, kEpoch - 240);
  Bed bed;
  REQUIRE(bed.learn(first, kEpoch) == Learned::kUp);
  REQUIRE(bed.table.verify(kSlot, kIncarnation, first));
  const TunnelRuntime before = bed.records[kSlot];
  CHECK(bed.learn(second, epoch, kNow + 1) == Learned::kReplayed);
  CHECK(std::memcmp(&before, &bed.records[kSlot], sizeof before) == 0);
}

TEST_CASE("a tunnel that is down keeps its endpoint and its epoch against replays") {
  Bed bed;
  REQUIRE(bed.learn(at("198.51.100.7"), kEpoch) == Learned::kUp);
  REQUIRE(bed.table.verify(kSlot, kIncarnation, at("198.51.100.7")));
  REQUIRE(bed.table.expire(kSlot, kIncarnation, kNow + 181, 180));
  CHECK_FALSE(bed.endpoint().up);
  CHECK(bed.endpoint().known());
  CHECK(bed.learn(at("198.51.100.8"), kEpoch, kNow + 200) == Learned::kReplayed);
  CHECK_FALSE(bed.endpoint().up);
  SECTION("it comes up again where it was, unverified") {
    CHECK(bed.learn(at("198.51.100.7"), kEpoch, kNow + 201) == Learned::kUp);
    CHECK(bed.endpoint().up);
    CHECK_FALSE(bed.endpoint().verified);
  }
  SECTION("or elsewhere with a newer epoch") {
    CHECK(bed.learn(at("198.51.100.8"), kEpoch + 1, kNow + 201) == Learned::kUp);
    CHECK(bed.endpoint().same_place(at("198.51.100.8")));
  }
}

TEST_CASE("epochs compare as signed differences, over 2^31 and over 2^32") {
  const auto epoch = GENERATE(0x7fff'fff0u, 0xffff'fff0u);
  Bed bed;
  REQUIRE(bed.learn(at("198.51.100.7"), epoch) == Learned::kUp);
  CHECK(bed.learn(at("198.51.100.8"), epoch + 0x20, kNow) == Learned::kMoved);
  CHECK(bed.epoch() == epoch + 0x20);
  CHECK(bed.learn(at("198.51.100.7"), epoch + 0x10, kNow) == Learned::kReplayed);
  CHECK(bed.learn(at("198.51.100.7"), epoch - 1, kNow) == Learned::kReplayed);
  CHECK(bed.endpoint().same_place(at("198.51.100.8")));
}

TEST_CASE("epoch 0 is an epoch like any other, not the sign that there is none") {
  Bed bed;
  REQUIRE(bed.learn(at("198.51.100.7"), 0xffff'ffff) == Learned::kUp);
  REQUIRE(bed.learn(at("198.51.100.8"), 0) == Learned::kMoved);
  CHECK(bed.epoch() != 0);
  CHECK(bed.learn(at("198.51.100.9"), 0) == Learned::kReplayed);
  CHECK(bed.learn(at("198.51.100.9"), 0xffff'ffff) == Learned::kReplayed);
}

TEST_CASE("a later epoch verifies what AYIYA moved, a later beat does not") {
  Bed bed;
  SECTION("AYIYA") {
    REQUIRE(bed.learn(ayiya("198.51.100.7", 1), kEpoch) == Learned::kUp);
    CHECK(bed.learn(ayiya("198.51.100.7", 1), kEpoch) == Learned::kSame);
    CHECK_FALSE(bed.endpoint().verified);
    CHECK(bed.learn(ayiya("198.51.100.7", 1), kEpoch + 1) == Learned::kVerified);
    CHECK(bed.endpoint().verified);
    CHECK(bed.learn(ayiya("198.51.100.7", 1), kEpoch + 2) == Learned::kSame);
  }
  SECTION("beats") {
    REQUIRE(bed.learn(at("198.51.100.7"), kEpoch) == Learned::kUp);
    CHECK(bed.learn(at("198.51.100.7"), kEpoch + 60) == Learned::kSame);
    CHECK_FALSE(bed.endpoint().verified);
  }
}

TEST_CASE("the password a client signs with changes with a newer epoch only") {
  Bed bed;
  Endpoint current = ayiya("198.51.100.7", 1);
  Endpoint previous = current;
  previous.previous_secret = true;
  REQUIRE(bed.learn(previous, kEpoch) == Learned::kUp);
  CHECK(bed.endpoint().previous_secret);
  REQUIRE(bed.learn(current, kEpoch + 1) == Learned::kVerified);
  CHECK_FALSE(bed.endpoint().previous_secret);
  // What was captured before the client changed it, from its own address.
  CHECK(bed.learn(previous, kEpoch) == Learned::kSame);
  CHECK_FALSE(bed.endpoint().previous_secret);
}

TEST_CASE("only the place a probe was sent to is verified") {
  Bed bed;
  REQUIRE(bed.learn(at("198.51.100.7"), kEpoch) == Learned::kUp);
  CHECK_FALSE(bed.table.verify(kSlot, kIncarnation, at("198.51.100.8")));
  CHECK_FALSE(bed.table.verify(kSlot, kIncarnation + 1, at("198.51.100.7")));
  CHECK_FALSE(bed.endpoint().verified);
  CHECK(bed.table.verify(kSlot, kIncarnation, at("198.51.100.7")));
  CHECK(bed.endpoint().verified);
  CHECK_FALSE(bed.table.verify(kSlot, kIncarnation, at("198.51.100.7")));  // it is already
  REQUIRE(bed.table.expire(kSlot, kIncarnation, kNow + 1000, 180));
  CHECK_FALSE(bed.table.verify(kSlot, kIncarnation, at("198.51.100.7")));  // down
}

TEST_CASE("a tunnel goes down when the timeout has passed, to the second") {
  const auto now = GENERATE(10'000u, 1u, 0xffff'ff00u);
  Bed bed;
  REQUIRE(bed.learn(at("2001:db8::7"), kEpoch, now) == Learned::kUp);
  CHECK_FALSE(bed.table.expire(kSlot, kIncarnation, now - 1, 180));  // a worker was ahead
  CHECK_FALSE(bed.table.expire(kSlot, kIncarnation, now + 179, 180));
  CHECK_FALSE(bed.table.expire(kSlot, kIncarnation, now + 180, 180));
  CHECK_FALSE(bed.table.expire(kSlot, kIncarnation + 1, now + 181, 180));
  CHECK(bed.endpoint().up);
  CHECK(bed.table.expire(kSlot, kIncarnation, now + 181, 180));
  CHECK_FALSE(bed.endpoint().up);
  CHECK_FALSE(bed.table.expire(kSlot, kIncarnation, now + 182, 180));
  CHECK(bed.endpoint().same_place(at("2001:db8::7")));
}

TEST_CASE("another incarnation knows nothing of the one before") {
  const auto place = GENERATE(at("198.51.100.7"), at("2001:db8::7"));
  Bed bed;
  REQUIRE(bed.learn(place, kEpoch) == Learned::kUp);
  for (const uint8_t other : {uint8_t{kIncarnation + 1}, uint8_t{0}, uint8_t{127}}) {
    CHECK_FALSE(bed.table.load(kSlot, other).known());
    CHECK(bed.table.highest_epoch(kSlot, other) == 0);
    CHECK(bed.table.last_seen_s(kSlot, other) == 0);
  }
  constexpr uint8_t kNext = kIncarnation + 1;
  SECTION("an older epoch brings it up from anywhere") {
    CHECK(bed.table.learn(kSlot, kNext, at("203.0.113.1"), kEpoch - 100, kNow + 5) == Learned::kUp);
    CHECK(bed.table.load(kSlot, kNext).same_place(at("203.0.113.1")));
    CHECK(bed.table.highest_epoch(kSlot, kNext) == kEpoch - 100);
    CHECK_FALSE(bed.endpoint().known());
    CHECK(bed.epoch() == 0);
  }
  SECTION("the operator's commands begin it, too") {
    CHECK(bed.table.forget(kSlot, kNext));
    CHECK(bed.table.highest_epoch(kSlot, kNext) == 0);
    CHECK_FALSE(bed.endpoint().known());
  }
}

TEST_CASE("forgetting an endpoint keeps the epoch, clearing the epoch keeps the endpoint") {
  const auto place = GENERATE(at("198.51.100.7"), at("2001:db8::7"));
  Bed bed;
  REQUIRE(bed.learn(place, kEpoch) == Learned::kUp);
  SECTION("forget") {
    CHECK(bed.table.forget(kSlot, kIncarnation));
    CHECK_FALSE(bed.endpoint().known());
    CHECK(bed.epoch() == kEpoch);
    CHECK(bed.learn(place, kEpoch) == Learned::kReplayed);
    CHECK(bed.learn(place, kEpoch + 1) == Learned::kUp);
  }
  SECTION("clear") {
    CHECK(bed.table.clear_epoch(kSlot, kIncarnation));
    CHECK(bed.endpoint().same_place(place));
    CHECK(bed.endpoint().up);
    CHECK(bed.learn(at("203.0.113.1"), kEpoch - 100) == Learned::kMoved);
    CHECK(bed.epoch() == kEpoch - 100);
  }
}

TEST_CASE("the operator's endpoint goes in whatever the epochs say, and they stay") {
  Bed bed;
  REQUIRE(bed.learn(at("198.51.100.7"), kEpoch) == Learned::kUp);
  Endpoint place = ayiya("2001:db8::9", 5000);
  place.up = true;
  CHECK(bed.table.set(kSlot, kIncarnation, place, kNow + 3));
  CHECK(bed.endpoint().same_place(place));
  CHECK(bed.endpoint().up);
  CHECK_FALSE(bed.endpoint().verified);
  CHECK(bed.epoch() == kEpoch);
  CHECK(bed.seen() == kNow + 3);
  CHECK(bed.learn(at("198.51.100.7"), kEpoch) == Learned::kReplayed);
}

TEST_CASE("a journal is believed where nothing newer was learned yet") {
  Bed bed;
  Endpoint place = at("2001:db8::7");
  place.up = true;
  place.verified = true;
  SECTION("untouched") {
    CHECK(bed.table.seed(kSlot, kIncarnation, place, kEpoch, kNow - 30));
    CHECK(bed.endpoint().same_place(place));
    CHECK(bed.endpoint().verified);
    CHECK(bed.epoch() == kEpoch);
    CHECK(bed.seen() == kNow - 30);
    CHECK(bed.learn(at("198.51.100.8"), kEpoch) == Learned::kReplayed);
    // Not twice.
    CHECK_FALSE(bed.table.seed(kSlot, kIncarnation, at("203.0.113.1"), kEpoch, kNow));
    CHECK(bed.endpoint().same_place(place));
  }
  SECTION("the record of an incarnation before is untouched by this one") {
    REQUIRE(bed.learn(at("198.51.100.7"), kEpoch) == Learned::kUp);
    CHECK(bed.table.seed(kSlot, kIncarnation + 1, place, kEpoch - 5, kNow));
    CHECK(bed.table.highest_epoch(kSlot, kIncarnation + 1) == kEpoch - 5);
  }
  SECTION("an epoch without an endpoint guards against replays") {
    CHECK(bed.table.seed(kSlot, kIncarnation, Endpoint{}, kEpoch, kNow));
    CHECK_FALSE(bed.endpoint().known());
    CHECK(bed.learn(at("198.51.100.8"), kEpoch) == Learned::kReplayed);
    CHECK(bed.learn(at("198.51.100.8"), kEpoch + 1) == Learned::kUp);
  }
  SECTION("a time before the boot") {
    CHECK(bed.table.seed(kSlot, kIncarnation, place, kEpoch, 20u - 100u));
    CHECK_FALSE(bed.table.expire(kSlot, kIncarnation, 100, 180));
    CHECK(bed.table.expire(kSlot, kIncarnation, 101, 180));
  }
  SECTION("learned") {
    REQUIRE(bed.learn(at("198.51.100.7"), kEpoch) == Learned::kUp);
    CHECK_FALSE(bed.table.seed(kSlot, kIncarnation, place, kEpoch, kNow));
    CHECK_FALSE(bed.table.seed(kSlot, kIncarnation, place, kEpoch - 5, kNow));
    CHECK(bed.epoch() == kEpoch);
    CHECK(bed.endpoint().same_place(at("198.51.100.7")));
  }
  SECTION("what was recorded before and sent again before the journal came is undone") {
    REQUIRE(bed.learn(at("198.51.100.66"), kEpoch - 3) == Learned::kUp);
    CHECK(bed.table.seed(kSlot, kIncarnation, place, kEpoch, kNow - 30));
    CHECK(bed.endpoint().same_place(place));
    CHECK(bed.learn(at("198.51.100.66"), kEpoch - 3) == Learned::kReplayed);
  }
  SECTION("learned and forgotten") {
    REQUIRE(bed.learn(at("198.51.100.7"), kEpoch) == Learned::kUp);
    REQUIRE(bed.table.forget(kSlot, kIncarnation));
    CHECK_FALSE(bed.table.seed(kSlot, kIncarnation, place, kEpoch + 5, kNow));
    REQUIRE(bed.table.clear_epoch(kSlot, kIncarnation));
    CHECK_FALSE(bed.table.seed(kSlot, kIncarnation, place, kEpoch + 5, kNow));
  }
}

TEST_CASE("a record somebody is writing is nobody's: readers see nothing, writers give up") {
  Bed bed;
  REQUIRE(bed.learn(at("198.51.100.7"), kEpoch) == Learned::kUp);
  const uint64_t whole = bed.records[kSlot].endpoint;
  bed.records[kSlot].endpoint =
      endpoint_word::kIpv6 | uint64_t{kIncarnation} << endpoint_word::kIncarnationShift | 1;
  CHECK_FALSE(bed.endpoint().known());
  CHECK(bed.learn(at("198.51.100.8"), kEpoch + 1) == Learned::kBusy);
  CHECK(bed.table.learn(kSlot, kIncarnation + 1, at("198.51.100.8"), kEpoch, kNow) ==
        Learned::kBusy);
  CHECK_FALSE(bed.table.verify(kSlot, kIncarnation, at("198.51.100.7")));
  CHECK_FALSE(bed.table.expire(kSlot, kIncarnation, kNow + 1000, 180));
  CHECK_FALSE(bed.table.forget(kSlot, kIncarnation));
  CHECK_FALSE(bed.table.clear_epoch(kSlot, kIncarnation));
  CHECK_FALSE(bed.table.set(kSlot, kIncarnation, at("198.51.100.8"), kNow));
  CHECK_FALSE(bed.table.seed(kSlot, kIncarnation, at("198.51.100.8"), kEpoch, kNow));
  CHECK(bed.epoch() == kEpoch);
  bed.records[kSlot].endpoint = whole;
  CHECK(bed.learn(at("198.51.100.8"), kEpoch + 1) == Learned::kMoved);
}

TEST_CASE("what a writer died over is forgotten, and the epoch still guards the next move") {
  Bed bed;
  REQUIRE(bed.learn(at("2001:db8::7"), kEpoch) == Learned::kUp);
  CHECK_FALSE(bed.table.repair(kSlot));
  CHECK(bed.endpoint().known());
  bed.records[kSlot].endpoint |= 1;  // the sequence number is odd
  bed.records[kSlot].ipv6[1] = 0;
  CHECK(bed.table.repair(kSlot));
  CHECK_FALSE(bed.table.repair(kSlot));
  CHECK_FALSE(bed.endpoint().known());
  CHECK(bed.epoch() == kEpoch);
  CHECK(bed.learn(at("2001:db8::8"), kEpoch) == Learned::kReplayed);
  CHECK(bed.learn(at("2001:db8::8"), kEpoch + 1) == Learned::kUp);
  // A state there is none of.
  bed.records[kSlot].endpoint |= endpoint_word::kStateMask;
  CHECK(bed.table.repair(kSlot));
  CHECK_FALSE(bed.endpoint().known());
  CHECK_FALSE(bed.table.repair(0));  // never written
}

TEST_CASE("after a boot what was up was heard of now, and of the rest nobody knows") {
  Bed bed;
  REQUIRE(bed.learn(at("198.51.100.7"), kEpoch, 900'000) == Learned::kUp);
  REQUIRE(bed.table.learn(0, 1, at("198.51.100.8"), kEpoch, 900'000) == Learned::kUp);
  REQUIRE(bed.table.expire(0, 1, 900'181, 180));
  for (uint32_t slot = 0; slot < 2; ++slot) bed.table.restart_clock(slot, 30);
  bed.table.restart_clock(kSlot, 30);
  CHECK(bed.seen() == 30);
  CHECK_FALSE(bed.table.expire(kSlot, kIncarnation, 210, 180));
  CHECK(bed.table.expire(kSlot, kIncarnation, 211, 180));
  CHECK(bed.table.last_seen_s(0, 1) == 0);
  CHECK(bed.table.load(0, 1).known());
  CHECK(bed.table.last_seen_s(1, 0) == 0);
}

TEST_CASE("GRE sequence numbers count up and leave no trace in an endpoint") {
  Bed bed;
  for (uint32_t n = 0; n < 5; ++n) CHECK(bed.table.next_gre_sequence(kSlot) == n);
  // The slot becomes a dynamic tunnel's, and a worker still has the table in which it was not.
  REQUIRE(bed.learn(at("2001:db8::7"), kEpoch) == Learned::kUp);
  bed.table.next_gre_sequence(kSlot);
  CHECK(bed.endpoint().same_place(at("2001:db8::7")));
  CHECK(bed.epoch() == kEpoch);
  CHECK_FALSE(bed.table.expire(kSlot, kIncarnation, kNow + 180, 180));
  CHECK(bed.table.expire(kSlot, kIncarnation, kNow + 182, 180));
}

}  // namespace
}  // namespace simplon
