// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Heartbeats: docs/protocols.md §7.3 row by row, §7.4, §10.3 and §10.4.

#include <string>

#include "tests/support/catch.h"
#include "tests/unit/slowpath_bed.h"

namespace simplon::test {
namespace {

using Kind = TunnelEventKind;
using Kinds = std::vector<TunnelEventKind>;

constexpr std::string_view kClient = "203.0.113.7";
constexpr std::string_view kElsewhere = "203.0.113.99";
constexpr std::string_view kIdentity = SlowPathBed::kIdentity;

Ipv6Address mapped(std::string_view address) {
  return Ipv6Address::from_ipv4(v4(address));
}

void is_dropped(SlowPathBed& bed, DropReason reason, uint32_t slot, std::string_view text,
                std::string_view source = kClient) {
  CAPTURE(text, source);
  const uint64_t before = bed.drops(reason);
  const uint64_t all = bed.all_drops();
  const uint64_t booked = bed.ledger(slot, static_cast<uint8_t>(reason)).count;
  const Endpoint known = bed.endpoint(kHeartbeatSlot);
  bed.sent.clear();  // probes
  bed.receive_beat(text, source, Ipv4Address::parse(source) ? "192.0.2.1" : "2001:db8:a::1");
  CHECK(bed.drops(reason) == before + 1);
  CHECK(bed.all_drops() == all + 1);
  CHECK(bed.sent.empty());  // silence, whatever it was
  if (slot != kNoSlot) {
    CHECK(bed.ledger(slot, static_cast<uint8_t>(reason)).count == booked + 1);
  }
  const Endpoint now = bed.endpoint(kHeartbeatSlot);
  CHECK(now.up == known.up);
  CHECK(now.same_place(known));
}

std::string text_at(uint64_t epoch, std::string_view sender = "sender") {
  return SlowPathBed::beat_text(kIdentity, sender, epoch);
}

}  // namespace

TEST_CASE("one beat brings a tunnel up") {
  SlowPathBed bed;
  CHECK_FALSE(bed.endpoint(kHeartbeatSlot).up);
  bed.beat();
  const Endpoint endpoint = bed.endpoint(kHeartbeatSlot);
  CHECK(endpoint.up);
  CHECK_FALSE(endpoint.verified);
  CHECK(endpoint.address == mapped(kClient));
  CHECK(endpoint.port == 0);
  CHECK(endpoint.local_index == 0);
  CHECK(endpoint.transport == Transport::kProto41);
  CHECK(bed.counter(WorkerCounter::kBeatsAccepted) == 1);
  CHECK(bed.counter(WorkerCounter::kTunnelsUp) == 1);
  CHECK(bed.counter(WorkerCounter::kConsumed) == 1);
  CHECK(bed.all_drops() == 0);
  REQUIRE(bed.events.size() == 1);
  const TunnelEvent& up = bed.events[0];
  CHECK(up.kind == static_cast<uint8_t>(Kind::kUp));
  CHECK(up.slot == kHeartbeatSlot);
  CHECK(up.count == 1);
  CHECK(up.unix_ns == bed.unix_s() * kSecond);
  CHECK(Ipv6Address::from_bytes(up.address) == mapped(kClient));
}

TEST_CASE("a beat to another address of the PoP makes that the tunnel's") {
  SlowPathBed bed;
  bed.beat(kClient, kIdentity, "192.0.2.77");
  CHECK(bed.endpoint(kHeartbeatSlot).local_index == 1);
}

TEST_CASE("a beat over IPv6 makes the endpoint an IPv6 one") {
  SlowPathBed bed;
  bed.beat("2001:db8:9::7", kIdentity, "2001:db8:a::1");
  const Endpoint endpoint = bed.endpoint(kHeartbeatSlot);
  CHECK(endpoint.up);
  CHECK(endpoint.address == v6("2001:db8:9::7"));
  CHECK(endpoint.local_index == 2);
}

TEST_CASE("the datagram of the script for Cisco IOS and of AICCU are taken") {
  SlowPathBed bed;
  // The script's puts ends the line.
  bed.receive_beat(text_at(bed.unix_s()) + "\n");
  CHECK(bed.counter(WorkerCounter::kBeatsAccepted) == 1);
  // AICCU's, as captured, with the clock of then and its password.
  bed.unix_base_s = 1'795'234'184;
  const std::string aiccu =
      "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1795234184 06ff2fc2d4d0d9e517409208f1975bd4";
  CHECK(SlowPathBed::beat_text("2001:db8:2ff:2::2", "sender", 1'795'234'184) == aiccu);
}

TEST_CASE("a beat whose sender is the source address is taken") {
  SlowPathBed bed;
  bed.receive_beat(text_at(bed.unix_s(), kClient), kClient);
  CHECK(bed.counter(WorkerCounter::kBeatsAccepted) == 1);
  bed.receive_beat(text_at(bed.unix_s() + 1, "2001:DB8:9:0::7"), "2001:db8:9::7", "2001:db8:a::1");
  CHECK(bed.counter(WorkerCounter::kBeatsAccepted) == 2);
}

TEST_CASE("the text is hashed as sent") {
  SlowPathBed bed;
  for (const std::string_view spelling :
       {"2001:DB8:FF:7::2", "2001:0db8:00ff:0007:0000:0000:0000:0002"}) {
    bed.receive_beat(SlowPathBed::beat_text(spelling, "sender", bed.unix_s()));
  }
  CHECK(bed.counter(WorkerCounter::kBeatsAccepted) == 2);
  // The digest of one spelling does not go with another.
  std::string text = text_at(bed.unix_s());
  text.replace(text.find("db8"), 3, "DB8");
  is_dropped(bed, DropReason::kBeatBadDigest, kHeartbeatSlot, text);
}

TEST_CASE("any address of the tunnel names it") {
  SlowPathBed bed;
  for (const std::string_view identity :
       {"2001:db8:ff:7::1", "2001:db8:ff:7::77", "2001:db8:100:7::1", "2001:db8:1002:5::1"}) {
    bed.beat(kClient, identity);
  }
  CHECK(bed.counter(WorkerCounter::kBeatsAccepted) == 4);
}

// ---- Row by row.

TEST_CASE("1: what is no heartbeat is dropped as malformed") {
  SlowPathBed bed;
  const std::string good = text_at(bed.unix_s());
  for (const std::string& text : std::vector<std::string>{
           "", "\n", std::string(1, '\0'), std::string(24, '\0'), "HEARTBEAT TUNNEL ",
           good.substr(0, good.size() - 1), good.substr(0, 60), good + " x",
           good + std::string(256 - good.size(), '\n'), std::string(1400, 'H'),
           "HEARTBEAT TUNNEL 192.0.2.1 sender 1700000000 35c582a4dd2ba2999bef85265e0fb968",
           "HEARTBEAT TUNNEL 2001:db8:ff:7::2 sender -1 35c582a4dd2ba2999bef85265e0fb968",
           "HEARTBEAT TUNNEL 2001:db8:ff:7::2 sender 99999999999999999999999 "
           "35c582a4dd2ba2999bef85265e0fb968"}) {
    is_dropped(bed, DropReason::kBeatMalformed, kNoSlot, text);
  }
  std::string nul = good;
  nul[25] = '\0';
  is_dropped(bed, DropReason::kBeatMalformed, kNoSlot, nul);
}

TEST_CASE("1: an empty datagram kills nobody") {
  // One did the original, from anywhere.
  SlowPathBed bed;
  for (int i = 0; i < 100; ++i) bed.receive_beat("");
  CHECK(bed.drops(DropReason::kBeatMalformed) + bed.drops(DropReason::kBeatPoliced) == 100);
  bed.beat();
  CHECK(bed.endpoint(kHeartbeatSlot).up);
}

TEST_CASE("2: an identity nobody has is dropped as unknown") {
  SlowPathBed bed;
  for (const std::string_view identity :
       {"2001:db8:ff:e::2", "2001:db8:ff:ffff::2", "2001:db8:100f::1", "2001:db8:aaaa::1", "::1",
        "0:ffff:c633:640a::1", "ff02::1", "fe80::1"}) {
    is_dropped(bed, DropReason::kTunnelUnknown, kNoSlot,
               SlowPathBed::beat_text(identity, "sender", bed.unix_s()));
  }
}

TEST_CASE("3: a tunnel of another kind takes no beats, a disabled one none either") {
  SlowPathBed bed;
  is_dropped(bed, DropReason::kBeatNotAllowed, 1,
             SlowPathBed::beat_text("2001:db8:ff:1::2", "sender", bed.unix_s()));
  is_dropped(bed, DropReason::kBeatNotAllowed, kAyiyaSlot,
             SlowPathBed::beat_text("2001:db8:ff:9::2", "sender", bed.unix_s()));
  is_dropped(bed, DropReason::kTunnelDisabled, 10,
             SlowPathBed::beat_text("2001:db8:ff:a::2", "sender", bed.unix_s()));
  CHECK_FALSE(bed.endpoint(10).known());
}

TEST_CASE("4: a sender other than the source is refused") {
  SlowPathBed bed;
  for (const std::string_view sender : {"203.0.113.8", "2001:db8::7", "::ffff:203.0.113.8"}) {
    is_dropped(bed, DropReason::kBeatSenderMismatch, kHeartbeatSlot, text_at(bed.unix_s(), sender));
  }
}

TEST_CASE("5: 120 seconds are in time, 121 are not, and the difference is booked") {
  SlowPathBed bed;
  is_dropped(bed, DropReason::kBeatClockSkew, kHeartbeatSlot, text_at(bed.unix_s() - 121));
  CHECK(bed.ledger(kHeartbeatSlot, static_cast<uint8_t>(DropReason::kBeatClockSkew)).detail ==
        -121);
  is_dropped(bed, DropReason::kBeatClockSkew, kHeartbeatSlot, text_at(bed.unix_s() + 121));
  CHECK(bed.ledger(kHeartbeatSlot, static_cast<uint8_t>(DropReason::kBeatClockSkew)).detail == 121);
  is_dropped(bed, DropReason::kBeatClockSkew, kHeartbeatSlot, text_at(0));
  is_dropped(bed, DropReason::kBeatClockSkew, kHeartbeatSlot, text_at(~uint64_t{0}));
  is_dropped(bed, DropReason::kBeatClockSkew, kHeartbeatSlot,
             text_at(bed.unix_s() + (uint64_t{1} << 32)));
  bed.receive_beat(text_at(bed.unix_s() - 120));
  bed.receive_beat(text_at(bed.unix_s() + 120));
  CHECK(bed.counter(WorkerCounter::kBeatsAccepted) == 2);
}

TEST_CASE("5: after a step of the PoP's clock the present endpoint is believed by either") {
  SlowPathBed bed;
  bed.beat();
  const uint64_t client = bed.unix_s();
  bed.unix_base_s += 3600;
  is_dropped(bed, DropReason::kBeatClockSkew, kHeartbeatSlot, text_at(client + 1));
  bed.unix_before_step_s = static_cast<uint32_t>(client);
  bed.receive_beat(text_at(client + 1));
  CHECK(bed.counter(WorkerCounter::kBeatsAccepted) == 2);
  // Nobody else is, by the clock before.
  is_dropped(bed, DropReason::kBeatClockSkew, kHeartbeatSlot, text_at(client + 2), kElsewhere);
  // By the new clock anybody is.
  bed.beat(kElsewhere);
  CHECK(bed.endpoint(kHeartbeatSlot).address == mapped(kElsewhere));
}

TEST_CASE("6: a source with too many bad digests is not looked at for a while") {
  SlowPathBed bed;
  bed.beat();
  for (int i = 0; i < 100; ++i) {
    bed.receive_beat(SlowPathBed::beat_text(kIdentity, "sender", bed.unix_s() + 1, "wrong"),
                     kElsewhere);
  }
  CHECK(bed.drops(DropReason::kBeatBadDigest) >= 1);
  CHECK(bed.drops(DropReason::kBeatBadDigest) <= 20);
  CHECK(bed.drops(DropReason::kBeatPoliced) == 100 - bed.drops(DropReason::kBeatBadDigest));
  // Others are none the worse for it, the tunnel's endpoint least of all.
  bed.beat();
  CHECK(bed.counter(WorkerCounter::kBeatsAccepted) == 2);
  bed.now += 2 * kSecond;
  bed.beat("203.0.113.98");
  CHECK(bed.counter(WorkerCounter::kBeatsAccepted) == 3);
  bed.now += 2 * kSecond;
  bed.beat(kElsewhere);
  CHECK(bed.counter(WorkerCounter::kBeatsAccepted) == 4);
}

TEST_CASE("6: a flood of bad digests from everywhere leaves the present endpoint alone") {
  SlowPathBed bed;
  bed.beat();
  uint64_t sent = 0;
  for (int second = 0; second < 3; ++second) {
    for (uint32_t i = 0; i < 20'000; ++i) {
      const std::string source = Ipv4Address::from_value(0x05000000 + i * 7919).to_string();
      bed.receive_beat("HEARTBEAT TUNNEL 2001:db8:ff:7::2 sender " + std::to_string(bed.unix_s()) +
                           " 00000000000000000000000000000000",
                       source);
      bed.now += kSecond / 20'000;
      if (i % 1000 == 0) {
        bed.beat();
        ++sent;
      }
    }
  }
  CHECK(bed.counter(WorkerCounter::kBeatsAccepted) == sent + 1);
  CHECK(bed.endpoint(kHeartbeatSlot).address == mapped(kClient));
}

TEST_CASE("7: a wrong digest is refused") {
  SlowPathBed bed;
  bed.beat();
  is_dropped(bed, DropReason::kBeatBadDigest, kHeartbeatSlot,
             SlowPathBed::beat_text(kIdentity, "sender", bed.unix_s(), "wrong"));
  is_dropped(bed, DropReason::kBeatBadDigest, kHeartbeatSlot,
             SlowPathBed::beat_text(kIdentity, "sender", bed.unix_s(), ""));
  is_dropped(bed, DropReason::kBeatBadDigest, kHeartbeatSlot,
             SlowPathBed::beat_text(kIdentity, "sender", bed.unix_s(), kOtherPassword));
  std::string other_time = text_at(bed.unix_s());
  other_time[other_time.size() - 34] ^= 1;  // the last digit of the time
  is_dropped(bed, DropReason::kBeatBadDigest, kHeartbeatSlot, other_time);
}

TEST_CASE("7: during a rotation both passwords are good") {
  SlowPathBed::Options options;
  options.rotation = true;
  SlowPathBed bed(options);
  bed.receive_beat(SlowPathBed::beat_text(kIdentity, "sender", bed.unix_s(), kOtherPassword));
  CHECK(bed.endpoint(kHeartbeatSlot).up);
  CHECK(bed.endpoint(kHeartbeatSlot).previous_secret);
  bed.now += kSecond;
  bed.beat();
  CHECK_FALSE(bed.endpoint(kHeartbeatSlot).previous_secret);
  is_dropped(bed, DropReason::kBeatBadDigest, kHeartbeatSlot,
             SlowPathBed::beat_text(kIdentity, "sender", bed.unix_s(), "neither"));
}

TEST_CASE("8: a valid beat from an address no client can have is refused, with an event") {
  SlowPathBed bed;
  bed.beat();
  bed.take_event_kinds();
  for (const std::string_view source : {"10.1.2.3", "172.16.0.1", "172.31.255.255", "192.168.1.1",
                                        "169.254.1.1", "203.0.113.200"}) {
    bed.now += 2 * kSecond;
    is_dropped(bed, DropReason::kEndpointInvalid, kHeartbeatSlot, text_at(bed.unix_s()), source);
    CHECK(bed.take_event_kinds() == Kinds{Kind::kRefused});
  }
  // Those no packet can have are dropped before anybody asks whose they are.
  for (const std::string_view source : {"0.0.0.1", "127.0.0.1", "224.0.0.1", "240.0.0.1",
                                        "255.255.255.255", "192.0.2.1", "192.0.2.77"}) {
    is_dropped(bed, DropReason::kOuterSourceInvalid, kNoSlot, text_at(bed.unix_s()), source);
  }
}

TEST_CASE("8: in a laboratory private addresses are endpoints") {
  SlowPathBed::Options options;
  options.change_pop = [](PopRecord& pop) { pop.flags |= kPopAllowPrivateEndpoints; };
  SlowPathBed bed(options);
  bed.beat("10.1.2.3");
  CHECK(bed.endpoint(kHeartbeatSlot).up);
}

TEST_CASE("9: a beat replayed from another address moves nothing, at any time") {
  SlowPathBed bed;
  const std::string captured = text_at(bed.unix_s());
  bed.receive_beat(captured);
  bed.take_event_kinds();
  // At once, within the window, behind it.
  is_dropped(bed, DropReason::kBeatReplayed, kHeartbeatSlot, captured, kElsewhere);
  REQUIRE(bed.events.size() == 1);
  CHECK(bed.events[0].kind == static_cast<uint8_t>(Kind::kReplayed));
  CHECK(Ipv6Address::from_bytes(bed.events[0].address) == mapped(kElsewhere));
  CHECK(Ipv6Address::from_bytes(bed.events[0].old_address) == mapped(kClient));
  bed.take_event_kinds();
  bed.now += 60 * kSecond;
  is_dropped(bed, DropReason::kBeatReplayed, kHeartbeatSlot, captured, kElsewhere);
  bed.now += 60 * kSecond;
  is_dropped(bed, DropReason::kBeatReplayed, kHeartbeatSlot, captured, "2001:db8:9::7");
  bed.now += kSecond;
  is_dropped(bed, DropReason::kBeatClockSkew, kHeartbeatSlot, captured, kElsewhere);
  CHECK(bed.endpoint(kHeartbeatSlot).address == mapped(kClient));
}

TEST_CASE("9: a beat replayed after the tunnel went down does not bring it up elsewhere") {
  SlowPathBed::Options options;
  options.change_slots = [](std::vector<TunnelSlot>& slots) {
    slots[kHeartbeatSlot].beat_timeout_s = 10;
  };
  SlowPathBed bed(options);
  const std::string captured = text_at(bed.unix_s() + 60);
  bed.receive_beat(captured);
  bed.advance(20 * kSecond);
  REQUIRE_FALSE(bed.endpoint(kHeartbeatSlot).up);
  bed.receive_beat(captured, kElsewhere);
  CHECK_FALSE(bed.endpoint(kHeartbeatSlot).up);
  CHECK(bed.drops(DropReason::kBeatReplayed) == 1);
}

TEST_CASE("9: an older beat from elsewhere is refused, a newer one moves the tunnel") {
  SlowPathBed bed;
  bed.receive_beat(text_at(bed.unix_s()));
  is_dropped(bed, DropReason::kBeatReplayed, kHeartbeatSlot, text_at(bed.unix_s() - 1), kElsewhere);
  bed.take_event_kinds();
  bed.receive_beat(text_at(bed.unix_s() + 1), kElsewhere);
  CHECK(bed.endpoint(kHeartbeatSlot).address == mapped(kElsewhere));
  CHECK(bed.counter(WorkerCounter::kEndpointMoves) == 1);
  REQUIRE(bed.events.size() == 1);
  CHECK(bed.events[0].kind == static_cast<uint8_t>(Kind::kMoved));
  CHECK(Ipv6Address::from_bytes(bed.events[0].old_address) == mapped(kClient));
}

TEST_CASE("9: from the present endpoint anything goes, also a clock that steps back") {
  SlowPathBed bed;
  bed.receive_beat(text_at(bed.unix_s() + 50));
  for (const int64_t ahead : {50, 50, 20, -100, 51}) {
    bed.receive_beat(text_at(bed.unix_s() + static_cast<uint64_t>(ahead)));
  }
  CHECK(bed.counter(WorkerCounter::kBeatsAccepted) == 6);
  CHECK(bed.runtime().highest_epoch(kHeartbeatSlot, 0) == bed.unix_s() + 51);
  CHECK(bed.take_event_kinds() == Kinds{Kind::kUp});
}

TEST_CASE("9: a strict tunnel refuses old beats from the present endpoint too") {
  SlowPathBed::Options options;
  options.change_slots = [](std::vector<TunnelSlot>& slots) {
    slots[kHeartbeatSlot].options |= kTunnelOptionStrictReplay;
  };
  SlowPathBed bed(options);
  bed.receive_beat(text_at(bed.unix_s()));
  bed.receive_beat(text_at(bed.unix_s() - 5));
  CHECK(bed.counter(WorkerCounter::kBeatsAccepted) == 2);
  is_dropped(bed, DropReason::kBeatReplayed, kHeartbeatSlot, text_at(bed.unix_s() - 6));
}

TEST_CASE("two tunnels behind one address both work") {
  SlowPathBed bed;
  bed.beat(kClient, "2001:db8:ff:7::2");
  bed.beat(kClient, "2001:db8:ff:8::2");
  CHECK(bed.endpoint(kHeartbeatSlot).address == mapped(kClient));
  CHECK(bed.endpoint(kDynamicSlot).address == mapped(kClient));
}

TEST_CASE("replays are told at most once a second, with their number") {
  SlowPathBed bed;
  const std::string captured = text_at(bed.unix_s());
  bed.receive_beat(captured);
  bed.take_event_kinds();
  for (int i = 0; i < 10; ++i) bed.receive_beat(captured, kElsewhere);
  REQUIRE(bed.events.size() == 1);
  CHECK(bed.events[0].count == 1);
  bed.events.clear();
  bed.advance(3 * kSecond);
  REQUIRE(bed.events.size() == 1);
  CHECK(bed.events[0].kind == static_cast<uint8_t>(Kind::kReplayed));
  CHECK(bed.events[0].count == 9);
}

TEST_CASE("a client that moves all the time is told about once, and once it has settled") {
  SlowPathBed bed;
  bed.beat();
  bed.take_event_kinds();
  for (uint32_t i = 0; i < 30; ++i) {
    bed.now += kSecond;
    bed.beat(Ipv4Address::from_value(0x05060000 + i).to_string());
  }
  Kinds expected(11, Kind::kMoved);
  expected.back() = Kind::kFlapping;
  CHECK(bed.take_event_kinds() == expected);
  CHECK(bed.counter(WorkerCounter::kEndpointMoves) == 30);  // it is followed all the same
  bed.advance(59 * kSecond);
  CHECK(bed.take_event_kinds().empty());
  bed.advance(2 * kSecond);
  REQUIRE(bed.events.size() == 1);
  CHECK(bed.events[0].kind == static_cast<uint8_t>(Kind::kSettled));
  CHECK(bed.events[0].count == 20);
  bed.events.clear();
  bed.beat("203.0.113.50");
  CHECK(bed.take_event_kinds() == Kinds{Kind::kMoved});
}

TEST_CASE("clocks beyond 2038 and 2106 are no trouble") {
  for (const uint64_t then : {uint64_t{0x80000005}, (uint64_t{1} << 32) + 5}) {
    SlowPathBed bed;
    bed.unix_base_s = then;
    bed.receive_beat(text_at(bed.unix_s() - 10));
    bed.receive_beat(text_at(bed.unix_s()), kElsewhere);
    CHECK(bed.endpoint(kHeartbeatSlot).address == mapped(kElsewhere));
    // A client whose clock has 32 bits.
    bed.receive_beat(text_at((bed.unix_s() + 1) & 0xffff'ffff), kClient);
    CHECK(bed.endpoint(kHeartbeatSlot).address == mapped(kClient));
  }
}

}  // namespace simplon::test
