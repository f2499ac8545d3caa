// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// ICMPv6 errors, through worker and slow path.

#include <algorithm>

#include "dataplane/slowpath/answer_limits.h"
#include "tests/support/catch.h"
#include "tests/unit/slowpath_bed.h"

namespace simplon::test {
namespace {

constexpr auto kHost = "2001:db8:aaaa::1";

PacketBuilder to_tunnel(std::string_view destination, std::string_view source = kHost) {
  return SlowPathBed::from_router().ipv6(source, destination);
}

struct Error {
  Ipv6Header ip;
  IcmpHeader icmp;
  Bytes quoted;
};

Error parse_error(const Bytes& packet) {
  CHECK(icmpv6_sums_up(packet));
  CHECK(packet.size() <= kIpv6MinimumMtu);
  return {at<Ipv6Header>(packet, 0), at<IcmpHeader>(packet, 40),
          Bytes(packet.begin() + 48, packet.end())};
}

Bytes ip_of(const PacketBuilder& frame) {
  return outer_of(frame.build());
}

}  // namespace

TEST_CASE("hop limit 1 towards a tunnel gets time exceeded from its ::1") {
  SlowPathBed bed;
  const auto packet = to_tunnel("2001:db8:1000::5").ttl(1).udp(1000, 33434).payload(20);
  bed.receive(packet);
  const Bytes frame = bed.take();
  const Error e = parse_error(outer_of(frame));
  CHECK(e.icmp.type == kIcmpv6TimeExceeded);
  CHECK(e.icmp.code == 0);
  CHECK(e.icmp.rest.value() == 0);
  CHECK(e.ip.source == v6("2001:db8:ff:1::1"));
  CHECK(e.ip.destination == v6(kHost));
  CHECK(e.ip.hop_limit == 64);
  CHECK(e.ip.version_class_flow.value() == 0x60000000u);
  CHECK(e.quoted == ip_of(packet));
  CHECK(at<EthernetHeader>(frame, 0).destination == kRouterMac);
  CHECK(bed.drops(DropReason::kHopLimitExceeded) == 1);
  CHECK(bed.counter(WorkerCounter::kOriginated) == 1);
  CHECK(bed.counter(WorkerCounter::kIcmpv6ErrorsSent) == 1);
}

TEST_CASE("a packet too big for the tunnel is told its MTU and quoted up to 1280 bytes") {
  SlowPathBed bed;
  const auto packet = to_tunnel("2001:db8:ff:1::2").udp(1, 2).payload(1481 - 48);
  bed.receive(packet);
  const Bytes reply = outer_of(bed.take());
  CHECK(reply.size() == 1280);
  const Error e = parse_error(reply);
  CHECK(e.icmp.type == kIcmpv6PacketTooBig);
  CHECK(e.icmp.rest.value() == 1480);
  CHECK(e.ip.source == v6("2001:db8:ff:1::1"));
  const Bytes original = ip_of(packet);
  CHECK(std::equal(e.quoted.begin(), e.quoted.end(), original.begin()));
  CHECK(bed.drops(DropReason::kPacketTooBig) == 1);
}

TEST_CASE("1280 bytes pass a tunnel of MTU 1280, one more does not") {
  SlowPathBed bed;
  bed.receive(to_tunnel("2001:db8:ff:2::2").udp(1, 2).payload(1280 - 48));
  CHECK(inner_of(bed.take()).size() == 1280);
  bed.receive(to_tunnel("2001:db8:ff:2::2").udp(1, 2).payload(1281 - 48));
  CHECK(parse_error(outer_of(bed.take())).icmp.rest.value() == 1280);
}

TEST_CASE("each reason gets its code") {
  SlowPathBed bed;
  const auto code_for = [&bed](std::string_view destination) {
    bed.receive(to_tunnel(destination).udp(1, 2));
    const Error e = parse_error(outer_of(bed.take()));
    CHECK(e.icmp.type == kIcmpv6Unreachable);
    return e.icmp.code;
  };
  CHECK(code_for("2001:db8:ff:4::2") == 1);     // disabled
  CHECK(code_for("2001:db8:ff:e::2") == 3);     // no such tunnel
  CHECK(code_for("2001:db8:ff:1::3") == 3);     // neither end
  CHECK(code_for("2001:db8:1005::1") == 3);     // unit of nobody
  CHECK(code_for("2001:db8:ff:1::1") == 4);     // no such port
  CHECK(code_for("2001:db8:ff:ffff::1") == 4);  // the PoP's own
  CHECK(bed.drops(DropReason::kDestinationDisabled) == 1);
  CHECK(bed.drops(DropReason::kNoSuchEndpoint) == 2);
  CHECK(bed.drops(DropReason::kDestinationNotEndpoint) == 1);
  CHECK(bed.drops(DropReason::kPortUnreachable) == 2);
}

TEST_CASE("an error that belongs to no tunnel comes from the PoP's own address") {
  SlowPathBed bed;
  bed.receive(to_tunnel("2001:db8:1005::1").udp(1, 2));
  CHECK(parse_error(outer_of(bed.take())).ip.source == v6("2001:db8:ff:ffff::1"));
}

TEST_CASE("without an address of the PoP's own errors come from a link's") {
  SlowPathBed::Options options;
  options.change_pop = [](PopRecord& pop) {
    std::fill(std::begin(pop.ipv6_address), std::end(pop.ipv6_address), uint8_t{0});
  };
  SlowPathBed bed(options);
  bed.receive(to_tunnel("2001:db8:1005::1").udp(1, 2));
  CHECK(parse_error(outer_of(bed.take())).ip.source == v6("2001:db8:a::1"));
}

TEST_CASE("back into the same tunnel gets code 3, through that tunnel") {
  SlowPathBed bed;
  const auto packet =
      SlowPathBed::from_tunnel().ipv6("2001:db8:1000::5", "2001:db8:100:1::9").udp(1, 2);
  bed.receive(packet);
  const Bytes frame = bed.take();
  CHECK(at<Ipv4Header>(frame, 14).destination == v4("198.51.100.10"));
  const Error e = parse_error(inner_of(frame));
  CHECK(e.icmp.code == 3);
  CHECK(e.ip.source == v6("2001:db8:ff:1::1"));
  CHECK(e.ip.destination == v6("2001:db8:1000::5"));
  // What is quoted begins with the inner header, not with the outer one.
  const Bytes received = ip_of(packet);
  CHECK(e.quoted == Bytes(received.begin() + 20, received.end()));
  CHECK(bed.drops(DropReason::kSameInOut) == 1);
  CHECK(bed.tunnel(1).out_packets == 1);
}

TEST_CASE("failed ingress policy is answered only where the PoP says so, and inside the tunnel") {
  const auto packet = SlowPathBed::from_tunnel().ipv6("2001:db8:ff:1::7", kHost).udp(1, 2);
  {
    SlowPathBed silent;
    silent.receive(packet);
    CHECK(silent.sent.empty());
    CHECK(silent.drops(DropReason::kInnerSourceNotClient) == 1);
  }
  SlowPathBed::Options options;
  options.change_pop = [](PopRecord& pop) { pop.flags |= kPopIcmpv6SourcePolicy; };
  SlowPathBed bed(options);
  bed.receive(packet);
  const Bytes frame = bed.take();
  CHECK(at<Ipv4Header>(frame, 14).destination == v4("198.51.100.10"));
  const Error e = parse_error(inner_of(frame));
  CHECK(e.icmp.code == 5);
  CHECK(e.ip.destination == v6("2001:db8:ff:1::7"));
  CHECK(bed.drops(DropReason::kInnerSourceNotClient) == 1);
}

TEST_CASE("nothing is answered about errors and redirects, hidden or not") {
  SlowPathBed bed;
  for (const uint8_t type : std::initializer_list<uint8_t>{1, 2, 3, 4, 100, 127, 137}) {
    bed.receive(to_tunnel("2001:db8:ff:1::3").icmpv6(type, 0).payload(48));
  }
  // Behind destination options, behind an atomic fragment header, with the chain cut off.
  const uint8_t behind_options[] = {kProtocolIcmpv6, 0, 1, 4, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0};
  bed.receive(
      to_tunnel("2001:db8:ff:1::3").protocol(kProtocolDestinationOptions).raw(behind_options));
  const uint8_t behind_fragment[] = {kProtocolIcmpv6, 0, 0, 0, 0, 0, 0, 9, 3, 0, 0, 0, 0, 0, 0, 0};
  bed.receive(to_tunnel("2001:db8:ff:1::3").protocol(kProtocolFragment).raw(behind_fragment));
  const uint8_t cut[] = {kProtocolIcmpv6, 9, 0, 0, 0, 0, 0, 0};
  bed.receive(to_tunnel("2001:db8:ff:1::3").protocol(kProtocolDestinationOptions).raw(cut));
  bed.receive(to_tunnel("2001:db8:ff:1::3").protocol(kProtocolIcmpv6));
  CHECK(bed.sent.empty());
  CHECK(bed.counter(WorkerCounter::kIcmpv6ErrorsNotOwed) == 11);
  CHECK(bed.drops(DropReason::kDestinationNotEndpoint) == 11);
  // Informational messages are answered.
  bed.receive(to_tunnel("2001:db8:ff:1::3").echo_request(1, 1, 8));
  CHECK(parse_error(outer_of(bed.take())).icmp.code == 3);
}

TEST_CASE("a frame to a group of stations is answered only with packet too big") {
  SlowPathBed bed;
  const auto group = [](std::string_view destination) {
    return PacketBuilder().ethernet({0x33, 0x33, 0, 0, 0, 1}, kRouterMac).ipv6(kHost, destination);
  };
  bed.receive(group("2001:db8:ff:1::3").udp(1, 2));
  CHECK(bed.sent.empty());
  bed.receive(group("2001:db8:ff:1::2").udp(1, 2).payload(1450));
  CHECK(parse_error(outer_of(bed.take())).icmp.type == kIcmpv6PacketTooBig);
}

TEST_CASE("errors keep to the rate of a tunnel and of the PoP, and the rest is counted") {
  SlowPathBed::Options options;
  options.change_pop = [](PopRecord& pop) {
    pop.icmp_errors_per_second = 100;
    pop.icmp_errors_per_second_per_tunnel = 20;
  };
  SlowPathBed bed(options);
  for (int i = 0; i < 2000; ++i) {
    bed.receive(to_tunnel("2001:db8:ff:1::3").udp(1, 2).payload(100));
    bed.now += kSecond / 2000;
  }
  CHECK(bed.sent.size() >= 20);
  CHECK(bed.sent.size() <= 31);
  CHECK(bed.counter(WorkerCounter::kIcmpv6ErrorsLimited) == 2000 - bed.sent.size());
  CHECK(bed.drops(DropReason::kDestinationNotEndpoint) == 2000);
  // Another tunnel still has its own.
  bed.sent.clear();
  bed.receive(to_tunnel("2001:db8:ff:2::3").udp(1, 2));
  CHECK(bed.sent.size() == 1);
}

TEST_CASE("errors never add up to more than was received and a burst") {
  SlowPathBed::Options options;
  options.change_pop = [](PopRecord& pop) {
    pop.icmp_errors_per_second = 1'000'000;
    pop.icmp_errors_per_second_per_tunnel = 1'000'000;
  };
  SlowPathBed bed(options);
  uint64_t received = 0;
  const Bytes small = to_tunnel("2001:db8:ff:1::3").protocol(kProtocolNoNext).build();
  for (int i = 0; i < 10'000; ++i) {
    bed.receive(small);
    received += small.size();
    bed.now += kSecond / 10'000;
  }
  uint64_t answered = 0;
  for (const Bytes& frame : bed.sent) answered += frame.size();
  CHECK(answered <= received + AnswerCredit::kBurst);
  CHECK(bed.counter(WorkerCounter::kIcmpv6ErrorsLimited) > 0);
}

TEST_CASE("without a buffer the packet is dropped all the same and nothing is lost") {
  SlowPathBed bed;
  bed.out_of_buffers = true;
  bed.receive(to_tunnel("2001:db8:ff:1::3").udp(1, 2));
  CHECK(bed.sent.empty());
  CHECK(bed.drops(DropReason::kDestinationNotEndpoint) == 1);
  CHECK(bed.counter(WorkerCounter::kOriginated) == 0);
}

}  // namespace simplon::test
