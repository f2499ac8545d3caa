// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <string>

#include "tests/support/catch.h"
#include "tests/unit/pipeline_bed.h"

namespace simplon::test {
namespace {

constexpr std::string_view kClient = "203.0.113.5";
constexpr std::string_view kClient6 = "2001:db8:c::5";

PacketBuilder udp4(uint16_t port, std::string_view source = kClient) {
  return PipelineBed::from_router().ipv4(source, "192.0.2.1").udp(40000, port);
}
PacketBuilder udp6(uint16_t port, std::string_view source = kClient6) {
  return PipelineBed::from_router().ipv6(source, "2001:db8:77::77").udp(40000, port);
}

std::span<const uint8_t> text(std::string_view s) {
  return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}

std::string beat(uint32_t slot) {
  return "HEARTBEAT TUNNEL 2001:db8:ff:" + std::to_string(slot) +
         "::2 sender 1700000000 0123456789abcdef0123456789abcdef";
}

}  // namespace

TEST_CASE("UDP whose length does not fit its IP packet is malformed") {
  PipelineBed bed;
  for (const uint16_t port : {kPortAyiya, kHeartbeatPort}) {
    bed.receive(udp4(port).length(9));
    bed.receive(udp4(port).length(7));
    bed.receive(udp4(port).length(0));
    bed.receive(udp6(port).length(9));
  }
  // Seven bytes hold no port to go by.
  bed.receive(PipelineBed::from_router().ipv4(kClient, "192.0.2.1").protocol(17).payload(7));
  CHECK(bed.drops(DropReason::kUdpMalformed) == 9);
}

TEST_CASE("a UDP checksum may be absent over IPv4 and must not over IPv6") {
  PipelineBed bed;
  const auto reason = [&bed](const PacketBuilder& frame) {
    const Packet& p = bed.receive(frame);
    return p.verdict == Verdict::kDrop ? p.reason : DropReason::kNoSnapshot;
  };
  // What passes is not AYIYA.
  CHECK(reason(udp4(kPortAyiya).payload(9)) == DropReason::kAyiyaMalformed);
  CHECK(reason(udp4(kPortAyiya).checksum(0).payload(9)) == DropReason::kAyiyaMalformed);
  CHECK(reason(udp4(kPortAyiya).checksum(0x1234).payload(9)) == DropReason::kUdpBadChecksum);
  CHECK(reason(udp6(kPortAyiya).payload(9)) == DropReason::kAyiyaMalformed);
  CHECK(reason(udp6(kPortAyiya).checksum(0).payload(9)) == DropReason::kUdpBadChecksum);
  CHECK(reason(udp6(kPortAyiya).checksum(0x1234).payload(9)) == DropReason::kUdpBadChecksum);
}

TEST_CASE("UDP to other ports is the slow path's over IPv6 and nobody's over IPv4") {
  PipelineBed bed;
  bed.receive(udp4(5071).payload(9));
  CHECK(bed.drops(DropReason::kProtocolUnsupported) == 1);
  CHECK(bed.receive(udp6(5071).payload(9)).punt_class == PuntClass::kLocal);
  CHECK(bed.packet.verdict == Verdict::kPunt);
}

TEST_CASE("carriers from nobody's address are dropped") {
  PipelineBed bed;
  for (const char* source : {"192.0.2.1", "192.0.2.77", "127.0.0.1", "224.0.0.1", "0.0.0.0",
                             "255.255.255.255", "240.0.0.1"}) {
    CAPTURE(source);
    CHECK(bed.receive(udp4(kHeartbeatPort, source).raw(text(beat(kBeats)))).reason ==
          DropReason::kOuterSourceInvalid);
  }
  for (const char* source : {"2001:db8:a::1", "2001:db8:77::77", "::1", "ff02::1", "fe80::9"}) {
    CAPTURE(source);
    CHECK(bed.receive(udp6(kHeartbeatPort, source).raw(text(beat(kBeats)))).reason ==
          DropReason::kOuterSourceInvalid);
  }
  // A client's tunnel address is no end of a tunnel.
  CHECK(bed.receive(udp6(kPortAyiya, "2001:db8:1001::1").payload(60)).reason ==
        DropReason::kTunnelSourceFromUplink);
}

TEST_CASE("beats from the present endpoint have a class of their own") {
  PipelineBed bed;
  const auto punt_class = [&bed](const PacketBuilder& frame) {
    REQUIRE(bed.receive(frame).verdict == Verdict::kPunt);
    return bed.packet.punt_class;
  };
  CHECK(punt_class(udp4(kHeartbeatPort).raw(text(beat(kBeats)))) == PuntClass::kNewBeat);
  bed.bring_up(kBeats, kClient);
  CHECK(punt_class(udp4(kHeartbeatPort).raw(text(beat(kBeats)))) == PuntClass::kBeat);
  CHECK(punt_class(udp4(kHeartbeatPort, "203.0.113.6").raw(text(beat(kBeats)))) ==
        PuntClass::kNewBeat);
  // Of another tunnel, and of one that takes no beats.
  CHECK(punt_class(udp4(kHeartbeatPort).raw(text(beat(kDynamicOne)))) == PuntClass::kNewBeat);
  CHECK(punt_class(udp4(kHeartbeatPort).raw(text(beat(k6in4)))) == PuntClass::kNewBeat);
  bed.bring_up(kDynamicOne, kClient6, 0, true, "2001:db8:77::77");
  CHECK(punt_class(udp6(kHeartbeatPort).raw(text(beat(kDynamicOne)))) == PuntClass::kBeat);
}

TEST_CASE("what is no beat is dropped by the worker") {
  PipelineBed bed;
  bed.receive(udp4(kHeartbeatPort));
  bed.receive(udp4(kHeartbeatPort).payload(256));
  bed.receive(udp4(kHeartbeatPort).raw(text("HEARTBEAT TUNNEL ")));
  bed.receive(udp4(kHeartbeatPort).raw(text("heartbeat" + beat(kBeats).substr(9))));
  CHECK(bed.drops(DropReason::kBeatMalformed) == 4);
}

TEST_CASE("a flood of beats from one address starves only itself") {
  PipelineBed bed;
  bed.bring_up(kBeats, "203.0.113.7");
  const Bytes flood = udp4(kHeartbeatPort).raw(text(beat(kDynamicOne))).build();
  for (int n = 0; n < 1000; ++n) bed.receive(flood);
  CHECK(bed.drops(DropReason::kBeatPoliced) == 900);
  CHECK(bed.receive(udp4(kHeartbeatPort, "203.0.113.9").raw(text(beat(kDynamicOne)))).punt_class ==
        PuntClass::kNewBeat);
  CHECK(bed.packet.verdict == Verdict::kPunt);
  CHECK(bed.receive(udp4(kHeartbeatPort, "203.0.113.7").raw(text(beat(kBeats)))).punt_class ==
        PuntClass::kBeat);
  bed.advance(kSecond);
  CHECK(bed.receive(flood).verdict == Verdict::kPunt);
}

TEST_CASE("fragments of tunnel protocols go to reassembly, over IPv4 and IPv6") {
  PipelineBed bed;
  for (const uint8_t protocol : {kProtocolIpv6, kProtocolUdp, kProtocolGre}) {
    CAPTURE(int(protocol));
    bed.receive(PipelineBed::from_router()
                    .ipv4(kClient, "192.0.2.1")
                    .protocol(protocol)
                    .fragment(0, true)
                    .payload(64));
    CHECK(bed.packet.verdict == Verdict::kPunt);
    CHECK(bed.packet.punt_class == PuntClass::kFragment);
    const uint8_t header[] = {protocol, 0, 0, 1, 0, 0, 0, 9};
    bed.receive(PipelineBed::from_router()
                    .ipv6(kClient6, "2001:db8:77::77")
                    .protocol(kProtocolFragment)
                    .raw(header)
                    .payload(64));
    CHECK(bed.packet.verdict == Verdict::kPunt);
    CHECK(bed.packet.punt_class == PuntClass::kFragment);
    CHECK(bed.packet.outer_ipv6);
  }
}

TEST_CASE("reassembled carriers of either family go in as if they had come whole") {
  PipelineBed bed;
  const auto inner = [](PacketBuilder builder) {
    return builder.ipv6("2001:db8:1008::1", "2001:db8:aaaa::1").payload(16).build();
  };
  const Bytes frame = inner(PipelineBed::from_router().ipv6("2001:db8:6::8", "2001:db8:a::1"));
  Bytes buffer(128 + frame.size());
  std::copy(frame.begin(), frame.end(), buffer.begin() + 128);
  Packet packet;
  packet.data = buffer.data() + 128;
  packet.length = static_cast<uint16_t>(frame.size());
  packet.headroom = 128;
  packet.network = sizeof(EthernetHeader);
  receive_carrier(*bed.context, bed.table(), packet);
  CHECK(packet.verdict == Verdict::kTransmit);
  CHECK(packet.in_slot == k6in6Plain);
}

TEST_CASE("only padding and an encapsulation limit are stepped over before a tunnel's payload") {
  PipelineBed bed;
  const auto receive = [&bed](std::span<const uint8_t> options, uint8_t next = kProtocolIpv6) {
    Bytes header{next, 0};
    header.insert(header.end(), options.begin(), options.end());
    bed.receive(PipelineBed::from_router()
                    .ipv6("2001:db8:6::8", "2001:db8:a::1")
                    .protocol(kProtocolDestinationOptions)
                    .raw(header)
                    .ipv6("2001:db8:1008::1", "2001:db8:aaaa::1"));
    return bed.packet.verdict;
  };
  const uint8_t limit[] = {4, 1, 3, 1, 1, 0};
  const uint8_t padding[] = {0, 0, 1, 2, 0, 0};
  const uint8_t unknown[] = {0x1e, 4, 0, 0, 0, 0};
  const uint8_t overrun[] = {1, 5, 0, 0, 0, 0};
  const uint8_t bad_limit[] = {4, 4, 3, 0, 0, 0};
  CHECK(receive(limit) == Verdict::kTransmit);
  CHECK(receive(padding) == Verdict::kTransmit);
  CHECK(receive(unknown) == Verdict::kDrop);
  CHECK(receive(overrun) == Verdict::kDrop);
  CHECK(receive(bad_limit) == Verdict::kDrop);
  CHECK(bed.drops(DropReason::kExtensionHeader) == 3);
  // No tunnel's: the slow path knows what to answer.
  CHECK(receive(limit, kProtocolIcmpv6) == Verdict::kPunt);
  CHECK(bed.packet.punt_class == PuntClass::kLocal);
}

TEST_CASE("tunnels over IPv6 end only at tunnel ends") {
  PipelineBed bed;
  // The PoP's own address is none.
  bed.receive(PipelineBed::from_router()
                  .ipv6("2001:db8:6::8", "2001:db8:ff:ffff::1")
                  .ipv6("2001:db8:1008::1", "2001:db8:aaaa::1"));
  CHECK(bed.packet.verdict == Verdict::kPunt);
  CHECK(bed.packet.punt_class == PuntClass::kLocal);
}

}  // namespace simplon::test
