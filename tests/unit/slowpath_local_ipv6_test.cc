// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// IPv6 to the PoP's own addresses: echo, neighbour discovery in tunnels, and what is refused.

#include "dataplane/net/checksum.h"
#include "dataplane/slowpath/nd_message.h"
#include "tests/support/catch.h"
#include "tests/unit/slowpath_bed.h"

namespace simplon::test {
namespace {

constexpr auto kHost = "2001:db8:aaaa::1";
constexpr auto kClientLinkLocal = "fe80::c633:640a";
constexpr auto kPopLinkLocal = "fe80::c000:201";  // 192.0.2.1

PacketBuilder in_tunnel(std::string_view source, std::string_view destination) {
  return SlowPathBed::from_tunnel().ipv6(source, destination);
}

PacketBuilder solicitation(std::string_view target, std::string_view source = "2001:db8:ff:1::2",
                           std::string_view destination = "ff02::1:ff00:1") {
  return in_tunnel(source, destination).ttl(255).neighbor_solicitation(target);
}

// The reply to an echo request that is the last layer of `request`.
void check_echo(const Bytes& reply, const Bytes& request) {
  CHECK(icmpv6_sums_up(reply));
  const auto& asked = at<Ipv6Header>(request, 0);
  const auto& ip = at<Ipv6Header>(reply, 0);
  CHECK(ip.source == asked.destination);
  CHECK(ip.destination == asked.source);
  CHECK(ip.hop_limit == 64);
  CHECK(at<IcmpHeader>(reply, 40).type == kIcmpv6EchoReply);
  CHECK(at<IcmpHeader>(reply, 40).code == 0);
  CHECK(at<IcmpHeader>(reply, 40).rest == at<IcmpHeader>(request, 40).rest);
  CHECK(Bytes(reply.begin() + 48, reply.end()) == Bytes(request.begin() + 48, request.end()));
}

void append(Bytes& to, const Bytes& more) {
  to.insert(to.end(), more.begin(), more.end());
}

// An echo request from N to T1's ::1 behind the extension headers given, the first of which is
// `first`; the last must name ICMPv6.
Bytes echo_behind(uint8_t first, const Bytes& headers) {
  const Bytes plain =
      SlowPathBed::from_router().ipv6(kHost, "2001:db8:ff:1::1").echo_request(7, 8, 16).build();
  Bytes frame(plain.begin(), plain.begin() + 54);
  append(frame, headers);
  append(frame, Bytes(plain.begin() + 54, plain.end()));
  auto* ip = reinterpret_cast<Ipv6Header*>(frame.data() + 14);
  ip->next_header = first;
  ip->payload_length = static_cast<uint16_t>(frame.size() - 54);
  return frame;
}

struct Advertisement {
  Ipv6Header ip;
  NeighborMessage message;
  std::size_t size;
};

Advertisement parse_advertisement(const Bytes& packet) {
  CHECK(icmpv6_sums_up(packet));
  const auto& message = at<NeighborMessage>(packet, 40);
  CHECK(message.type == kIcmpv6NeighborAdvertisement);
  CHECK(message.code == 0);
  CHECK(at<Ipv6Header>(packet, 0).hop_limit == 255);
  return {at<Ipv6Header>(packet, 0), message, packet.size()};
}

}  // namespace

TEST_CASE("a client's ping of its ::1 is answered back into the tunnel") {
  SlowPathBed bed;
  const auto request = in_tunnel("2001:db8:ff:1::2", "2001:db8:ff:1::1").echo_request(77, 3, 56);
  bed.receive(request);
  const Bytes frame = bed.take();
  const auto& outer = at<Ipv4Header>(frame, 14);
  CHECK(outer.source == v4("192.0.2.1"));
  CHECK(outer.destination == v4("198.51.100.10"));
  check_echo(inner_of(frame), inner_of(request.build()));
  CHECK(bed.counter(WorkerCounter::kConsumed) == 1);
  CHECK(bed.counter(WorkerCounter::kOriginated) == 1);
  CHECK(bed.counter(WorkerCounter::kEchoReplies) == 1);
  CHECK(bed.tunnel(1).in_packets == 1);
  CHECK(bed.tunnel(1).in_bytes == 104);
  CHECK(bed.tunnel(1).out_packets == 1);
  CHECK(bed.tunnel(1).out_bytes == 104);
  CHECK(bed.all_drops() == 0);
}

TEST_CASE("whoever is pinged answers, in whatever way the ping came") {
  SlowPathBed bed;
  const auto ping = [&bed](PacketBuilder request) {
    request.echo_request(1, 2, 8);
    bed.receive(request);
    const Bytes frame = bed.take();
    check_echo(inner_of(frame), inner_of(request.build()));
    return at<EthernetHeader>(frame, 0).type.value();
  };
  // Another tunnel's ::1, a disabled tunnel's, the PoP's own and an interface's, from a tunnel.
  CHECK(ping(in_tunnel("2001:db8:1000::5", "2001:db8:ff:2::1")) == kEtherTypeIpv4);
  CHECK(ping(in_tunnel("2001:db8:1000::5", "2001:db8:ff:4::1")) == kEtherTypeIpv4);
  CHECK(ping(in_tunnel("2001:db8:1000::5", "2001:db8:ff:ffff::1")) == kEtherTypeIpv4);
  CHECK(ping(in_tunnel("2001:db8:1000::5", "2001:db8:a::1")) == kEtherTypeIpv4);
  // The same from the uplink.
  for (const auto* pinged : {"2001:db8:ff:1::1", "2001:db8:ff:4::1", "2001:db8:ff:ffff::1",
                             "2001:db8:a::1", "2001:db8:7::1"}) {
    CHECK(ping(SlowPathBed::from_router().ipv6(kHost, pinged)) == kEtherTypeIpv6);
  }
  CHECK(bed.all_drops() == 0);
}

TEST_CASE("a ping as large as the tunnel is answered, a larger reply is dropped by name") {
  SlowPathBed bed;
  bed.receive(in_tunnel("2001:db8:ff:1::2", "2001:db8:ff:1::1").echo_request(1, 1, 1480 - 48));
  CHECK(inner_of(bed.take()).size() == 1480);
  // T2 has MTU 1280, but may send more than that.
  bed.receive(SlowPathBed::from_tunnel("198.51.100.20")
                  .ipv6("2001:db8:ff:2::2", "2001:db8:ff:2::1")
                  .echo_request(1, 1, 1281 - 48));
  CHECK(bed.sent.empty());
  CHECK(bed.drops(DropReason::kReplyTooBig) == 1);
  CHECK(bed.counter(WorkerCounter::kEchoReplies) == 1);
}

TEST_CASE("Ethernet padding does not come back in an echo reply") {
  SlowPathBed bed;
  const auto request = SlowPathBed::from_router()
                           .ipv6("fe80::1234", "fe80::ff:fe00:1")
                           .echo_request(9, 9, 1)
                           .pad_to(90);
  bed.receive(request);
  check_echo(outer_of(bed.take()), outer_of(request.build()));
}

TEST_CASE("a link-local neighbour is answered at the station it asked from") {
  SlowPathBed bed;
  bed.receive(PacketBuilder()
                  .ethernet(kPopMac, kHostMac)
                  .vlan(7)
                  .ipv6("fe80::1234", "fe80::ff:fe00:1")
                  .echo_request(9, 9, 40));
  const Bytes frame = bed.take();
  CHECK(at<EthernetHeader>(frame, 0).destination == kHostMac);
  CHECK(at<EthernetHeader>(frame, 0).source == kPopMac);
  CHECK(at<VlanTag>(frame, 14).vlan() == 7);
  CHECK(at<VlanTag>(frame, 14).type.value() == kEtherTypeIpv6);
}

TEST_CASE("echo requests that are wrong or to a group are dropped") {
  SlowPathBed bed;
  bed.receive(in_tunnel("2001:db8:ff:1::2", "2001:db8:ff:1::1").icmpv6(128, 0).checksum(0x1234));
  CHECK(bed.drops(DropReason::kIcmpv6Malformed) == 1);
  bed.receive(in_tunnel("2001:db8:ff:1::2", "2001:db8:ff:1::1")
                  .protocol(kProtocolIcmpv6)
                  .raw(std::array<uint8_t, 7>{128, 0, 0, 0, 0, 0, 0}));
  CHECK(bed.drops(DropReason::kIcmpv6Malformed) == 2);
  bed.receive(in_tunnel("2001:db8:ff:1::2", "ff02::1").echo_request(1, 1, 8));
  CHECK(bed.drops(DropReason::kIcmpv6Ignored) == 1);
  CHECK(bed.sent.empty());
}

TEST_CASE("types that ask for nothing are ignored") {
  SlowPathBed bed;
  uint64_t n = 0;
  for (const uint8_t type : std::initializer_list<uint8_t>{1, 3, 100, 129, 130, 133, 134, 136, 137,
                                                           139, 143, 160, 200, 255}) {
    bed.receive(
        in_tunnel("2001:db8:ff:1::2", "2001:db8:ff:1::1").ttl(255).icmpv6(type, 0).payload(24));
    CHECK(bed.drops(DropReason::kIcmpv6Ignored) == ++n);
  }
  CHECK(bed.sent.empty());
}

TEST_CASE("other protocols to the PoP get port unreachable from the address they were sent to") {
  SlowPathBed bed;
  bed.receive(in_tunnel("2001:db8:ff:1::2", "2001:db8:ff:2::1").udp(1, 5072).payload(20));
  const Bytes reply = inner_of(bed.take());
  CHECK(at<IcmpHeader>(reply, 40).type == 1);
  CHECK(at<IcmpHeader>(reply, 40).code == 4);
  CHECK(at<Ipv6Header>(reply, 0).source == v6("2001:db8:ff:2::1"));
  bed.receive(SlowPathBed::from_router()
                  .ipv6(kHost, "2001:db8:ff:1::1")
                  .protocol(kProtocolTcp)
                  .payload(20));
  CHECK(at<IcmpHeader>(outer_of(bed.take()), 40).code == 4);
  // Nesting towards the PoP itself.
  bed.receive(
      in_tunnel("2001:db8:ff:1::2", "2001:db8:ff:1::1").ipv6("2001:db8:1000::1", kHost).udp(1, 2));
  CHECK(at<IcmpHeader>(inner_of(bed.take()), 40).code == 4);
  CHECK(bed.drops(DropReason::kPortUnreachable) == 3);
}

TEST_CASE("an echo request behind skippable headers is answered without them") {
  SlowPathBed bed;
  const Bytes skipped{kProtocolRouting, 0, 5, 2, 0, 0, 1, 0, kProtocolIcmpv6, 0, 0, 0, 0, 0, 0, 0};
  bed.receive(echo_behind(kProtocolHopByHop, skipped));
  const Bytes reply = outer_of(bed.take());
  CHECK(icmpv6_sums_up(reply));
  CHECK(reply.size() == 64);
  CHECK(at<Ipv6Header>(reply, 0).next_header == kProtocolIcmpv6);
  CHECK(at<IcmpHeader>(reply, 40).rest.value() == 0x00070008);
}

TEST_CASE("routing header type 0 with segments left gets a parameter problem at its type") {
  SlowPathBed bed;
  const Bytes frame = echo_behind(kProtocolRouting, {kProtocolIcmpv6, 0, 0, 1, 0, 0, 0, 0});
  bed.receive(frame);
  const Bytes reply = outer_of(bed.take());
  CHECK(icmpv6_sums_up(reply));
  CHECK(at<IcmpHeader>(reply, 40).type == kIcmpv6ParameterProblem);
  CHECK(at<IcmpHeader>(reply, 40).code == 0);
  CHECK(at<IcmpHeader>(reply, 40).rest.value() == 42);
  CHECK(at<Ipv6Header>(reply, 0).source == v6("2001:db8:ff:1::1"));
  CHECK(Bytes(reply.begin() + 48, reply.end()) == outer_of(frame));
  CHECK(bed.drops(DropReason::kExtensionHeader) == 1);
}

TEST_CASE("fragments, long chains and nothing at all are dropped silently") {
  SlowPathBed bed;
  bed.receive(echo_behind(kProtocolFragment, {kProtocolIcmpv6, 0, 0, 1, 0, 0, 0, 5}));
  bed.receive(echo_behind(kProtocolFragment, {kProtocolIcmpv6, 0, 0, 8, 0, 0, 0, 5}));
  Bytes chain;
  for (int i = 0; i < 60; ++i) append(chain, {kProtocolDestinationOptions, 0, 1, 4, 0, 0, 0, 0});
  bed.receive(echo_behind(kProtocolDestinationOptions, chain));
  bed.receive(SlowPathBed::from_router().ipv6(kHost, "2001:db8:ff:1::1").protocol(59).payload(9));
  CHECK(bed.sent.empty());
  CHECK(bed.drops(DropReason::kExtensionHeader) == 4);
}

TEST_CASE("echo keeps to its budget") {
  SlowPathBed bed;
  const Bytes request =
      in_tunnel("2001:db8:ff:1::2", "2001:db8:ff:1::1").echo_request(1, 1, 8).build();
  for (int i = 0; i < 1000; ++i) bed.receive(request);
  CHECK(bed.sent.size() == 500);
  CHECK(bed.drops(DropReason::kEchoRateLimited) == 500);
}

TEST_CASE("a solicitation for ::1 is answered with router and solicited, without options") {
  SlowPathBed bed;
  for (const auto* to : {"ff02::1:ff00:1", "2001:db8:ff:1::1"}) {
    bed.receive(solicitation("2001:db8:ff:1::1", "2001:db8:ff:1::2", to));
    const Bytes frame = bed.take();
    CHECK(at<Ipv4Header>(frame, 14).destination == v4("198.51.100.10"));
    const Advertisement a = parse_advertisement(inner_of(frame));
    CHECK(a.ip.source == v6("2001:db8:ff:1::1"));
    CHECK(a.ip.destination == v6("2001:db8:ff:1::2"));
    CHECK(a.message.flags.value() == 0xc0000000);
    CHECK(a.message.target == v6("2001:db8:ff:1::1"));
    CHECK(a.size == 64);
  }
  CHECK(bed.counter(WorkerCounter::kNeighborAdverts) == 2);
  CHECK(bed.counter(WorkerCounter::kConsumed) == 2);
  CHECK(bed.tunnel(1).in_packets == 2);
}

TEST_CASE("a source link-layer option on a tunnel is ignored and the solicitation answered") {
  SlowPathBed bed;
  bed.receive(solicitation("2001:db8:ff:1::1").link_layer_option(1, kHostMac));
  CHECK(parse_advertisement(inner_of(bed.take())).size == 64);
}

TEST_CASE("malformed solicitations are ignored") {
  SlowPathBed bed;
  const auto in = [](const char* target) { return solicitation(target); };
  // Hop limit, code, length, checksum, target, option length, unspecified source with an option,
  // unspecified source to a unicast address.
  bed.receive(in_tunnel("2001:db8:ff:1::2", "2001:db8:ff:1::1")
                  .ttl(254)
                  .neighbor_solicitation("2001:db8:ff:1::1"));
  bed.receive(in_tunnel("2001:db8:ff:1::2", "2001:db8:ff:1::1")
                  .ttl(255)
                  .icmpv6(135, 1)
                  .raw(v6("2001:db8:ff:1::1").bytes));
  bed.receive(
      in_tunnel("2001:db8:ff:1::2", "2001:db8:ff:1::1").ttl(255).icmpv6(135, 0).payload(15));
  bed.receive(in_tunnel("2001:db8:ff:1::2", "2001:db8:ff:1::1")
                  .ttl(255)
                  .icmpv6(135, 0)
                  .checksum(1)
                  .raw(v6("2001:db8:ff:1::1").bytes));
  bed.receive(in("ff02::1"));
  bed.receive(in("2001:db8:ff:1::1").raw(std::array<uint8_t, 8>{1, 0}));
  bed.receive(in("2001:db8:ff:1::1").raw(std::array<uint8_t, 8>{1, 2}));
  bed.receive(in("2001:db8:ff:1::1").raw(std::array<uint8_t, 1>{1}));
  bed.receive(solicitation("2001:db8:ff:1::1", "::").link_layer_option(1, kHostMac));
  CHECK(bed.sent.empty());
  CHECK(bed.drops(DropReason::kIcmpv6Malformed) == 9);
}

TEST_CASE("a solicitation behind a fragment header is dropped") {
  SlowPathBed bed;
  Bytes frame = solicitation("2001:db8:ff:1::1", "2001:db8:ff:1::2", "2001:db8:ff:1::1").build();
  const Bytes header{kProtocolIcmpv6, 0, 0, 0, 0, 0, 0, 1};
  frame.insert(frame.begin() + 74, header.begin(), header.end());
  auto* outer = reinterpret_cast<Ipv4Header*>(frame.data() + 14);
  outer->total_length = static_cast<uint16_t>(outer->total_length.value() + 8);
  outer->checksum = uint16_t{0};
  outer->checksum = ipv4_header_checksum(*outer);
  auto* inner = reinterpret_cast<Ipv6Header*>(frame.data() + 34);
  inner->next_header = kProtocolFragment;
  inner->payload_length = static_cast<uint16_t>(inner->payload_length.value() + 8);
  bed.receive(frame);
  CHECK(bed.sent.empty());
  CHECK(bed.drops(DropReason::kExtensionHeader) == 1);
}

TEST_CASE("solicitations for somebody else are not answered") {
  SlowPathBed bed;
  bed.receive(solicitation("2001:db8:ff:1::2"));
  bed.receive(solicitation("2001:db8:ff:1::3"));
  bed.receive(solicitation("2001:db8:ff:2::1"));
  bed.receive(solicitation("2001:db8:ff:1::2", kClientLinkLocal, "ff02::1:ff00:2"));
  bed.receive(solicitation("2001:db8:ff:2::1", kClientLinkLocal));
  CHECK(bed.sent.empty());
  CHECK(bed.drops(DropReason::kNdNotOurs) == 5);
}

TEST_CASE("duplicate address detection for ::1 is answered to all nodes, for ::2 not") {
  SlowPathBed bed;
  bed.receive(solicitation("2001:db8:ff:1::1", "::"));
  const Advertisement a = parse_advertisement(inner_of(bed.take()));
  CHECK(a.ip.destination == v6("ff02::1"));
  CHECK(a.message.flags.value() == 0x80000000);
  bed.receive(solicitation("2001:db8:ff:1::2", "::", "ff02::1:ff00:2"));
  CHECK(bed.sent.empty());
}

TEST_CASE("the PoP's link-local address on a tunnel answers pings and solicitations") {
  SlowPathBed bed;
  const auto ping = in_tunnel(kClientLinkLocal, kPopLinkLocal).echo_request(5, 6, 32);
  bed.receive(ping);
  const Bytes frame = bed.take();
  CHECK(at<Ipv4Header>(frame, 14).destination == v4("198.51.100.10"));
  check_echo(inner_of(frame), inner_of(ping.build()));

  bed.receive(solicitation(kPopLinkLocal, kClientLinkLocal, "ff02::1:ff00:201"));
  const Advertisement a = parse_advertisement(inner_of(bed.take()));
  CHECK(a.ip.source == v6(kPopLinkLocal));
  CHECK(a.ip.destination == v6(kClientLinkLocal));
  CHECK(a.message.target == v6(kPopLinkLocal));
  CHECK(a.message.flags.value() == 0xc0000000);

  bed.receive(solicitation(kPopLinkLocal, "2001:db8:ff:1::2", kPopLinkLocal));
  CHECK(parse_advertisement(inner_of(bed.take())).ip.destination == v6("2001:db8:ff:1::2"));
}

TEST_CASE("a link-local source is answered only in the tunnel its outer addresses name") {
  SlowPathBed bed;
  const auto ask = [](std::string_view remote, std::string_view local) {
    return SlowPathBed::from_tunnel(remote, local)
        .ipv6("fe80::2", "ff02::1:ff00:1")
        .ttl(255)
        .neighbor_solicitation("2001:db8:ff:1::1");
  };
  bed.receive(ask("203.0.113.5", "192.0.2.1"));  // nobody
  CHECK(bed.drops(DropReason::kOuterSourceMismatch) == 1);
  bed.receive(ask("198.51.100.10", "192.0.2.77"));  // not T1's local address
  CHECK(bed.drops(DropReason::kOuterSourceMismatch) == 2);
  bed.receive(SlowPathBed::from_tunnel("198.51.100.40")
                  .ipv6("fe80::2", "ff02::1:ff00:1")
                  .ttl(255)
                  .neighbor_solicitation("2001:db8:ff:4::1"));
  CHECK(bed.drops(DropReason::kTunnelDisabled) == 1);
  CHECK(bed.sent.empty());
  bed.receive(ask("198.51.100.10", "192.0.2.1"));
  CHECK(bed.sent.size() == 1);
}

TEST_CASE("of two tunnels behind one address the target tells which is meant") {
  SlowPathBed bed;
  for (const auto* target : {"2001:db8:ff:5::1", "2001:db8:ff:6::1"}) {
    bed.receive(SlowPathBed::from_tunnel("198.51.100.50")
                    .ipv6("fe80::2", "ff02::1:ff00:1")
                    .ttl(255)
                    .neighbor_solicitation(target));
    CHECK(parse_advertisement(inner_of(bed.take())).message.target == v6(target));
  }
  CHECK(bed.tunnel(5).in_packets == 1);
  CHECK(bed.tunnel(6).in_packets == 1);
  CHECK(bed.tunnel(6).out_packets == 1);
}

TEST_CASE("a client that speaks as the PoP is dropped") {
  SlowPathBed bed;
  bed.receive(in_tunnel(kPopLinkLocal, kPopLinkLocal).echo_request(1, 1, 8));
  CHECK(bed.drops(DropReason::kInnerSourceIsPop) == 1);
  CHECK(bed.sent.empty());
}

TEST_CASE("link-local traffic to anybody but the PoP's end is dropped") {
  SlowPathBed bed;
  bed.receive(in_tunnel(kClientLinkLocal, "fe80::99").echo_request(1, 1, 8));
  // The link-local address of an interface is not one of the tunnel's.
  bed.receive(in_tunnel(kClientLinkLocal, "fe80::ff:fe00:1").echo_request(1, 1, 8));
  CHECK(bed.drops(DropReason::kLinkLocalTransit) == 2);
  bed.receive(in_tunnel(kClientLinkLocal, "ff02::2").ttl(255).icmpv6(133, 0));
  bed.receive(in_tunnel(kClientLinkLocal, "ff02::16").ttl(1).icmpv6(143, 0));
  CHECK(bed.sent.empty());
}

TEST_CASE("from the uplink nobody speaks with our addresses to us") {
  SlowPathBed bed;
  for (const auto* source :
       {"2001:db8:a::1", "2001:db8:ff:ffff::1", "2001:db8:ff:1::2", "2001:db8:1000::1"}) {
    bed.receive(SlowPathBed::from_router().ipv6(source, "2001:db8:a::1").echo_request(1, 1, 8));
  }
  CHECK(bed.drops(DropReason::kTunnelSourceFromUplink) == 4);
  bed.receive(SlowPathBed::from_router().ipv6("::", "2001:db8:a::1").echo_request(1, 1, 8));
  bed.receive(SlowPathBed::from_router().ipv6("ff02::1", "2001:db8:a::1").echo_request(1, 1, 8));
  bed.receive(SlowPathBed::from_router().ipv6("::1", "2001:db8:a::1").echo_request(1, 1, 8));
  CHECK(bed.drops(DropReason::kSourceInvalid) == 3);
  CHECK(bed.sent.empty());
}

}  // namespace simplon::test
