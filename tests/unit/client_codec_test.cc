// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What the client puts on the wire and what it believes of what comes back: by the published
// vectors, and with a PoP at the other end.

#include <algorithm>
#include <string>

#include "client/path/beat_text.h"
#include "client/path/codec.h"
#include "dataplane/crypto/md5.h"
#include "dataplane/net/heartbeat.h"
#include "tests/support/catch.h"
#include "tests/unit/ayiya_bed.h"

namespace simplon::client {
namespace {

using namespace simplon::test;

constexpr uint8_t kCe = 3;
constexpr uint8_t kEct0 = 2;

TunnelInfo ayiya_tunnel() {
  TunnelInfo tunnel;
  tunnel.id = "T1";
  tunnel.type = TunnelType::kAyiya;
  tunnel.client = *Ipv6Address::parse("2001:db8:2ff:1::2");
  tunnel.pop = *Ipv6Address::parse("2001:db8:2ff:1::1");
  tunnel.password = kVectorPassword;
  return tunnel;
}

Ipv4Address pop_address() {
  return *Ipv4Address::parse("192.0.2.1");
}

// A datagram of the PoP's, signed by OpenSSL's other interface.
AyiyaClient pop_end() {
  AyiyaClient pop;
  pop.identity = "2001:db8:2ff:1::1";
  return pop;
}

Bytes to_client(std::size_t length = 84) {
  return inner_packet(length, "2001:db8:aaaa::1", "2001:db8:2ff:1::2");
}

// Seals in place, with room for the header.
Bytes sealed(const Codec& codec, const Bytes& packet, uint32_t now = kVectorEpoch) {
  Bytes datagram(codec.header_size());
  datagram.insert(datagram.end(), packet.begin(), packet.end());
  codec.seal(datagram, now);
  return datagram;
}

Bytes copy(std::span<const uint8_t> bytes) {
  return {bytes.begin(), bytes.end()};
}

Refusal refusal_of(const Codec& codec, Bytes datagram, uint32_t now = kVectorEpoch) {
  // A copy that ends where the buffer ends, for the sanitizer.
  const Opened opened = codec.open(datagram, 0, now);
  if (opened.refusal != Refusal::kNone) CHECK(opened.packet.empty());
  return opened.refusal;
}

Bytes in_ipv4(const Bytes& inner, uint8_t tos = 0, std::string_view from = "192.0.2.1") {
  Bytes bytes(sizeof(Ipv4Header));
  auto* ip = reinterpret_cast<Ipv4Header*>(bytes.data());
  ip->version_ihl = 0x45;
  ip->tos = tos;
  ip->total_length = static_cast<uint16_t>(bytes.size() + inner.size());
  ip->ttl = 60;
  ip->protocol = kProtocolIpv6;
  ip->source = *Ipv4Address::parse(from);
  ip->destination = *Ipv4Address::parse("198.51.100.10");
  bytes.insert(bytes.end(), inner.begin(), inner.end());
  return bytes;
}

void set_class(Bytes& packet, uint8_t traffic_class) {
  reinterpret_cast<Ipv6Header*>(packet.data())->set_traffic_class(traffic_class);
}

uint8_t class_of(std::span<const uint8_t> packet) {
  return reinterpret_cast<const Ipv6Header*>(packet.data())->traffic_class();
}

TEST_CASE("the client's beat and forwards are the published vectors") {
  const AyiyaCodec codec(ayiya_tunnel());
  CHECK(copy(codec.beat(kVectorEpoch)) ==
        from_hex("4152103b 6553f100 20010db802ff00010000000000000002"
                 "8028547c302492edd2bd87d600e7b6650527a258"));
  const Bytes ping = from_hex(
      "6000000000083aff 20010db802ff00010000000000000002 20010db802ff00010000000000000001"
      "80000c1312340001");
  Bytes expected = from_hex(
      "41521129 6553f100 20010db802ff00010000000000000002"
      "d7e9aaf10dc87ff3df19004634df680f62d5503a");
  expected.insert(expected.end(), ping.begin(), ping.end());
  CHECK(sealed(codec, ping) == expected);
}

TEST_CASE("the client's heartbeat is the published vector, and the PoP reads it") {
  TunnelInfo tunnel = ayiya_tunnel();
  tunnel.type = TunnelType::kHeartbeat;
  tunnel.client = *Ipv6Address::parse("2001:db8:2ff:2::2");
  tunnel.password = "91915d757a09bfc94d5028832d85cc0d";
  const std::string text = beat_text(tunnel, 1'700'000'000);
  CHECK(text ==
        "HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1700000000 35c582a4dd2ba2999bef85265e0fb968");
  const auto beat = parse_heartbeat({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
  REQUIRE(beat);
  CHECK(beat->identity == tunnel.client);
  CHECK(beat->digest == md5(beat->signed_text, tunnel.password));
}

TEST_CASE("the PoP takes what the client signs, and the client what the PoP signs") {
  AyiyaBed bed;
  const AyiyaCodec codec(ayiya_tunnel());
  const AyiyaClient carrier;
  CHECK(bed.receive(carrier.frame(copy(codec.beat(kVectorEpoch)))).verdict == Verdict::kConsumed);
  CHECK(bed.endpoint(1).up);
  bed.sent.clear();
  for (const std::size_t length : {std::size_t{48}, std::size_t{84}, std::size_t{1428}}) {
    CHECK(bed.receive(carrier.frame(sealed(codec, inner_packet(length)))).verdict ==
          Verdict::kTransmit);
    bed.sent.clear();
    bed.from_uplink(to_client(length));
    bool came = false;
    for (const Bytes& frame : bed.sent) {
      if (frame.at(23) != kProtocolUdp) continue;
      Bytes datagram = parse_reply(frame).datagram;
      const Opened opened = codec.open(datagram, 0, kVectorEpoch);
      REQUIRE(opened.refusal == Refusal::kNone);
      Bytes expected = to_client(length);
      --expected[7];  // a hop
      came |= copy(opened.packet) == expected;
    }
    CHECK(came);
    bed.sent.clear();
  }
}

TEST_CASE("an AYIYA datagram of any length below the header's is too short") {
  const AyiyaCodec codec(ayiya_tunnel());
  const Bytes whole = pop_end().datagram(AyiyaOperation::kForward, 41, to_client());
  CHECK(refusal_of(codec, whole) == Refusal::kNone);
  for (std::size_t length = 0; length < sizeof(AyiyaHeader); ++length) {
    CHECK(refusal_of(codec, {whole.begin(), whole.begin() + static_cast<long>(length)}) ==
          Refusal::kTooShort);
  }
}

TEST_CASE("what is wrong with an AYIYA datagram is found in the order deployed clients look") {
  const AyiyaCodec codec(ayiya_tunnel());
  // Everything is wrong; one thing after the other is put right.
  Bytes inner = to_client();
  inner[0] = 0x45;
  AyiyaClient pop = pop_end();
  pop.identity = "2001:db8:2ff:2::1";
  pop.epoch = kVectorEpoch + 121;
  pop.password = kOtherPassword;
  Bytes datagram = pop.datagram(AyiyaOperation::kForward, 41, inner);
  datagram[0] ^= 0x10;
  CHECK(refusal_of(codec, datagram) == Refusal::kNotAyiya);
  CHECK(refusal_of(codec, pop.datagram(AyiyaOperation::kForward, 41, inner)) == Refusal::kIdentity);
  pop.identity = pop_end().identity;
  Bytes late = pop.datagram(AyiyaOperation::kForward, 41, inner);
  const Opened opened = codec.open(late, 0, kVectorEpoch);
  CHECK(opened.refusal == Refusal::kClock);
  CHECK(opened.skew_s == 121);
  pop.epoch = kVectorEpoch + 120;
  CHECK(refusal_of(codec, pop.datagram(AyiyaOperation::kForward, 41, inner)) ==
        Refusal::kSignature);
  pop.password = kVectorPassword;
  CHECK(refusal_of(codec, pop.datagram(AyiyaOperation::kForward, 41, inner)) == Refusal::kNotIpv6);
  inner[0] = 0x60;
  CHECK(refusal_of(codec, pop.datagram(AyiyaOperation::kForward, 41, inner)) == Refusal::kNone);
}

TEST_CASE("clocks are compared modulo 2^32, 120 s either way") {
  const AyiyaCodec codec(ayiya_tunnel());
  AyiyaClient pop = pop_end();
  for (const uint32_t now : {kVectorEpoch, uint32_t{10}, ~uint32_t{0} - 10}) {
    for (const int offset : {-121, -120, 0, 120, 121}) {
      pop.epoch = now + static_cast<uint32_t>(offset);
      CHECK(refusal_of(codec, pop.datagram(AyiyaOperation::kForward, 41, to_client()), now) ==
            (offset == -121 || offset == 121 ? Refusal::kClock : Refusal::kNone));
    }
  }
}

TEST_CASE("of operations and next headers the client takes what a PoP may send") {
  const AyiyaCodec codec(ayiya_tunnel());
  const AyiyaClient pop = pop_end();
  for (unsigned operation = 0; operation < 16; ++operation) {
    for (const uint8_t next : {uint8_t{41}, uint8_t{4}, uint8_t{59}, uint8_t{6}}) {
      const Bytes payload = next == 41 ? to_client() : Bytes{};
      Bytes datagram = pop.datagram(static_cast<AyiyaOperation>(operation), next, payload);
      const Opened opened = codec.open(datagram, 0, kVectorEpoch);
      const bool delivers = next == 41 && (operation == 1 || operation == 3);
      const bool taken = delivers || (operation == 2 && (next == 41 || next == 59));
      CHECK(opened.refusal == (taken ? Refusal::kNone : Refusal::kNotAyiya));
      CHECK(opened.packet.empty() == !delivers);
    }
  }
}

TEST_CASE("a signed packet that ends elsewhere than its own length says is refused") {
  const AyiyaCodec codec(ayiya_tunnel());
  const AyiyaClient pop = pop_end();
  Bytes longer = to_client();
  longer.push_back(0);
  CHECK(refusal_of(codec, pop.datagram(AyiyaOperation::kForward, 41, longer)) ==
        Refusal::kInnerLength);
  Bytes shorter = to_client();
  shorter.pop_back();
  CHECK(refusal_of(codec, pop.datagram(AyiyaOperation::kForward, 41, shorter)) ==
        Refusal::kInnerLength);
  CHECK(refusal_of(codec, pop.datagram(AyiyaOperation::kForward, 41, {0x60, 0})) ==
        Refusal::kTooShort);
  CHECK(refusal_of(codec, pop.datagram(AyiyaOperation::kForward, 41, {})) == Refusal::kTooShort);
}

TEST_CASE("any flipped bit of an AYIYA datagram is refused") {
  const AyiyaCodec codec(ayiya_tunnel());
  const Bytes good = pop_end().datagram(AyiyaOperation::kForward, 41, to_client(60));
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    Bytes bad = good;
    bad[bit / 8] = static_cast<uint8_t>(bad[bit / 8] ^ (1u << bit % 8));
    CHECK(refusal_of(codec, bad) != Refusal::kNone);
  }
}

TEST_CASE("6in4 from the PoP is opened, options and bytes behind the packet or not") {
  const SixInFourCodec codec(ayiya_tunnel(), pop_address());
  const Bytes inner = to_client();
  Bytes plain = in_ipv4(inner);
  CHECK(copy(codec.open(plain, 0, 0).packet) == inner);
  Bytes padded = in_ipv4(inner);
  padded.resize(padded.size() + 7);
  CHECK(copy(codec.open(padded, 0, 0).packet) == inner);
  Bytes options = in_ipv4(inner);
  options[0] = 0x46;
  options.insert(options.begin() + 20, {1, 1, 1, 1});
  CHECK(copy(codec.open(options, 0, 0).packet) == inner);
}

TEST_CASE("6in4 that is cut off, not IPv6 inside, or not from the PoP is refused") {
  const SixInFourCodec codec(ayiya_tunnel(), pop_address());
  const Bytes inner = to_client(60);
  const Bytes whole = in_ipv4(inner);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CHECK(refusal_of(codec, {whole.begin(), whole.begin() + static_cast<long>(length)}) !=
          Refusal::kNone);
  }
  for (const uint8_t first : {uint8_t{0x44}, uint8_t{0x4f}, uint8_t{0x65}, uint8_t{0x00}}) {
    Bytes bad = whole;
    bad[0] = first;
    CHECK(refusal_of(codec, bad) != Refusal::kNone);
  }
  Bytes ipv4_inside = whole;
  ipv4_inside[20] = 0x45;
  CHECK(refusal_of(codec, ipv4_inside) == Refusal::kNotIpv6);
  CHECK(refusal_of(codec, in_ipv4(inner, 0, "192.0.2.2")) == Refusal::kNotFromPop);
}

TEST_CASE("nobody outside speaks as this host, as nobody or to nobody") {
  const SixInFourCodec six_in_four(ayiya_tunnel(), pop_address());
  const AyiyaCodec ayiya(ayiya_tunnel());
  const auto check = [&](const Bytes& inner, Refusal expected) {
    CHECK(refusal_of(six_in_four, in_ipv4(inner)) == expected);
    CHECK(refusal_of(ayiya, pop_end().datagram(AyiyaOperation::kForward, 41, inner)) == expected);
  };
  for (const char* source : {"2001:db8:2ff:1::2", "::", "::1", "::192.0.2.1", "::ffff:192.0.2.1",
                             "ff02::1", "ff0e::1"}) {
    check(inner_packet(84, source, "2001:db8:2ff:1::2"), Refusal::kInnerSource);
  }
  for (const char* to : {"::", "::1", "::ffff:192.0.2.1"}) {
    check(inner_packet(84, "2001:db8:aaaa::1", to), Refusal::kInnerDestination);
  }
  // The PoP itself, and what is routed to us.
  check(inner_packet(84, "2001:db8:2ff:1::1", "2001:db8:2ff:1::2"), Refusal::kNone);
  check(inner_packet(84, "2001:db8:aaaa::1", "2001:db8:3ff:1::99"), Refusal::kNone);
}

TEST_CASE("congestion marks cross the tunnel both ways as RFC 6040 has it") {
  const SixInFourCodec six_in_four(ayiya_tunnel(), pop_address());
  const AyiyaCodec ayiya(ayiya_tunnel());
  for (unsigned inner_mark = 0; inner_mark < 4; ++inner_mark) {
    // DSCP 46 stays what it is inside, and does not show outside.
    const auto traffic_class = static_cast<uint8_t>(46 << 2 | inner_mark);
    Bytes inner = to_client();
    set_class(inner, traffic_class);
    CHECK(outer_tos_for(inner) == inner_mark);
    for (unsigned outer_mark = 0; outer_mark < 4; ++outer_mark) {
      const EcnDecap expected =
          ecn_decapsulate(static_cast<Ecn>(inner_mark), static_cast<Ecn>(outer_mark));
      const auto tos = static_cast<uint8_t>(0x20 | outer_mark);
      Bytes in_6in4 = in_ipv4(inner, tos);
      Bytes in_ayiya = pop_end().datagram(AyiyaOperation::kForward, 41, inner);
      for (const Opened& opened :
           {six_in_four.open(in_6in4, 0, 0), ayiya.open(in_ayiya, tos, kVectorEpoch)}) {
        if (expected.drop) {
          CHECK(opened.refusal == Refusal::kCongestion);
          CHECK(opened.packet.empty());
          continue;
        }
        REQUIRE(opened.refusal == Refusal::kNone);
        CHECK(class_of(opened.packet) == (46 << 2 | static_cast<unsigned>(expected.inner)));
      }
    }
  }
  Bytes marked = to_client();
  set_class(marked, kEct0);
  Bytes congested = in_ipv4(marked, kCe);
  CHECK(class_of(six_in_four.open(congested, 0, 0).packet) == kCe);
}

TEST_CASE("what is for neighbours on a link, or is not IPv6, does not go into the tunnel") {
  CHECK(is_for_the_tunnel(inner_packet()));
  for (const char* to : {"ff02::1", "ff02::2", "ff02::16", "ff01::1", "ff12::1"}) {
    CHECK_FALSE(is_for_the_tunnel(inner_packet(84, "fe80::1", to)));
  }
  CHECK(is_for_the_tunnel(inner_packet(84, "2001:db8:2ff:1::2", "ff0e::1")));
  CHECK_FALSE(is_for_the_tunnel(inner_ipv4_packet()));
  CHECK_FALSE(is_for_the_tunnel({}));
  const Bytes packet = inner_packet();
  CHECK_FALSE(is_for_the_tunnel(std::span(packet).first(39)));
}

TEST_CASE("every refusal is explained in other words") {
  std::vector<std::string_view> words;
  for (std::size_t i = 0; i < kRefusals; ++i) words.push_back(explain(static_cast<Refusal>(i)));
  std::sort(words.begin(), words.end());
  CHECK(std::adjacent_find(words.begin(), words.end()) == words.end());
  CHECK(std::find(words.begin(), words.end(), "") == words.end());
}

}  // namespace
}  // namespace simplon::client
