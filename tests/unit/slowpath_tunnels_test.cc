// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What becomes of dynamic tunnels: expiry, verification, the operator's commands, summaries.

#include <cstring>

#include "dataplane/slowpath/prober.h"
#include "tests/support/catch.h"
#include "tests/unit/slowpath_bed.h"

namespace simplon::test {
namespace {

using Kind = TunnelEventKind;
using Kinds = std::vector<TunnelEventKind>;

constexpr std::string_view kClient = "203.0.113.7";
constexpr std::string_view kElsewhere = "203.0.113.99";
constexpr std::string_view kEnd = "2001:db8:ff:7::2";
constexpr std::string_view kPopEnd = "2001:db8:ff:7::1";

Ipv6Address mapped(std::string_view address) {
  return Ipv6Address::from_ipv4(v4(address));
}

TunnelCommand command_for(TunnelCommandKind kind, uint32_t slot = kHeartbeatSlot) {
  TunnelCommand command{};
  command.kind = static_cast<uint32_t>(kind);
  command.slot = slot;
  command.tag = 4711;
  return command;
}

TunnelCommand set_endpoint(std::string_view address, std::string_view local = "192.0.2.1") {
  TunnelCommand command = command_for(TunnelCommandKind::kSetEndpoint);
  std::memcpy(command.address, mapped(address).bytes.data(), 16);
  std::memcpy(command.local_address, mapped(local).bytes.data(), 16);
  return command;
}

}  // namespace

// ---- Expiry.

TEST_CASE("a tunnel goes down when its timeout has passed, to the second") {
  SlowPathBed bed;
  bed.beat();
  bed.take_event_kinds();
  bed.advance(180 * kSecond);
  CHECK(bed.endpoint(kHeartbeatSlot).up);
  bed.advance(2 * kSecond);
  CHECK_FALSE(bed.endpoint(kHeartbeatSlot).up);
  CHECK(bed.endpoint(kHeartbeatSlot).known());
  CHECK(bed.counter(WorkerCounter::kTunnelsDown) == 1);
  CHECK(bed.take_event_kinds() == Kinds{Kind::kDown});
  bed.advance(10 * kSecond);
  CHECK(bed.take_event_kinds().empty());
  // And up by the next beat.
  bed.beat();
  CHECK(bed.endpoint(kHeartbeatSlot).up);
  CHECK(bed.take_event_kinds() == Kinds{Kind::kUp});
}

TEST_CASE("a tunnel goes down in time however often a configuration is published") {
  SlowPathBed bed;
  bed.beat();
  for (int i = 0; i < 1820; ++i) {
    bed.now += kSecond / 10;
    bed.publish([](PopRecord&) {});
    bed.tick();
  }
  CHECK_FALSE(bed.endpoint(kHeartbeatSlot).up);
}

TEST_CASE("beats keep a tunnel up") {
  SlowPathBed bed;
  for (int i = 0; i < 10; ++i) {
    bed.beat();
    bed.advance(60 * kSecond);
  }
  CHECK(bed.endpoint(kHeartbeatSlot).up);
  CHECK(bed.counter(WorkerCounter::kTunnelsDown) == 0);
}

TEST_CASE("the summary counts enabled dynamic tunnels") {
  SlowPathBed bed;
  bed.advance(kSecond);
  CHECK(bed.summary().up == 0);
  CHECK(bed.summary().down == 3);
  bed.beat();
  bed.advance(2 * kSecond);
  CHECK(bed.summary().up == 1);
  CHECK(bed.summary().down == 2);
  CHECK(bed.summary().unverified == 1);
}

// ---- Return routability.

namespace {

// Takes what was sent, which must be `count` probes to T7's client, and gives the last.
Bytes take_probes(SlowPathBed& bed, std::size_t count) {
  REQUIRE(bed.sent.size() == count);
  for (const Bytes& frame : bed.sent) {
    const Bytes probe = inner_of(frame);
    const auto& ip = at<Ipv6Header>(probe, 0);
    CHECK(ip.source == v6(kPopEnd));
    CHECK(ip.destination == v6(kEnd));
    CHECK(ip.hop_limit == 64);
    CHECK(icmpv6_sums_up(probe));
    const auto& icmp = at<IcmpHeader>(probe, 40);
    CHECK(icmp.type == kIcmpv6EchoRequest);
    CHECK(icmp.rest.value() >> 16 == 0x4242);
  }
  Bytes last = bed.sent.back();
  bed.sent.clear();
  return last;
}

// The client's answer to a probe, changed by `change`.
template <typename Change>
Bytes answer_to(const Bytes& frame, std::string_view source, Change change) {
  const Bytes probe = inner_of(frame);
  Bytes data(probe.begin() + 48, probe.end());
  uint32_t rest = at<IcmpHeader>(probe, 40).rest.value();
  change(rest, data);
  return SlowPathBed::from_tunnel(source)
      .ipv6(kEnd, kPopEnd)
      .icmpv6(kIcmpv6EchoReply, 0, rest)
      .raw(data)
      .build();
}
Bytes answer_to(const Bytes& frame, std::string_view source = kClient) {
  return answer_to(frame, source, [](uint32_t&, Bytes&) {});
}

}  // namespace

TEST_CASE("an endpoint that comes up is probed at once, and verified by its answer") {
  SlowPathBed bed;
  bed.beat();
  const Bytes probe = take_probes(bed, 1);
  CHECK(bed.counter(WorkerCounter::kProbesSent) == 1);
  CHECK(at<Ipv4Header>(outer_of(probe), 0).destination == v4(kClient));
  bed.take_event_kinds();
  bed.receive(answer_to(probe));
  CHECK(bed.endpoint(kHeartbeatSlot).verified);
  CHECK(bed.counter(WorkerCounter::kProbesAnswered) == 1);
  CHECK(bed.counter(WorkerCounter::kEndpointsVerified) == 1);
  REQUIRE(bed.events.size() == 1);
  CHECK(bed.events[0].kind == static_cast<uint8_t>(Kind::kVerified));
  CHECK(bed.events[0].detail == static_cast<uint8_t>(VerifiedBy::kProbe));
  CHECK(bed.all_drops() == 0);
  bed.advance(60 * kSecond);
  CHECK(bed.sent.empty());  // that was all
}

TEST_CASE("a silent endpoint is probed each second for ten, then every ten") {
  SlowPathBed bed;
  bed.beat();
  bed.advance(10 * kSecond + kSecond / 2);
  take_probes(bed, 11);
  bed.advance(60 * kSecond);
  take_probes(bed, 6);
  CHECK_FALSE(bed.endpoint(kHeartbeatSlot).verified);
  // And still believed when it answers at last.
  bed.advance(10 * kSecond);
  bed.receive(answer_to(take_probes(bed, 1)));
  CHECK(bed.endpoint(kHeartbeatSlot).verified);
}

TEST_CASE("an answer that nobody could have got the question of is none") {
  SlowPathBed bed;
  bed.beat();
  const Bytes probe = take_probes(bed, 1);
  for (std::size_t i = 0; i < 16; ++i) {
    bed.receive(
        answer_to(probe, kClient, [i](uint32_t&, Bytes& data) { data[i] = data[i] ^ 0x10; }));
  }
  bed.receive(answer_to(probe, kClient, [](uint32_t& rest, Bytes&) { rest ^= 1; }));
  bed.receive(answer_to(probe, kClient, [](uint32_t& rest, Bytes&) { rest ^= 0x10000; }));
  bed.receive(answer_to(probe, kClient, [](uint32_t&, Bytes& data) { data.pop_back(); }));
  bed.receive(answer_to(probe, kClient, [](uint32_t&, Bytes& data) { data.push_back(0); }));
  bed.receive(answer_to(probe, kClient, [](uint32_t&, Bytes& data) { data.clear(); }));
  CHECK_FALSE(bed.endpoint(kHeartbeatSlot).verified);
  CHECK(bed.counter(WorkerCounter::kProbesAnswered) == 0);
  CHECK(bed.drops(DropReason::kIcmpv6Ignored) == 21);
}

TEST_CASE("an answer to the question put to the endpoint before says nothing about the new one") {
  SlowPathBed bed;
  bed.beat();
  const Bytes before = take_probes(bed, 1);
  bed.now += kSecond;
  bed.beat(kElsewhere);
  bed.sent.clear();
  bed.receive(answer_to(before, kElsewhere));
  CHECK_FALSE(bed.endpoint(kHeartbeatSlot).verified);
  CHECK(bed.endpoint(kHeartbeatSlot).address == mapped(kElsewhere));
}

TEST_CASE("an answer that comes too late says nothing") {
  SlowPathBed bed;
  bed.beat();
  const Bytes probe = take_probes(bed, 1);
  bed.now += 10 * kSecond + 1;
  bed.receive(answer_to(probe));
  CHECK_FALSE(bed.endpoint(kHeartbeatSlot).verified);
}

TEST_CASE("two PoPs ask differently") {
  SlowPathBed::Options options;
  SlowPathBed bed(options);
  options.seed = 2;
  SlowPathBed other(options);
  bed.beat();
  other.beat();
  other.receive(answer_to(take_probes(bed, 1)));
  CHECK_FALSE(other.endpoint(kHeartbeatSlot).verified);
}

namespace {

// One packet in and one out of T7 each tenth of a second.
void talk(SlowPathBed& bed, unsigned tenths, bool in, bool out) {
  for (unsigned i = 0; i < tenths; ++i) {
    bed.advance(kSecond / 10);
    if (in) {
      bed.receive(
          SlowPathBed::from_tunnel(kClient).ipv6("2001:db8:1002::5", "2001:db8:aaaa::1").udp(1, 2));
    }
    if (out) {
      bed.receive(
          SlowPathBed::from_router().ipv6("2001:db8:aaaa::1", "2001:db8:1002::5").udp(1, 2));
    }
  }
  bed.sent.clear();
}

}  // namespace

TEST_CASE("ten seconds of packets both ways verify an endpoint that answers no probe") {
  SlowPathBed bed;
  bed.beat();
  bed.take_event_kinds();
  talk(bed, 90, true, true);
  CHECK_FALSE(bed.endpoint(kHeartbeatSlot).verified);
  talk(bed, 120, true, true);
  CHECK(bed.endpoint(kHeartbeatSlot).verified);
  REQUIRE(bed.events.size() == 1);
  CHECK(bed.events[0].detail == static_cast<uint8_t>(VerifiedBy::kTraffic));
}

TEST_CASE("packets one way verify nothing, and probes are not the other") {
  for (const bool in : {false, true}) {
    SlowPathBed bed;
    bed.beat();
    talk(bed, 300, in, !in);
    CHECK_FALSE(bed.endpoint(kHeartbeatSlot).verified);
  }
}

TEST_CASE("without memory for more the one probed for longest is left to the scan") {
  SlowPathBed bed;
  // What a worker has seen of tunnels that are none any more is only reported.
  TunnelEvent event{};
  event.kind = static_cast<uint8_t>(Kind::kUp);
  event.slot = 0xfffffff0;
  bed.note(event);
  event.slot = 1;
  bed.note(event);
  event.slot = kHeartbeatSlot;
  event.incarnation = 9;
  bed.note(event);
  CHECK(bed.sent.empty());
  CHECK(bed.take_event_kinds() == Kinds{Kind::kUp, Kind::kUp, Kind::kUp});
}

TEST_CASE("a tunnel a worker saw come up is probed") {
  SlowPathBed bed;
  Endpoint place;
  place.address = mapped(kClient);
  bed.runtime().learn(kHeartbeatSlot, 0, place, 1, 1000);
  TunnelEvent event{};
  event.kind = static_cast<uint8_t>(Kind::kUp);
  event.slot = kHeartbeatSlot;
  event.count = 1;
  std::memcpy(event.address, place.address.bytes.data(), 16);
  bed.note(event);
  take_probes(bed, 1);
}

TEST_CASE("the scan finds unverified tunnels nobody told of") {
  SlowPathBed bed;
  Endpoint place;
  place.address = mapped(kClient);
  bed.runtime().learn(kHeartbeatSlot, 0, place, 1, 1000);
  bed.advance(kSecond);
  take_probes(bed, 1);
}

// ---- Commands.

TEST_CASE("an operator sets an endpoint, and takes it down") {
  SlowPathBed bed;
  TunnelCommandDone done = bed.command(set_endpoint(kClient));
  CHECK(done.done == 1);
  CHECK(done.tag == 4711);
  CHECK(done.header.type == static_cast<uint32_t>(LinkMessageType::kTunnelCommandDone));
  CHECK(bed.endpoint(kHeartbeatSlot).address == mapped(kClient));
  CHECK(bed.endpoint(kHeartbeatSlot).verified);
  CHECK(bed.take_event_kinds() == Kinds{Kind::kUp, Kind::kVerified});
  done = bed.command(set_endpoint(kElsewhere, "192.0.2.77"));
  CHECK(done.done == 1);
  CHECK(bed.endpoint(kHeartbeatSlot).local_index == 1);
  CHECK(bed.take_event_kinds() == Kinds{Kind::kMoved, Kind::kVerified});
  done = bed.command(command_for(TunnelCommandKind::kTakeDown));
  CHECK(done.done == 1);
  CHECK_FALSE(bed.endpoint(kHeartbeatSlot).known());
  CHECK(bed.take_event_kinds() == Kinds{Kind::kDown});
}

TEST_CASE("an operator clears the epoch, so that an older client may move the tunnel") {
  SlowPathBed bed;
  const uint64_t epoch = bed.unix_s() + 100;
  bed.receive_beat(SlowPathBed::beat_text(kEnd, "sender", epoch));
  bed.beat(kElsewhere);
  CHECK(bed.drops(DropReason::kBeatReplayed) == 1);
  bed.take_event_kinds();
  CHECK(bed.command(command_for(TunnelCommandKind::kClearEpoch)).done == 1);
  CHECK(bed.take_event_kinds() == Kinds{Kind::kEpochReset});
  bed.beat(kElsewhere);
  CHECK(bed.endpoint(kHeartbeatSlot).address == mapped(kElsewhere));
}

TEST_CASE("commands that cannot be are refused with a reason") {
  SlowPathBed bed;
  const auto refused = [&bed](const TunnelCommand& command) {
    const TunnelCommandDone done = bed.command(command);
    CHECK(done.done == 0);
    CHECK(done.tag == 4711);
    CHECK(done.reason[0] != '\0');
  };
  refused(command_for(TunnelCommandKind::kTakeDown, 1));
  refused(command_for(TunnelCommandKind::kTakeDown, 15));
  refused(command_for(TunnelCommandKind::kTakeDown, 0xffffffff));
  TunnelCommand command = command_for(TunnelCommandKind::kTakeDown);
  command.incarnation = 1;
  refused(command);
  refused(command_for(static_cast<TunnelCommandKind>(99)));
  refused(set_endpoint("10.0.0.1"));
  refused(set_endpoint("192.0.2.1"));
  refused(set_endpoint(kClient, "192.0.2.99"));
  command = set_endpoint(kClient);
  command.port = 5;
  refused(command);
  command = set_endpoint(kClient);
  command.transport = 1;
  command.port = 5;
  refused(command);  // a heartbeat tunnel
  command.transport = 7;
  refused(command);
  command = set_endpoint(kClient);
  std::memcpy(command.local_address, v6("2001:db8:a::1").bytes.data(), 16);
  refused(command);
  CHECK_FALSE(bed.endpoint(kHeartbeatSlot).known());
}

}  // namespace simplon::test
