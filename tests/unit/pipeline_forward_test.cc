// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Into tunnels: routing, budgets and outer headers.

#include "dataplane/pipeline/tunnel_route.h"
#include "tests/support/catch.h"
#include "tests/unit/pipeline_bed.h"

namespace simplon::test {
namespace {

constexpr std::string_view kNative = "2001:db8:aaaa::1";
constexpr std::string_view kNativeIpv4 = "203.0.113.200";

PacketBuilder to_ipv6(std::string_view destination) {
  return PipelineBed::from_router().ipv6(kNative, destination);
}
PacketBuilder to_ipv4(std::string_view destination, std::string_view source = kNativeIpv4) {
  return PipelineBed::from_router().ipv4(source, destination);
}

template <typename Header>
const Header& header(const Bytes& packet, std::size_t offset) {
  if (packet.size() < offset + sizeof(Header)) throw std::logic_error("packet is too short");
  return *reinterpret_cast<const Header*>(packet.data() + offset);
}

Bytes sent(PipelineBed& bed, const PacketBuilder& frame) {
  bed.receive(frame);
  if (bed.packet.verdict != Verdict::kTransmit) throw std::logic_error("was not sent");
  return bed.ip_packet();
}

DropReason reason_of(PipelineBed& bed, const PacketBuilder& frame) {
  bed.receive(frame);
  const bool answered =
      bed.packet.verdict == Verdict::kPunt && bed.packet.punt_class == PuntClass::kIcmpError;
  if (bed.packet.verdict != Verdict::kDrop && !answered) {
    throw std::logic_error("was not dropped");
  }
  return bed.packet.reason;
}

}  // namespace

TEST_CASE("GRE over IPv4 is sent with what the tunnel has: checksum, key, sequence number") {
  PipelineBed bed;
  for (uint32_t n = 0; n < 2; ++n) {
    const Bytes packet = sent(bed, to_ipv6("2001:db8:1005::1").traffic_class(0xff).payload(33));
    const auto& ip = header<Ipv4Header>(packet, 0);
    CHECK(ip.protocol == kProtocolGre);
    CHECK(ip.source == v4("192.0.2.1"));
    CHECK(ip.destination == v4("198.51.100.50"));
    CHECK(ip.total_length.value() == 20 + 16 + 40 + 33);
    CHECK(ip.flags_fragment.value() == kIpv4DontFragment);
    CHECK(ip.id.value() == 0);
    CHECK(ip.tos == 0);
    CHECK(ipv4_header_valid(ip));
    CHECK(header<GreHeader>(packet, 20).flags.value() == 0xb000);
    CHECK(header<GreHeader>(packet, 20).protocol.value() == kEtherTypeIpv6);
    CHECK(header<Be32>(packet, 28).value() == kKeyOfGreIpv4);
    CHECK(header<Be32>(packet, 32).value() == n);
    CHECK(checksum_fold(checksum_add(0, std::span(packet).subspan(20))) == 0xffff);
    CHECK(header<Ipv6Header>(packet, 36).hop_limit == 63);
  }
}

TEST_CASE("GRE over IPv6 without options is four bytes") {
  PipelineBed bed;
  const Bytes packet = sent(bed, to_ipv4("198.18.0.6").payload(20));
  const auto& ip = header<Ipv6Header>(packet, 0);
  CHECK(ip.next_header == kProtocolGre);
  CHECK(ip.payload_length.value() == 4 + 40);
  CHECK(ip.source == v6("2001:db8:a::1"));
  CHECK(ip.destination == v6("2001:db8:6::6"));
  CHECK(ip.hop_limit == 64);
  CHECK(header<GreHeader>(packet, 40).flags.value() == 0);
  CHECK(header<GreHeader>(packet, 40).protocol.value() == kEtherTypeIpv4);
  CHECK(header<Ipv4Header>(packet, 44).ttl == 63);
  CHECK(ipv4_header_valid(header<Ipv4Header>(packet, 44)));
}

TEST_CASE("6in6 carries the configured encapsulation limit, 4in6 too") {
  PipelineBed bed;
  const Bytes options{0, 0, 4, 1, 4, 1, 1, 0};
  Bytes packet = sent(bed, to_ipv6("2001:db8:1007::1").traffic_class(0xba).payload(9));
  CHECK(header<Ipv6Header>(packet, 0).next_header == kProtocolDestinationOptions);
  CHECK(header<Ipv6Header>(packet, 0).payload_length.value() == 8 + 40 + 9);
  CHECK(header<Ipv6Header>(packet, 0).traffic_class() == 2);  // normal ECN, DSCP 0
  Bytes expected = options;
  expected[0] = kProtocolIpv6;
  CHECK(Bytes(packet.begin() + 40, packet.begin() + 48) == expected);

  packet = sent(bed, to_ipv4("198.18.0.7").payload(9));
  expected[0] = kProtocolIpv4;
  CHECK(Bytes(packet.begin() + 40, packet.begin() + 48) == expected);

  packet = sent(bed, to_ipv4("198.18.0.8").payload(9));
  CHECK(header<Ipv6Header>(packet, 0).next_header == kProtocolIpv4);
  CHECK(header<Ipv4Header>(packet, 40).destination == v4("198.18.0.8"));
}

TEST_CASE("an inner encapsulation limit is counted down, and 0 ends it") {
  PipelineBed bed;
  const auto limited = [](std::string_view destination, uint8_t limit) {
    return to_ipv6(destination).encapsulation_limit(limit).ipv6(kNative, "2001:db8:c::1");
  };
  CHECK(sent(bed, limited("2001:db8:1007::1", 3))[44] == 2);
  CHECK(sent(bed, limited("2001:db8:1007::1", 200))[44] == 4);
  CHECK(sent(bed, limited("2001:db8:1007::1", 1))[44] == 0);
  CHECK(reason_of(bed, limited("2001:db8:1007::1", 0)) == DropReason::kEncapsulationLimit);
  CHECK(bed.packet.detail == 44);  // where the limit stands, for the parameter problem
  CHECK(reason_of(bed, limited("2001:db8:1008::1", 0)) == DropReason::kEncapsulationLimit);
  // Into IPv4 it says nothing (RFC 2473 is about IPv6).
  CHECK(sent(bed, limited("2001:db8:1001::1", 0)).size() > 0);
}

TEST_CASE("a heartbeat tunnel is 6in4 or 6in6 to where its client is") {
  PipelineBed bed;
  CHECK(reason_of(bed, to_ipv6("2001:db8:1002::1")) == DropReason::kDestinationDown);
  bed.bring_up(kBeats, "203.0.113.5", 0, true, "192.0.2.77");
  Bytes packet = sent(bed, to_ipv6("2001:db8:1002::1").payload(10));
  CHECK(header<Ipv4Header>(packet, 0).protocol == kProtocolIpv6);
  CHECK(header<Ipv4Header>(packet, 0).source == v4("192.0.2.77"));
  CHECK(header<Ipv4Header>(packet, 0).destination == v4("203.0.113.5"));
  CHECK(ipv4_header_valid(header<Ipv4Header>(packet, 0)));
  bed.bring_up(kBeats, "2001:db8:c::5", 0, true, "2001:db8:77::77");
  packet = sent(bed, to_ipv6("2001:db8:1002::1").payload(10));
  CHECK(header<Ipv6Header>(packet, 0).next_header == kProtocolIpv6);
  CHECK(header<Ipv6Header>(packet, 0).source == v6("2001:db8:77::77"));
  CHECK(header<Ipv6Header>(packet, 0).destination == v6("2001:db8:c::5"));
}

TEST_CASE("a tunnel learned at an address that the PoP has no longer is down") {
  PipelineBed bed;
  // In its place is one of the other family, or none.
  bed.bring_up(kBeats, "203.0.113.2", 0, true, "2001:db8:77::77");
  CHECK(reason_of(bed, to_ipv6("2001:db8:1002::1")) == DropReason::kDestinationDown);
  bed.bring_up(kAyiyaOnly, "203.0.113.3", 5000, true, "2001:db8:77::77");
  CHECK(reason_of(bed, to_ipv6("2001:db8:1003::1")) == DropReason::kDestinationDown);
  bed.bring_up(kDynamicOne, "2001:db8:6::4", 0, true, "192.0.2.77");
  CHECK(reason_of(bed, to_ipv6("2001:db8:1004::1")) == DropReason::kDestinationDown);
  bed.bring_up(kDynamicOne, "2001:db8:6::4", 0, true, "192.0.2.99");
  CHECK(reason_of(bed, to_ipv6("2001:db8:1004::1")) == DropReason::kDestinationDown);
}

TEST_CASE("the MTU of a dynamic tunnel is that of its present encapsulation") {
  PipelineBed bed;
  const auto mtu = [&bed](uint32_t slot) {
    return tunnel_route(bed.context->runtime, bed.table(), slot).mtu;
  };
  bed.bring_up(kDynamicOne, "203.0.113.5");
  CHECK(mtu(kDynamicOne) == 1480);
  bed.bring_up(kDynamicOne, "203.0.113.5", 40000);
  CHECK(mtu(kDynamicOne) == 1428);
  bed.bring_up(kDynamicOne, "2001:db8:c::5", 40000, true, "2001:db8:a::1");
  CHECK(mtu(kDynamicOne) == 1408);
  bed.bring_up(kDynamicOne, "2001:db8:c::5", 0, true, "2001:db8:a::1");
  CHECK(mtu(kDynamicOne) == 1460);
  CHECK(mtu(kGreIpv4) == 1464);
  CHECK(mtu(kGreIpv6) == 1456);
  CHECK(mtu(k6in6) == 1452);
  CHECK(mtu(k6in6Plain) == 1460);
}

TEST_CASE("a packet of the tunnel's MTU passes and one byte more is too big, for every kind") {
  PipelineBed bed;
  bed.bring_up(kBeats, "203.0.113.2");
  bed.bring_up(kAyiyaOnly, "203.0.113.3", 40000);
  bed.bring_up(kDynamicOne, "2001:db8:c::4", 40000, true, "2001:db8:a::1");
  for (uint32_t slot = k6in4; slot <= k6in6Plain; ++slot) {
    CAPTURE(slot);
    const std::string client = "2001:db8:100" + std::to_string(slot) + "::1";
    const std::size_t mtu = tunnel_route(bed.context->runtime, bed.table(), slot).mtu;
    CHECK(sent(bed, to_ipv6(client).payload(mtu - 40)).size() <= 1500);
    CHECK(reason_of(bed, to_ipv6(client).payload(mtu - 39)) == DropReason::kPacketTooBig);
  }
}

TEST_CASE("IPv4 goes only into tunnels that carry it now") {
  PipelineBed bed;
  bed.bring_up(kDynamicOne, "203.0.113.4");
  CHECK(reason_of(bed, to_ipv4("198.18.0.4")) == DropReason::kEncapsulationUnsupported);
  CHECK(bed.packet.inner_ipv4);
  CHECK(bed.packet.punt_class == PuntClass::kIcmpError);
  bed.bring_up(kDynamicOne, "203.0.113.4", 40000);
  CHECK(sent(bed, to_ipv4("198.18.0.4").payload(8)).size() == 72 + 28);
  CHECK(reason_of(bed, to_ipv4("198.18.0.3")) == DropReason::kDestinationDown);
  CHECK(reason_of(bed, to_ipv4("198.18.0.9")) == DropReason::kDestinationDisabled);
  CHECK(reason_of(bed, to_ipv4("198.18.0.77")) == DropReason::kNoSuchEndpoint);
  CHECK(reason_of(bed, to_ipv4("203.0.113.1")) == DropReason::kOuterNotLocal);
}

TEST_CASE("IPv4 from the uplink with a source of ours, or nobody's, is refused") {
  PipelineBed bed;
  CHECK(reason_of(bed, to_ipv4("198.18.0.8", "198.18.0.7")) == DropReason::kTunnelSourceFromUplink);
  CHECK(reason_of(bed, to_ipv4("198.18.0.8", "192.0.2.1")) == DropReason::kTunnelSourceFromUplink);
  CHECK(reason_of(bed, to_ipv4("198.18.0.8", "127.0.0.1")) == DropReason::kSourceInvalid);
  CHECK(reason_of(bed, to_ipv4("198.18.0.8", "169.254.1.1")) == DropReason::kLinkLocalTransit);
  bed.receive(PacketBuilder()
                  .ethernet({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, kRouterMac)
                  .ipv4(kNativeIpv4, "198.18.0.8"));
  CHECK(bed.packet.reason == DropReason::kFrameNotForUs);
}

TEST_CASE("IPv4 from a tunnel goes anywhere but to the PoP and to nobody") {
  PipelineBed bed;
  const auto from_client = [](std::string_view destination) {
    return PipelineBed::from_router()
        .ipv6("2001:db8:6::7", "2001:db8:a::1")
        .ipv4("198.18.0.7", destination);
  };
  CHECK(sent(bed, from_client(kNativeIpv4)).size() == 20);
  CHECK(bed.packet.length == sizeof(EthernetHeader) + 20);
  CHECK(reason_of(bed, from_client("192.0.2.1")) == DropReason::kDestinationInvalid);
  CHECK(reason_of(bed, from_client("192.0.2.255")) == DropReason::kDestinationInvalid);
  CHECK(reason_of(bed, from_client("127.0.0.1")) == DropReason::kDestinationInvalid);
  CHECK(reason_of(bed, from_client("255.255.255.255")) == DropReason::kDestinationInvalid);
  CHECK(reason_of(bed, from_client("224.0.0.5")) == DropReason::kMulticast);
  CHECK(reason_of(bed, from_client("169.254.0.1")) == DropReason::kLinkLocalTransit);
  CHECK(reason_of(bed, from_client("198.18.0.7")) == DropReason::kSameInOut);
  CHECK(bed.packet.in_slot == k6in6);
  CHECK(reason_of(bed, from_client(kNativeIpv4).ttl(1)) == DropReason::kHopLimitExceeded);
  CHECK(reason_of(bed, from_client(kNativeIpv4).ttl(0)) == DropReason::kHopLimitExceeded);
}

TEST_CASE("IPv4 from one tunnel to another turns round in the PoP") {
  PipelineBed bed;
  const Bytes packet = sent(bed, PipelineBed::from_router()
                                     .ipv6("2001:db8:6::7", "2001:db8:a::1")
                                     .ipv4("198.18.0.7", "198.18.0.5")
                                     .payload(5));
  CHECK(header<Ipv4Header>(packet, 0).protocol == kProtocolGre);
  CHECK(header<Ipv4Header>(packet, 36).ttl == 63);
  CHECK(bed.packet.in_slot == k6in6);
  CHECK(bed.packet.out_slot == kGreIpv4);
  CHECK(bed.context->counters.get(WorkerCounter::kHairpin) == 1);
  CHECK(bed.context->tunnel_counters[k6in6].in_bytes == 25);
  CHECK(bed.context->tunnel_counters[kGreIpv4].out_bytes == 25);
}

TEST_CASE("IPv4 too big for its tunnel is answered with DF, and cut without") {
  PipelineBed bed;
  CHECK(reason_of(bed, to_ipv4("198.18.0.8").dont_fragment().payload(1441)) ==
        DropReason::kPacketTooBig);
  CHECK(bed.packet.punt_class == PuntClass::kIcmpError);
  bed.receive(to_ipv4("198.18.0.8").payload(1441));
  REQUIRE(bed.packet.verdict == Verdict::kPunt);
  CHECK(bed.packet.punt_class == PuntClass::kOversize);
  CHECK(bed.packet.out_slot == k6in6Plain);
  CHECK(bed.packet.network == bed.packet.inner);
  const Bytes packet = bed.ip_packet();
  CHECK(header<Ipv4Header>(packet, 0).ttl == 63);
  CHECK(ipv4_header_valid(header<Ipv4Header>(packet, 0)));

  // A piece of it, as the slow path hands it back.
  Bytes piece =
      PacketBuilder().ipv4(kNativeIpv4, "198.18.0.8").ttl(63).fragment(0, true).payload(64).build();
  Bytes buffer(200 + piece.size());
  std::copy(piece.begin(), piece.end(), buffer.begin() + 200);
  Packet p;
  p.data = buffer.data() + 200;
  p.length = static_cast<uint16_t>(piece.size());
  p.headroom = 200;
  p.out_slot = k6in6Plain;
  send_ipv4(*bed.context, bed.table(), p);
  REQUIRE(p.verdict == Verdict::kTransmit);
  CHECK(std::equal(piece.begin(), piece.end(), p.data + sizeof(EthernetHeader) + 40));
}

TEST_CASE(
    "what the PoP sends to an inner IPv4 address goes into its tunnel, or out of the uplink") {
  PipelineBed bed;
  const auto send = [&bed](std::string_view destination) {
    const Bytes packet = PacketBuilder().ipv4("192.0.2.1", destination).payload(8).build();
    Bytes buffer(128 + packet.size());
    std::copy(packet.begin(), packet.end(), buffer.begin() + 128);
    Packet p;
    p.data = buffer.data() + 128;
    p.length = static_cast<uint16_t>(packet.size());
    p.headroom = 128;
    p.originated = true;
    send_ipv4(*bed.context, bed.table(), p);
    return std::pair(p.verdict == Verdict::kTransmit, p.out_slot);
  };
  CHECK(send("198.18.0.8") == std::pair(true, k6in6Plain));
  CHECK(send("198.18.0.5") == std::pair(true, kGreIpv4));
  CHECK(send(kNativeIpv4) == std::pair(true, kNoSlot));
  CHECK(send("198.18.0.3").first == false);
  CHECK(bed.drops(DropReason::kDestinationDown) == 1);
}

TEST_CASE("an unverified endpoint gets one megabit a second") {
  PipelineBed bed;
  bed.bring_up(kBeats, "203.0.113.5", 0, false);
  const Bytes frame = to_ipv6("2001:db8:1002::1").payload(940).build();  // 1,000 bytes with IPv4
  bed.receive(frame);
  CHECK(bed.packet.verdict == Verdict::kTransmit);
  unsigned passed = 0;
  for (int n = 0; n < 10'000; ++n) {
    bed.advance(kSecond / 1000);
    passed += bed.receive(frame).verdict == Verdict::kTransmit;
  }
  // Ten seconds: 1,250,000 bytes, and the burst.
  CHECK(passed >= 1249);
  CHECK(passed <= 1252);
  CHECK(bed.drops(DropReason::kUnverifiedLimited) == 10'000 - passed);
  CHECK(bed.booked(kBeats, DropReason::kUnverifiedLimited) > 0);
  bed.bring_up(kBeats, "203.0.113.5", 0, true);
  for (int n = 0; n < 100; ++n) CHECK(bed.receive(frame).verdict == Verdict::kTransmit);
}

TEST_CASE("the PoP's own packets to an unverified endpoint are never held back") {
  PipelineBed bed;
  bed.bring_up(kBeats, "203.0.113.5", 0, false);
  for (int n = 0; n < 100; ++n) {
    const Bytes packet = PacketBuilder()
                             .ipv6("2001:db8:ff:2::1", "2001:db8:ff:2::2")
                             .echo_request(1, 2, 900)
                             .build();
    Bytes buffer(128 + packet.size());
    std::copy(packet.begin(), packet.end(), buffer.begin() + 128);
    Packet p;
    p.data = buffer.data() + 128;
    p.length = static_cast<uint16_t>(packet.size());
    p.headroom = 128;
    p.originated = true;
    p.out_slot = n % 2 == 0 ? kBeats : kNoSlot;
    send_ipv6(*bed.context, bed.table(), p);
    REQUIRE(p.verdict == Verdict::kTransmit);
    CHECK(p.out_slot == kBeats);
  }
}

TEST_CASE("a drop on the way into a tunnel is booked on that tunnel") {
  PipelineBed bed;
  bed.bring_up(kBeats, "203.0.113.5", 0, false);
  const Bytes frame = PipelineBed::from_router()
                          .ipv4("198.51.100.10", "192.0.2.1")
                          .ipv6("2001:db8:1001::1", "2001:db8:1002::1")
                          .payload(1200)
                          .build();
  bed.receive(frame);
  bed.receive(frame);
  CHECK(bed.drops(DropReason::kUnverifiedLimited) == 1);
  CHECK(bed.booked(kBeats, DropReason::kUnverifiedLimited) == 1);
  CHECK(bed.booked(k6in4, DropReason::kUnverifiedLimited) == 0);
}

}  // namespace simplon::test
