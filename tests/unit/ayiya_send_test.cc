// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// AYIYA towards clients: what the usual client accepts, and answers to echo requests.

#include "tests/support/catch.h"
#include "tests/unit/ayiya_bed.h"

namespace simplon::test {
namespace {

using Op = AyiyaOperation;

Bytes to_client(std::size_t length = 84) {
  return inner_packet(length, "2001:db8:aaaa::1", "2001:db8:2ff:1::2");
}

// The checks of the usual client, in its order (docs/protocols.md §8.3, §8.4).
void check_client_takes_it(const AyiyaReply& reply, const AyiyaClient& client, uint32_t now) {
  REQUIRE(reply.datagram.size() >= sizeof(AyiyaHeader) + 8);
  const AyiyaHeader& header = reply.header();
  CHECK(header.identity == 0x41);
  CHECK(header.signature_form == 0x52);
  CHECK(header.operation == 0x11);
  CHECK(header.next_header == 41);
  CHECK(header.tunnel.hi() == Ipv6Address::parse(client.identity)->hi());
  CHECK(header.tunnel.lo() == 1);
  CHECK(header.epoch.value() == now);
  CHECK(reply.is_signed_with(client.password));
  CHECK(reply.payload().at(0) >> 4 == 6);
  CHECK(reply.source_port == 5072);
  CHECK(reply.destination_port == client.port);
}

// An endpoint that may be sent to at full rate.
AyiyaClient verified_client(AyiyaBed& bed, AyiyaClient client = {}) {
  client.epoch = kVectorEpoch;
  bed.receive(client.beat());
  client.epoch += 1;
  bed.receive(client.beat());
  bed.sent.clear();
  return client;
}

TEST_CASE("a packet to the client goes where it was last seen, signed, from where it wrote to") {
  AyiyaBed bed;
  const AyiyaClient client = verified_client(bed);
  const uint64_t sent = bed.counter(WorkerCounter::kAyiyaSent);  // probes
  const TunnelCounters before = bed.pop().tunnel(1);
  for (const std::size_t length : {std::size_t{48}, std::size_t{84}, std::size_t{1428}}) {
    const Bytes inner = to_client(length);
    CHECK(bed.from_uplink(inner).verdict == Verdict::kTransmit);
    const AyiyaReply reply = parse_reply(bed.take());
    check_client_takes_it(reply, client, kVectorEpoch);
    CHECK(reply.source.to_string() == "::ffff:192.0.2.1");
    CHECK(reply.destination.to_string() == "::ffff:198.51.100.10");
    CHECK(reply.udp_checksum.raw() == 0);
    CHECK(reply.ttl == 64);
    CHECK(reply.tos == 0);
    CHECK(reply.dont_fragment);
    Bytes expected = inner;
    --expected[7];
    CHECK(reply.payload() == expected);
  }
  CHECK(bed.counter(WorkerCounter::kAyiyaSent) == sent + 3);
  CHECK(bed.pop().tunnel(1).out_packets == before.out_packets + 3);
  CHECK(bed.pop().tunnel(1).out_bytes == before.out_bytes + 48 + 84 + 1428);
}

TEST_CASE("the PoP answers from the address the client wrote to") {
  AyiyaBed bed;
  AyiyaClient client;
  client.local = "192.0.2.77";
  client = verified_client(bed, client);
  bed.from_uplink(to_client());
  CHECK(parse_reply(bed.take()).source.to_string() == "::ffff:192.0.2.77");
}

TEST_CASE("over IPv6 there is a UDP checksum, over IPv4 where it is asked for") {
  AyiyaBed bed;
  AyiyaClient client;
  client.address = "2001:db8:cafe::10";
  client.local = "2001:db8:ffff::1";
  client = verified_client(bed, client);
  for (std::size_t length = 48; length < 148; ++length) {
    bed.from_uplink(to_client(length));
    const AyiyaReply reply = parse_reply(bed.take());
    CHECK(reply.udp_checksum.raw() != 0);
    CHECK(reply.source.to_string() == "2001:db8:ffff::1");
    CHECK(reply.destination.to_string() == "2001:db8:cafe::10");
    CHECK(reply.ttl == 64);
    check_client_takes_it(reply, client, kVectorEpoch);
  }
  AyiyaBed with("ayiya_udp_checksum: true");
  verified_client(with);
  with.from_uplink(to_client());
  CHECK(parse_reply(with.take()).udp_checksum.raw() != 0);
}

TEST_CASE("what does not fit AYIYA is answered with the MTU that does") {
  AyiyaBed bed;
  verified_client(bed);
  CHECK(bed.from_uplink(to_client(1429)).verdict != Verdict::kTransmit);
  CHECK(bed.drops(DropReason::kPacketTooBig) == 1);
  AyiyaBed over_ipv6;
  AyiyaClient client;
  client.address = "2001:db8:cafe::10";
  client.local = "2001:db8:ffff::1";
  verified_client(over_ipv6, client);
  over_ipv6.from_uplink(to_client(1408));
  CHECK(over_ipv6.take().size() == 1514);
  CHECK(over_ipv6.from_uplink(to_client(1409)).verdict != Verdict::kTransmit);
}

TEST_CASE("IPv4 goes to the client under next header 4") {
  AyiyaBed bed;
  const AyiyaClient client = verified_client(bed);
  bed.from_uplink(inner_ipv4_packet(84, "203.0.113.5", "198.18.0.1"));
  const AyiyaReply reply = parse_reply(bed.take());
  CHECK(reply.header().next_header == 4);
  CHECK(reply.header().operation == 0x11);
  CHECK(reply.is_signed_with(client.password));
  CHECK(reply.payload().size() == 84);
}

TEST_CASE("a burst to several clients is signed with the key of each") {
  AyiyaBed bed;
  const AyiyaClient one = verified_client(bed);
  AyiyaClient two;
  two.identity = "2001:db8:2ff:2::2";
  two.password = kOtherPassword;
  two.port = 41'000;
  two = verified_client(bed, two);
  std::vector<Bytes> burst;
  for (std::size_t n = 0; n < 64; ++n) {
    const char* destination = n % 2 == 0 ? "2001:db8:2ff:1::2" : "2001:db8:3ff:2::9";
    burst.push_back(framed(inner_packet(48 + 20 * n, "2001:db8:aaaa::1", destination)));
  }
  bed.receive(burst);
  REQUIRE(bed.sent.size() == 64);
  for (std::size_t n = 0; n < 64; ++n) {
    check_client_takes_it(parse_reply(bed.sent[n]), n % 2 == 0 ? one : two, kVectorEpoch);
  }
}

TEST_CASE("from one AYIYA tunnel into another the packet is signed anew") {
  AyiyaBed bed;
  const AyiyaClient one = verified_client(bed);
  AyiyaClient two;
  two.identity = "2001:db8:2ff:2::2";
  two.password = kOtherPassword;
  two.port = 41'000;
  two = verified_client(bed, two);
  const Bytes inner = inner_packet(84, "2001:db8:2ff:1::2", "2001:db8:2ff:2::2");
  CHECK(bed.receive(one.forward(inner)).verdict == Verdict::kTransmit);
  const AyiyaReply reply = parse_reply(bed.take());
  check_client_takes_it(reply, two, kVectorEpoch);
  CHECK(bed.counter(WorkerCounter::kHairpin) == 1);
}

// ---- Echo.

TEST_CASE("an echo request is answered with its payload to where it came from") {
  for (const uint8_t next_header : {uint8_t{41}, uint8_t{4}, uint8_t{59}}) {
    const Bytes payload = next_header == 41  ? inner_packet(200)
                          : next_header == 4 ? inner_ipv4_packet(200)
                                             : Bytes{};
    for (const bool ipv6 : {false, true}) {
      AyiyaBed bed;
      AyiyaClient client;
      if (ipv6) {
        client.address = "2001:db8:cafe::10";
        client.local = "2001:db8:ffff::1";
      }
      const auto fate =
          bed.receive(client.frame(client.datagram(Op::kEchoRequest, next_header, payload)));
      CHECK(fate.verdict == Verdict::kTransmit);
      const AyiyaReply reply = parse_reply(bed.sent.at(0));
      CHECK(reply.header().operation == 0x14);
      CHECK(reply.header().next_header == next_header);
      CHECK(reply.header().tunnel.to_string() == "2001:db8:2ff:1::1");
      CHECK(reply.header().epoch.value() == kVectorEpoch);
      CHECK(reply.is_signed_with(client.password));
      CHECK(reply.payload() == payload);
      CHECK(reply.destination_port == client.port);
      CHECK(bed.endpoint(1).up);
      CHECK(bed.counter(WorkerCounter::kConsumed) == 1);
      CHECK(bed.pop().tunnel(1).in_packets == 0);
    }
  }
}

TEST_CASE("an echo request to be forwarded is both answered and forwarded") {
  AyiyaBed bed;
  const AyiyaClient client;
  const Bytes inner = inner_packet(300);
  const auto fate = bed.receive(client.frame(client.datagram(Op::kEchoRequestForward, 41, inner)));
  CHECK(fate.verdict == Verdict::kTransmit);
  REQUIRE(bed.sent.size() >= 2);
  const AyiyaReply reply = parse_reply(bed.sent[0]);
  CHECK(reply.header().operation == 0x14);
  CHECK(reply.payload() == inner);
  CHECK(reply.is_signed_with(client.password));
  Bytes expected = inner;
  --expected[7];
  CHECK(Bytes(bed.sent[1].begin() + 14, bed.sent[1].end()) == expected);
  CHECK(bed.pop().tunnel(1).in_packets == 1);
}

TEST_CASE("nothing is answered to who cannot sign, and nothing but data is sent unasked") {
  AyiyaBed bed;
  AyiyaClient forger;
  forger.password = kOtherPassword;
  for (unsigned op = 0; op < 16; ++op) {
    bed.receive(forger.frame(forger.datagram(static_cast<Op>(op), 59, {})));
    bed.receive(forger.frame(forger.datagram(static_cast<Op>(op), 41, inner_packet())));
  }
  CHECK(bed.sent.empty());
  const AyiyaClient client = verified_client(bed);
  for (int n = 0; n < 300; ++n) {
    bed.from_uplink(to_client());
    bed.advance_s(1);
  }
  for (const Bytes& frame : bed.sent) {
    if (frame.at(12) == 0x86) continue;  // errors about a tunnel that has gone down
    CHECK(parse_reply(frame).header().operation == 0x11);
  }
}

}  // namespace
}  // namespace simplon::test
