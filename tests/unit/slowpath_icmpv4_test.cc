// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <algorithm>

#include "dataplane/net/checksum.h"
#include "tests/support/catch.h"
#include "tests/unit/slowpath_bed.h"

namespace simplon::test {
namespace {

constexpr auto kPeer = "203.0.113.9";

PacketBuilder to_pop() {
  return SlowPathBed::from_router().ipv4(kPeer, "192.0.2.1");
}

void check_ipv4(const Bytes& packet) {
  CHECK(ipv4_header_valid(std::span(packet).first(20)));
  CHECK(checksum_fold(checksum_add(0, std::span(packet).subspan(20))) == 0xffff);
}

SlowPathBed::Options with_flags(uint32_t flags) {
  SlowPathBed::Options options;
  options.change_pop = [flags](PopRecord& pop) { pop.flags |= flags; };
  return options;
}

// An ICMPv4 error of `type` that quotes the first bytes of a packet.
PacketBuilder error_about(uint8_t type, std::string_view source, uint8_t protocol) {
  Bytes quoted =
      PacketBuilder().ipv4(source, "198.51.100.10").protocol(protocol).payload(8).build();
  return to_pop().icmpv4(type, 1).raw(quoted);
}

}  // namespace

TEST_CASE("an ICMPv4 ping is answered from the address pinged, with its data") {
  SlowPathBed bed;
  for (const auto* pinged : {"192.0.2.1", "192.0.2.77", "10.7.0.1"}) {
    const auto request = SlowPathBed::from_router()
                             .ipv4(kPeer, pinged)
                             .traffic_class(0xb9)
                             .echo_request(0x1234, 5, 33)
                             .pad_to(120);
    bed.receive(request);
    const Bytes frame = bed.take();
    const Bytes reply = outer_of(frame);
    const Bytes asked = outer_of(request.build());
    check_ipv4(reply);
    const auto& ip = at<Ipv4Header>(reply, 0);
    CHECK(ip.source == v4(pinged));
    CHECK(ip.destination == v4(kPeer));
    CHECK(ip.ttl == 64);
    CHECK(ip.tos == 0xb8);
    CHECK(ip.flags_fragment.value() == kIpv4DontFragment);
    CHECK(at<IcmpHeader>(reply, 20).type == kIcmpv4EchoReply);
    CHECK(Bytes(reply.begin() + 24, reply.end()) == Bytes(asked.begin() + 24, asked.end()));
    CHECK(at<EthernetHeader>(frame, 0).destination == kRouterMac);
  }
  CHECK(bed.counter(WorkerCounter::kEchoReplies) == 3);
  CHECK(bed.counter(WorkerCounter::kConsumed) == 3);
  CHECK(bed.counter(WorkerCounter::kOriginated) == 3);
}

TEST_CASE("IPv4 options of a ping are not in the reply") {
  SlowPathBed bed;
  const uint8_t options[] = {1, 1, 1, 0};
  Bytes frame = to_pop().options(options).protocol(1).build();
  const Bytes ping = PacketBuilder().icmpv4(8, 0, 0x00010002).payload(4).build();
  frame.insert(frame.end(), ping.begin(), ping.end());
  auto* ip = reinterpret_cast<Ipv4Header*>(frame.data() + 14);
  ip->total_length = static_cast<uint16_t>(frame.size() - 14);
  ip->checksum = uint16_t{0};
  ip->checksum = checksum_finish(checksum_add(0, std::span(frame).subspan(14, 24)));
  bed.receive(frame);
  const Bytes reply = outer_of(bed.take());
  check_ipv4(reply);
  CHECK(reply.size() == 32);
  CHECK(at<IcmpHeader>(reply, 20).rest.value() == 0x00010002);
}

TEST_CASE("pings that nobody should answer are dropped") {
  SlowPathBed bed;
  bed.receive(to_pop().icmpv4(8, 0).checksum(0x1111));
  CHECK(bed.drops(DropReason::kIcmpv4Malformed) == 1);
  bed.receive(to_pop().protocol(1).payload(7));
  CHECK(bed.drops(DropReason::kIcmpv4Malformed) == 2);
  bed.receive(SlowPathBed::from_router().ipv4("192.0.2.255", "192.0.2.1").echo_request(1, 1, 8));
  bed.receive(PacketBuilder()
                  .ethernet({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, kRouterMac)
                  .ipv4(kPeer, "192.0.2.1")
                  .echo_request(1, 1, 8));
  bed.receive(to_pop().fragment(0, true).echo_request(1, 1, 16));
  CHECK(bed.drops(DropReason::kIcmpv4Ignored) == 3);
  CHECK(bed.sent.empty());
}

TEST_CASE("a setting turns the answer to ICMPv4 pings off") {
  SlowPathBed bed(with_flags(kPopIgnoreIcmpv4Echo));
  bed.receive(to_pop().echo_request(1, 1, 8));
  CHECK(bed.sent.empty());
  CHECK(bed.drops(DropReason::kIcmpv4Ignored) == 1);
}

TEST_CASE("a ping that cannot be answered in one frame is dropped by name") {
  SlowPathBed bed;
  bed.receive(to_pop().echo_request(1, 1, 1480));
  CHECK(bed.sent.empty());
  CHECK(bed.drops(DropReason::kReplyTooBig) == 1);
}

TEST_CASE("errors about our own tunnel packets are counted and change nothing") {
  SlowPathBed bed;
  for (const uint8_t type : std::initializer_list<uint8_t>{3, 4, 11, 12}) {
    bed.receive(error_about(type, "192.0.2.1", kProtocolIpv6));
  }
  CHECK(bed.counter(WorkerCounter::kIcmpv4Errors) == 4);
  CHECK(bed.counter(WorkerCounter::kConsumed) == 4);
  CHECK(bed.all_drops() == 0);
}

TEST_CASE("errors about somebody else's packets, and all else, are ignored") {
  SlowPathBed bed;
  bed.receive(error_about(3, "203.0.113.77", kProtocolIpv6));
  bed.receive(error_about(3, "192.0.2.1", kProtocolTcp));
  bed.receive(to_pop().icmpv4(3, 4).payload(19));
  bed.receive(to_pop().icmpv4(5, 0).payload(28));
  bed.receive(to_pop().icmpv4(0, 0).payload(28));
  bed.receive(to_pop().icmpv4(13, 0).payload(12));
  CHECK(bed.drops(DropReason::kIcmpv4Ignored) == 6);
  CHECK(bed.counter(WorkerCounter::kIcmpv4Errors) == 0);
  CHECK(bed.sent.empty());
}

TEST_CASE("protocol 41 that matches no tunnel is answered where the PoP says so, and only then") {
  const auto stray = SlowPathBed::from_tunnel("203.0.113.5")
                         .ipv6("2001:db8:1000::5", "2001:db8:aaaa::1")
                         .udp(1, 2)
                         .payload(700);
  {
    SlowPathBed silent;
    silent.receive(stray);
    CHECK(silent.sent.empty());
    CHECK(silent.drops(DropReason::kOuterSourceMismatch) == 1);
  }
  SlowPathBed bed(with_flags(kPopIcmpv4ProtocolUnreachable));
  bed.receive(stray);
  const Bytes reply = outer_of(bed.take());
  check_ipv4(reply);
  CHECK(reply.size() == 576);
  CHECK(at<Ipv4Header>(reply, 0).source == v4("192.0.2.1"));
  CHECK(at<Ipv4Header>(reply, 0).destination == v4("203.0.113.5"));
  CHECK(at<Ipv4Header>(reply, 0).tos == 0xc0);
  CHECK(at<IcmpHeader>(reply, 20).type == kIcmpv4Unreachable);
  CHECK(at<IcmpHeader>(reply, 20).code == kIcmpv4ProtocolUnreachable);
  CHECK(at<IcmpHeader>(reply, 20).rest.value() == 0);
  const Bytes received = outer_of(stray.build());
  CHECK(std::equal(reply.begin() + 28, reply.end(), received.begin()));
  CHECK(bed.drops(DropReason::kOuterSourceMismatch) == 1);
  CHECK(bed.counter(WorkerCounter::kIcmpv4ErrorsSent) == 1);
  // Not about a frame to everybody, nor to a source that is nobody's.
  bed.receive(PacketBuilder()
                  .ethernet({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, kRouterMac)
                  .ipv4("203.0.113.5", "192.0.2.1")
                  .ipv6("2001:db8:1000::5", "2001:db8:aaaa::1"));
  bed.receive(SlowPathBed::from_tunnel("192.0.2.255").ipv6("2001:db8:1000::5", "2001:db8:aaaa::1"));
  CHECK(bed.sent.empty());
  CHECK(bed.counter(WorkerCounter::kIcmpv4ErrorsSent) == 1);
}

}  // namespace simplon::test
