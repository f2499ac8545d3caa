// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Outer fragments of IPv6, and of what UDP carries.

#include <algorithm>
#include <cstring>

#include "dataplane/slowpath/reassembly.h"
#include "tests/support/catch.h"
#include "tests/unit/slowpath_bed.h"

namespace simplon::test {
namespace {

constexpr auto kHost = "2001:db8:aaaa::1";
constexpr auto kClient6 = "2001:db8:9::7";
constexpr auto kPop6 = "2001:db8:a::1";

struct Piece {
  std::size_t begin, end;
};

// A piece of an IPv6 packet with that payload, behind a fragment header.
Bytes ipv6_fragment(const Bytes& payload, Piece piece, uint8_t protocol, uint32_t id = 7,
                    std::string_view source = kClient6, uint8_t traffic_class = 0) {
  Bytes bytes(8 + piece.end - piece.begin);
  bytes[0] = protocol;
  const auto offset_more =
      static_cast<uint16_t>(piece.begin | (piece.end < payload.size() ? 1 : 0));
  bytes[2] = static_cast<uint8_t>(offset_more >> 8);
  bytes[3] = static_cast<uint8_t>(offset_more);
  for (int i = 0; i < 4; ++i)
    bytes[4 + static_cast<std::size_t>(i)] = static_cast<uint8_t>(id >> (24 - 8 * i));
  std::copy(payload.begin() + static_cast<std::ptrdiff_t>(piece.begin),
            payload.begin() + static_cast<std::ptrdiff_t>(piece.end), bytes.begin() + 8);
  return SlowPathBed::from_router()
      .ipv6(source, kPop6)
      .traffic_class(traffic_class)
      .protocol(kProtocolFragment)
      .raw(bytes)
      .build();
}

// T7's, in 6in6.
Bytes inner_packet(std::size_t bytes) {
  return PacketBuilder().ipv6("2001:db8:1002::5", kHost).udp(1, 2).payload(bytes - 48).build();
}

Bytes beat_datagram(const SlowPathBed& bed, std::string_view source, std::string_view local) {
  const std::string text = SlowPathBed::beat_text(SlowPathBed::kIdentity, "sender", bed.unix_s());
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  PacketBuilder whole;
  const bool ipv4 = Ipv4Address::parse(source).has_value();
  if (ipv4) {
    whole.ipv4(source, local);
  } else {
    whole.ipv6(source, local);
  }
  Bytes packet = whole.udp(50'000, 3740).raw(bytes).build();
  packet.erase(packet.begin(), packet.begin() + (ipv4 ? 20 : 40));
  return packet;
}

Bytes ipv4_fragment(const Bytes& payload, Piece piece, std::string_view source, uint16_t id = 7,
                    uint8_t protocol = kProtocolUdp) {
  return SlowPathBed::from_router()
      .ipv4(source, "192.0.2.1")
      .id(id)
      .protocol(protocol)
      .fragment(static_cast<uint16_t>(piece.begin), piece.end < payload.size())
      .raw(std::span(payload).subspan(piece.begin, piece.end - piece.begin))
      .build();
}

void bring_up_over_ipv6(SlowPathBed& bed) {
  bed.beat(kClient6, SlowPathBed::kIdentity, kPop6);
  REQUIRE(bed.endpoint(kHeartbeatSlot).up);
  bed.sent.clear();
}

}  // namespace

TEST_CASE("fragments of 6in6 in either order become the packet they were") {
  for (const bool reversed : {false, true}) {
    SlowPathBed bed;
    bring_up_over_ipv6(bed);
    const Bytes payload = inner_packet(1440);
    std::vector<Piece> pieces{{0, 800}, {800, payload.size()}};
    if (reversed) std::swap(pieces[0], pieces[1]);
    bed.receive(ipv6_fragment(payload, pieces[0], kProtocolIpv6));
    CHECK(bed.counter(WorkerCounter::kHeldReassembly) == 1);
    bed.receive(ipv6_fragment(payload, pieces[1], kProtocolIpv6));
    Bytes expected = payload;
    --reinterpret_cast<Ipv6Header*>(expected.data())->hop_limit;
    CHECK(outer_of(bed.take()) == expected);
    CHECK(bed.counter(WorkerCounter::kReassembled) == 1);
    CHECK(bed.all_drops() == 0);
  }
}

TEST_CASE("an atomic fragment of 6in6 is a packet of its own") {
  SlowPathBed bed;
  bring_up_over_ipv6(bed);
  const Bytes payload = inner_packet(400);
  bed.receive(ipv6_fragment(payload, {0, 200}, kProtocolIpv6));
  bed.receive(ipv6_fragment(payload, {0, 400}, kProtocolIpv6));  // the same identification
  CHECK(bed.sent.size() == 1);
  CHECK(bed.counter(WorkerCounter::kHeldReassembly) == 1);
}

TEST_CASE("fragments of IPv6 that overlap are dropped, and what follows of them") {
  SlowPathBed bed;
  bring_up_over_ipv6(bed);
  const Bytes payload = inner_packet(800);
  bed.receive(ipv6_fragment(payload, {0, 400}, kProtocolIpv6));
  bed.receive(ipv6_fragment(payload, {392, 800}, kProtocolIpv6));
  bed.receive(ipv6_fragment(payload, {400, 800}, kProtocolIpv6));
  CHECK(bed.sent.empty());
  CHECK(bed.drops(DropReason::kReassemblyInvalid) == 3);
}

TEST_CASE("identifications of IPv6 have 32 bits, and sources are told apart") {
  SlowPathBed bed;
  bring_up_over_ipv6(bed);
  const Bytes payload = inner_packet(800);
  bed.receive(ipv6_fragment(payload, {0, 400}, kProtocolIpv6, 0x10007));
  bed.receive(ipv6_fragment(payload, {400, 800}, kProtocolIpv6, 0x20007));
  CHECK(bed.counter(WorkerCounter::kHeldReassembly) == 2);
  bed.receive(ipv6_fragment(payload, {400, 800}, kProtocolIpv6, 0x10007, "2001:db8:9::8"));
  CHECK(bed.drops(DropReason::kReassemblyUnowned) == 1);
  CHECK(bed.sent.empty());
}

TEST_CASE("a congestion mark on one fragment of IPv6 is one on the packet") {
  SlowPathBed bed;
  bring_up_over_ipv6(bed);
  Bytes payload = inner_packet(800);
  reinterpret_cast<Ipv6Header*>(payload.data())->set_traffic_class(2);  // ECT(0)
  bed.receive(ipv6_fragment(payload, {0, 400}, kProtocolIpv6, 7, kClient6, 2));
  bed.receive(ipv6_fragment(payload, {400, 800}, kProtocolIpv6, 7, kClient6, 3));
  CHECK(at<Ipv6Header>(outer_of(bed.take()), 0).traffic_class() == 3);
}

TEST_CASE("a client not known yet may begin with fragments of UDP, over IPv4 and IPv6") {
  {
    SlowPathBed bed;
    const Bytes datagram = beat_datagram(bed, "203.0.113.7", "192.0.2.1");
    bed.receive(ipv4_fragment(datagram, {0, 48}, "203.0.113.7"));
    bed.receive(ipv4_fragment(datagram, {48, datagram.size()}, "203.0.113.7"));
    CHECK(bed.endpoint(kHeartbeatSlot).up);
  }
  SlowPathBed bed;
  const Bytes datagram = beat_datagram(bed, kClient6, kPop6);
  bed.receive(ipv6_fragment(datagram, {0, 48}, kProtocolUdp));
  bed.receive(ipv6_fragment(datagram, {48, datagram.size()}, kProtocolUdp));
  CHECK(bed.endpoint(kHeartbeatSlot).up);
}

TEST_CASE("fragments of other UDP, and of what strangers do not send, are dropped") {
  SlowPathBed bed;
  const Bytes dns = Bytes{0x12, 0x34, 0, 53, 0, 200, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  bed.receive(ipv4_fragment(dns, {0, 16}, "203.0.113.7"));
  CHECK(bed.drops(DropReason::kProtocolUnsupported) == 1);
  bed.receive(ipv4_fragment(Bytes(100), {0, 64}, "203.0.113.7", 8, kProtocolGre));
  CHECK(bed.drops(DropReason::kReassemblyUnowned) == 1);
  bed.receive(ipv6_fragment(Bytes(100), {0, 64}, kProtocolIpv6));
  CHECK(bed.drops(DropReason::kReassemblyUnowned) == 2);
  CHECK(bed.counter(WorkerCounter::kHeldReassembly) == 0);
}

TEST_CASE("strangers have a small share of the buffers, and take none of the others'") {
  SlowPathBed bed;
  const Bytes payload =
      PacketBuilder().ipv6("2001:db8:1000::5", kHost).udp(1, 2).payload(400).build();
  bed.receive(ipv4_fragment(payload, {0, 200}, "198.51.100.10", 1, kProtocolIpv6));
  const Bytes datagram = beat_datagram(bed, "203.0.113.7", "192.0.2.1");
  for (uint32_t i = 0; i < 300; ++i) {
    bed.receive(
        ipv4_fragment(datagram, {0, 48}, Ipv4Address::from_value(0x05000000 + i).to_string()));
  }
  CHECK(bed.counter(WorkerCounter::kHeldReassembly) == 1 + Reassembler::kMaxOfStrangers);
  CHECK(bed.drops(DropReason::kReassemblyQuota) == 300 - Reassembler::kMaxOfStrangers);
  bed.receive(ipv4_fragment(payload, {200, payload.size()}, "198.51.100.10", 1, kProtocolIpv6));
  CHECK(bed.sent.size() == 1);
}

}  // namespace simplon::test
