// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// AYIYA from clients: every check of docs/protocols.md §8.6, and what the original let through.

#include <algorithm>
#include <cstring>

#include "tests/support/catch.h"
#include "tests/unit/ayiya_bed.h"

namespace simplon::test {
namespace {

using Op = AyiyaOperation;
using offline::Fate;

// The vectors of docs/protocols.md A.5.
constexpr std::string_view kBeatVector =
    "4152103b 6553f100 20010db802ff00010000000000000002 8028547c302492edd2bd87d600e7b6650527a258";
constexpr std::string_view kForwardVectors[] = {
    "41521129 6553f100 20010db802ff00010000000000000002 d7e9aaf10dc87ff3df19004634df680f62d5503a"
    "6000000000083aff 20010db802ff00010000000000000002 20010db802ff00010000000000000001"
    "80000c1312340001",
    "41521129 6553f100 20010db802ff00010000000000000002 651047767c59f3ea6749cfe0b4d80bd426db538e"
    "6000000000083a40 20010db802ff00010000000000000002 20010db802ff00010000000000000001"
    "8000dc0442420001",
};

// Where a client is that the PoP knows.
AyiyaClient known_client(AyiyaBed& bed) {
  AyiyaClient client;
  bed.receive(client.beat());
  return client;
}

void check_dropped(const Fate& fate, DropReason reason) {
  CHECK(fate.verdict == Verdict::kDrop);
  CHECK(info(fate.reason).name == info(reason).name);
}

TEST_CASE("the published beat is a sign of life and brings the tunnel up") {
  AyiyaBed bed;
  const AyiyaClient client;
  const Bytes vector = from_hex(kBeatVector);
  CHECK(client.datagram(Op::kNoOperation, 59, {}) == vector);
  CHECK_FALSE(bed.endpoint(1).known());
  CHECK(bed.receive(client.frame(vector)).verdict == Verdict::kConsumed);
  const Endpoint endpoint = bed.endpoint(1);
  CHECK(endpoint.up);
  CHECK_FALSE(endpoint.verified);
  CHECK(endpoint.address.to_string() == "::ffff:198.51.100.10");
  CHECK(endpoint.port == 40'000);
  CHECK(endpoint.local_index == 0);
  CHECK(endpoint.transport == Transport::kAyiya);
  CHECK(bed.highest_epoch(1) == kVectorEpoch);
  CHECK(bed.counter(WorkerCounter::kConsumed) == 1);
  CHECK(bed.counter(WorkerCounter::kAyiyaAccepted) == 1);
  CHECK(bed.counter(WorkerCounter::kTunnelsUp) == 1);
  CHECK(bed.events(TunnelEventKind::kUp) == 1);
}

TEST_CASE("the published forwards carry pings that are answered through the tunnel") {
  for (const std::string_view text : kForwardVectors) {
    AyiyaBed bed;
    const AyiyaClient client;
    const Bytes vector = from_hex(text);
    CHECK(client.datagram(Op::kForward, 41, {vector.begin() + 44, vector.end()}) == vector);
    bed.receive(client.frame(vector));
    CHECK(bed.counter(WorkerCounter::kEchoReplies) == 1);
    // A probe of the PoP's own may go with it.
    bool answered = false;
    for (const Bytes& frame : bed.sent) {
      const AyiyaReply reply = parse_reply(frame);
      CHECK(reply.is_signed_with(kVectorPassword));
      answered |= reply.payload().at(40) == kIcmpv6EchoReply;
    }
    CHECK(answered);
  }
}

TEST_CASE("a packet in AYIYA leaves by the uplink as it was, one hop later") {
  for (const std::size_t length : {std::size_t{48}, std::size_t{84}, std::size_t{1428}}) {
    AyiyaBed bed;
    AyiyaClient client;
    const Bytes inner = inner_packet(length);
    CHECK(bed.receive(client.forward(inner)).verdict == Verdict::kTransmit);
    Bytes expected = inner;
    --expected[7];
    const Bytes frame = bed.sent.at(0);
    CHECK(Bytes(frame.begin() + 14, frame.end()) == expected);
    CHECK(bed.pop().tunnel(1).in_packets == 1);
    CHECK(bed.pop().tunnel(1).in_bytes == length);
  }
}

TEST_CASE("routed and IPv4 addresses of the tunnel may be inner sources, others' may not") {
  AyiyaBed bed;
  AyiyaClient client = known_client(bed);
  CHECK(bed.receive(client.forward(inner_packet(84, "2001:db8:3ff:1::77"))).verdict ==
        Verdict::kTransmit);
  CHECK(bed.receive(client.frame(client.datagram(Op::kForward, 4, inner_ipv4_packet()))).verdict ==
        Verdict::kTransmit);
  for (const char* source : {"2001:db8:2ff:2::2", "2001:db8:3ff:2::77", "2001:db8:dead::1"}) {
    check_dropped(bed.receive(client.forward(inner_packet(84, source))),
                  DropReason::kInnerSourceNotDelegated);
  }
  check_dropped(bed.receive(client.forward(inner_packet(84, "2001:db8:2ff:1::1"))),
                DropReason::kInnerSourceIsPop);
  const Fate fate = bed.receive(
      client.frame(client.datagram(Op::kForward, 4, inner_ipv4_packet(84, "198.18.0.2"))));
  CHECK(fate.verdict == Verdict::kDrop);
}

TEST_CASE("AYIYA comes in over IPv6 as over IPv4, to any address tunnels end at") {
  AyiyaBed bed;
  AyiyaClient client;
  client.local = "192.0.2.77";
  CHECK(bed.receive(client.beat()).verdict == Verdict::kConsumed);
  const uint8_t second = bed.endpoint(1).local_index;
  CHECK(Ipv6Address::from_bytes(bed.pop().table().snapshot.pop().local_addresses[second]) ==
        Ipv6Address::from_ipv4(*Ipv4Address::parse("192.0.2.77")));

  client.address = "2001:db8:cafe::10";
  client.local = "2001:db8:ffff::1";
  client.epoch += 1;
  CHECK(bed.receive(client.beat()).verdict == Verdict::kConsumed);
  CHECK(bed.endpoint(1).address.to_string() == "2001:db8:cafe::10");
  CHECK(bed.receive(client.forward(inner_packet())).verdict == Verdict::kTransmit);
}

TEST_CASE("a wrong UDP checksum, or none over IPv6, ends the packet") {
  AyiyaBed bed;
  AyiyaClient client;
  client.udp_checksum = true;
  CHECK(bed.receive(client.beat()).verdict == Verdict::kConsumed);
  Bytes frame = client.beat();
  frame[14 + 20 + 6] ^= 1;
  check_dropped(bed.receive(frame), DropReason::kUdpBadChecksum);
  client.address = "2001:db8:cafe::10";
  client.local = "2001:db8:ffff::1";
  frame = client.beat();
  frame[14 + 40 + 6] = frame[14 + 40 + 7] = 0;
  check_dropped(bed.receive(frame), DropReason::kUdpBadChecksum);
}

// ---- §8.6, row by row.

TEST_CASE("less than a header is no AYIYA, whatever came before") {
  AyiyaBed bed;
  AyiyaClient client;
  // The original read the signature of a short packet from what the one before had left there: a
  // malformed one of 44 bytes with a chosen signature, then one of 24 that is hashed as it is.
  Bytes bait = client.datagram(Op::kNoOperation, 59, {});
  bait[0] = 0x42;
  Bytes trick(bait.begin(), bait.begin() + 24);
  trick[0] = 0x41;
  const auto digest = reference_sha1(trick);
  std::copy(digest.begin(), digest.end(), bait.begin() + 24);
  check_dropped(bed.receive(client.frame(bait)), DropReason::kAyiyaMalformed);
  check_dropped(bed.receive(client.frame(trick)), DropReason::kAyiyaMalformed);
  CHECK_FALSE(bed.endpoint(1).known());

  const Bytes whole = client.datagram(Op::kNoOperation, 59, {});
  for (std::size_t length = 0; length < whole.size(); ++length) {
    check_dropped(bed.receive(client.frame(
                      {whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)})),
                  DropReason::kAyiyaMalformed);
  }
  CHECK_FALSE(bed.endpoint(1).known());
}

TEST_CASE("a UDP length that does not fit its packet ends it") {
  AyiyaBed bed;
  AyiyaClient client;
  Bytes frame = client.beat();
  frame[14 + 20 + 5] = 53;
  check_dropped(bed.receive(frame), DropReason::kUdpMalformed);
  frame[14 + 20 + 5] = 7;
  check_dropped(bed.receive(frame), DropReason::kUdpMalformed);
}

TEST_CASE("every other form of identity, signature and authentication is malformed") {
  AyiyaBed bed;
  AyiyaClient client;
  const Bytes good = client.datagram(Op::kNoOperation, 59, {});
  const auto with = [&](std::size_t at, uint8_t value) {
    Bytes bytes = good;
    bytes[at] = value;
    return bed.receive(client.frame(bytes));
  };
  for (unsigned value = 0; value < 256; ++value) {
    const auto byte = static_cast<uint8_t>(value);
    if (byte != 0x41) check_dropped(with(0, byte), DropReason::kAyiyaMalformed);
    if (byte != 0x52) check_dropped(with(1, byte), DropReason::kAyiyaMalformed);
    // No authentication and public keys among them.
    if (byte >> 4 != 1) check_dropped(with(2, byte), DropReason::kAyiyaMalformed);
  }
  CHECK_FALSE(bed.endpoint(1).known());
}

TEST_CASE("only the ::2 of a tunnel is an identity") {
  AyiyaBed bed;
  for (const char* identity :
       {"2001:db8:2ff:1::1", "2001:db8:2ff:1::3", "2001:db8:2ff:1::", "2001:db8:3ff:1::2",
        "2001:db8:3ff:1::1", "2001:db8:2ff:99::2", "2001:db8:2ff:7fff::2", "2001:db8:dead::2",
        "::", "::2", "::ffff:198.18.0.1"}) {
    AyiyaClient client;
    client.identity = identity;
    check_dropped(bed.receive(client.beat()), DropReason::kTunnelUnknown);
  }
}

TEST_CASE("only enabled tunnels that are configured for it take AYIYA") {
  AyiyaBed bed;
  AyiyaClient client;
  client.password = kOtherPassword;
  for (const char* identity : {"2001:db8:2ff:3::2", "2001:db8:2ff:7::2", "2001:db8:2ff:8::2"}) {
    client.identity = identity;
    check_dropped(bed.receive(client.beat()), DropReason::kAyiyaNotAllowed);
  }
  CHECK(bed.error(3, DropReason::kAyiyaNotAllowed));
  client.identity = "2001:db8:2ff:4::2";
  check_dropped(bed.receive(client.beat()), DropReason::kTunnelDisabled);
  CHECK(bed.error(4, DropReason::kTunnelDisabled));
  client.identity = "2001:db8:2ff:2::2";
  CHECK(bed.receive(client.beat()).verdict == Verdict::kConsumed);
  for (const uint32_t slot : {3u, 4u, 7u, 8u}) CHECK_FALSE(bed.endpoint(slot).known());
}

TEST_CASE("a tunnel without a password is nobody's, not everybody's") {
  AyiyaBed bed;
  // The original signed with 20 zero bytes where there was no password: T7 has none.
  AyiyaClient client;
  client.identity = "2001:db8:2ff:7::2";
  Bytes datagram = client.datagram(Op::kNoOperation, 59, {});
  std::fill(datagram.begin() + 24, datagram.end(), uint8_t{0});
  const auto digest = reference_sha1(datagram);
  std::copy(digest.begin(), digest.end(), datagram.begin() + 24);
  check_dropped(bed.receive(client.frame(datagram)), DropReason::kAyiyaNotAllowed);
  CHECK_FALSE(bed.endpoint(7).known());
}

TEST_CASE("operation code and next header go together") {
  AyiyaBed bed;
  AyiyaClient client = known_client(bed);
  const auto fate = [&](Op op, uint8_t next_header, const Bytes& payload) {
    return bed.receive(client.frame(client.datagram(op, next_header, payload)));
  };
  check_dropped(fate(Op::kNoOperation, 41, inner_packet()), DropReason::kAyiyaBadNextHeader);
  check_dropped(fate(Op::kNoOperation, 4, inner_ipv4_packet()), DropReason::kAyiyaBadNextHeader);
  check_dropped(fate(Op::kForward, 59, {}), DropReason::kAyiyaBadNextHeader);
  check_dropped(fate(Op::kEchoRequestForward, 59, {}), DropReason::kAyiyaBadNextHeader);
  for (unsigned next_header = 0; next_header < 256; ++next_header) {
    if (next_header == 4 || next_header == 41 || next_header == 59) continue;
    check_dropped(fate(Op::kForward, static_cast<uint8_t>(next_header), inner_packet()),
                  DropReason::kAyiyaBadNextHeader);
  }
}

TEST_CASE("the payload is exactly one packet of the family the next header says") {
  AyiyaBed bed;
  AyiyaClient client = known_client(bed);
  const auto fate = [&](Op op, uint8_t next_header, const Bytes& payload) {
    return bed.receive(client.frame(client.datagram(op, next_header, payload)));
  };
  check_dropped(fate(Op::kForward, 41, {}), DropReason::kInnerMalformed);
  check_dropped(fate(Op::kForward, 4, {}), DropReason::kInnerMalformed);
  check_dropped(fate(Op::kForward, 41, inner_ipv4_packet()), DropReason::kInnerNotIpv6);
  check_dropped(fate(Op::kForward, 4, inner_packet()), DropReason::kInnerNotIpv4);
  const Bytes ipv6 = inner_packet();
  for (std::size_t length = 1; length < ipv6.size() + 20; ++length) {
    if (length == ipv6.size()) continue;
    Bytes cut = ipv6;
    cut.resize(length);
    check_dropped(fate(Op::kForward, 41, cut), DropReason::kInnerMalformed);
    check_dropped(fate(Op::kEchoRequest, 41, cut), DropReason::kInnerMalformed);
  }
  const Bytes ipv4 = inner_ipv4_packet();
  for (std::size_t length = 1; length < ipv4.size() + 20; ++length) {
    if (length == ipv4.size()) continue;
    Bytes cut = ipv4;
    cut.resize(length);
    check_dropped(fate(Op::kForward, 4, cut), DropReason::kInnerMalformed);
  }
  Bytes short_header = ipv4;
  short_header[0] = 0x44;
  check_dropped(fate(Op::kForward, 4, short_header), DropReason::kInnerMalformed);
  for (const Op op : {Op::kNoOperation, Op::kEchoRequest, Op::kEchoResponse}) {
    check_dropped(fate(op, 59, {0}), DropReason::kInnerMalformed);
    check_dropped(fate(op, 59, ipv6), DropReason::kInnerMalformed);
  }
}

TEST_CASE("the clocks may differ by 120 seconds, and the difference is booked") {
  for (const int32_t skew : {-120, -119, 0, 119, 120}) {
    AyiyaBed bed;
    AyiyaClient client;
    client.epoch += static_cast<uint32_t>(skew);
    CHECK(bed.receive(client.beat()).verdict == Verdict::kConsumed);
  }
  AyiyaBed bed;
  AyiyaClient client = known_client(bed);
  for (const int32_t skew : {-121, 121, -4000, 4000}) {
    client.epoch = kVectorEpoch + static_cast<uint32_t>(skew);
    check_dropped(bed.receive(client.beat()), DropReason::kAyiyaClockSkew);
  }
  const auto error = bed.error(1, DropReason::kAyiyaClockSkew);
  REQUIRE(error);
  CHECK(error->count == 4);
  CHECK((error->detail == 4000 || error->detail == -121));
}

TEST_CASE("epochs are compared across 2038 and 2106") {
  for (const uint32_t now : {0x7fff'ffffu, 0x8000'0000u, 0xffff'ffffu}) {
    AyiyaBed bed({}, now);
    AyiyaClient client;
    client.epoch = now + 100;
    CHECK(bed.receive(client.beat()).verdict == Verdict::kConsumed);
    client.epoch = now - 120;
    CHECK(bed.receive(client.beat()).verdict == Verdict::kConsumed);
    client.epoch = now + 121;
    check_dropped(bed.receive(client.beat()), DropReason::kAyiyaClockSkew);
  }
}

TEST_CASE("after a step of our clock the present endpoint is believed by either, nobody else is") {
  AyiyaBed bed;
  AyiyaClient client = known_client(bed);
  bed.pop().step_clock(int64_t{3600} * static_cast<int64_t>(kAyiyaSecond));
  client.epoch += 1;
  CHECK(bed.receive(client.beat()).verdict == Verdict::kConsumed);
  AyiyaClient elsewhere = client;
  elsewhere.port = 40'001;
  elsewhere.epoch += 1;
  check_dropped(bed.receive(elsewhere.beat()), DropReason::kAyiyaClockSkew);
  elsewhere.epoch += 3600;
  CHECK(bed.receive(elsewhere.beat()).verdict == Verdict::kConsumed);
}

TEST_CASE("one changed bit anywhere is a wrong signature, or fails an earlier check") {
  AyiyaBed bed;
  const AyiyaClient client;
  const Bytes datagram = client.datagram(Op::kForward, 41, inner_packet());
  for (std::size_t bit = 0; bit < 8 * datagram.size(); ++bit) {
    Bytes changed = datagram;
    changed[bit / 8] = static_cast<uint8_t>(changed[bit / 8] ^ (1u << bit % 8));
    const Bytes frame = client.frame(changed);
    const Fate fate = bed.receive(frame);
    CHECK(fate.verdict == Verdict::kDrop);
    if (bit / 8 >= 24 && bit / 8 < 44) {
      check_dropped(fate, DropReason::kAyiyaBadSignature);
      // What the ledger shows is what was received, not what was hashed.
      const auto error = bed.error(1, DropReason::kAyiyaBadSignature);
      REQUIRE(error);
      if (error->count == 1) {
        CHECK(std::equal(error->bytes, error->bytes + error->captured, frame.begin() + 14));
        CHECK(error->captured == kLedgerBytes);
      }
    }
    // More than a stranger may have wrong in a second.
    if (bit % 64 == 0) bed.advance_s(1);
  }
  CHECK_FALSE(bed.endpoint(1).known());
  CHECK(bed.counter(WorkerCounter::kAyiyaAccepted) == 0);
  CHECK(bed.drops(DropReason::kAyiyaPoliced) == 0);
  CHECK(bed.receive(client.frame(datagram)).verdict != Verdict::kDrop);
}

// SHA-1 gone on with from a digest, as an attacker does who knows no key.
class Continued {
 public:
  explicit Continued(std::span<const uint8_t> digest) {
    for (std::size_t i = 0; i < 5; ++i) {
      h_[i] = Be32::from_raw(0).value();
      for (std::size_t k = 0; k < 4; ++k) h_[i] = h_[i] << 8 | digest[4 * i + k];
    }
  }

  void block(std::span<const uint8_t> bytes) {
    uint32_t w[80];
    for (std::size_t i = 0; i < 16; ++i) {
      w[i] = 0;
      for (std::size_t k = 0; k < 4; ++k) w[i] = w[i] << 8 | bytes[4 * i + k];
    }
    for (std::size_t i = 16; i < 80; ++i) {
      w[i] = std::rotl(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    }
    auto [a, b, c, d, e] = h_;
    for (std::size_t i = 0; i < 80; ++i) {
      const uint32_t f = i < 20   ? (b & c) | (~b & d)
                         : i < 40 ? b ^ c ^ d
                         : i < 60 ? (b & c) | (b & d) | (c & d)
                                  : b ^ c ^ d;
      constexpr uint32_t kK[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
      const uint32_t next = std::rotl(a, 5) + f + e + kK[i / 20] + w[i];
      e = d;
      d = c;
      c = std::rotl(b, 30);
      b = a;
      a = next;
    }
    h_[0] += a;
    h_[1] += b;
    h_[2] += c;
    h_[3] += d;
    h_[4] += e;
  }

  std::array<uint8_t, 20> digest() const {
    std::array<uint8_t, 20> bytes{};
    for (std::size_t i = 0; i < 20; ++i) {
      bytes[i] = static_cast<uint8_t>(h_[i / 4] >> (24 - 8 * (i % 4)));
    }
    return bytes;
  }

 private:
  std::array<uint32_t, 5> h_{};
};

Bytes sha1_padding(std::size_t message) {
  Bytes padding{0x80};
  while ((message + padding.size()) % 64 != 56) padding.push_back(0);
  const uint64_t bits = uint64_t{message} * 8;
  for (int i = 7; i >= 0; --i) padding.push_back(static_cast<uint8_t>(bits >> (8 * i)));
  return padding;
}

// `datagram` with something behind it and a signature that is right.
Bytes extended(const Bytes& datagram, const Bytes& suffix) {
  Bytes longer = datagram;
  const Bytes padding = sha1_padding(datagram.size());
  longer.insert(longer.end(), padding.begin(), padding.end());
  Continued hash({datagram.data() + 24, 20});
  longer.insert(longer.end(), suffix.begin(), suffix.end());
  Bytes tail = suffix;
  const Bytes end = sha1_padding(longer.size());
  tail.insert(tail.end(), end.begin(), end.end());
  for (std::size_t at = 0; at < tail.size(); at += 64) hash.block(std::span(tail).subspan(at, 64));
  const auto digest = hash.digest();
  std::copy(digest.begin(), digest.end(), longer.begin() + 24);
  return longer;
}

TEST_CASE("a length extension has a good signature, and gets nowhere") {
  const AyiyaClient client;
  const Bytes beat = client.datagram(Op::kNoOperation, 59, {});
  const Bytes data = client.datagram(Op::kForward, 41, inner_packet());
  const Bytes echo = client.datagram(Op::kEchoRequest, 59, {});
  for (const Bytes& datagram : {beat, data, echo}) {
    for (const Bytes& suffix : {Bytes{}, Bytes(1, 0x41), inner_packet(), Bytes(512, 0)}) {
      const Bytes forged = extended(datagram, suffix);
      // That the signature is good is what makes this a test.
      Bytes keyed = forged;
      const std::string password = client.password;
      const auto key =
          reference_sha1({reinterpret_cast<const uint8_t*>(password.data()), password.size()});
      std::copy(key.begin(), key.end(), keyed.begin() + 24);
      const auto digest = reference_sha1(keyed);
      REQUIRE(std::equal(digest.begin(), digest.end(), forged.begin() + 24));
      AyiyaBed bed;
      check_dropped(bed.receive(client.frame(forged)), DropReason::kInnerMalformed);
      CHECK_FALSE(bed.endpoint(1).known());
      CHECK(bed.sent.empty());
    }
  }
}

TEST_CASE("codes 4 to 15 are ignored once they are known to be the client's, and prove nothing") {
  AyiyaBed bed;
  const AyiyaClient client;
  for (unsigned op = 4; op < 16; ++op) {
    const auto code = static_cast<Op>(op);
    check_dropped(bed.receive(client.frame(client.datagram(code, 59, {}))),
                  DropReason::kAyiyaIgnored);
    check_dropped(bed.receive(client.frame(client.datagram(code, 41, inner_packet()))),
                  DropReason::kAyiyaIgnored);
    AyiyaClient stranger = client;
    stranger.password = kOtherPassword;
    check_dropped(bed.receive(stranger.frame(stranger.datagram(code, 59, {}))),
                  DropReason::kAyiyaBadSignature);
  }
  CHECK_FALSE(bed.endpoint(1).known());
  CHECK(bed.sent.empty());
}

TEST_CASE("no client is at an address of ours, of another PoP's, or of nobody") {
  for (const char* address :
       {"203.0.113.99", "10.1.2.3", "192.168.1.1", "172.31.0.1", "169.254.1.1", "198.18.0.1"}) {
    AyiyaBed bed;
    AyiyaClient client;
    client.address = address;
    check_dropped(bed.receive(client.beat()), DropReason::kEndpointInvalid);
    CHECK_FALSE(bed.endpoint(1).known());
    CHECK(bed.events(TunnelEventKind::kRefused) == 1);
    CHECK(bed.error(1, DropReason::kEndpointInvalid));
  }
  for (const char* address : {"192.0.2.1", "192.0.2.77", "127.0.0.1", "224.0.0.5", "240.0.0.1",
                              "255.255.255.255", "0.1.2.3"}) {
    AyiyaBed bed;
    AyiyaClient client;
    client.address = address;
    CHECK(bed.receive(client.beat()).verdict == Verdict::kDrop);
    CHECK_FALSE(bed.endpoint(1).known());
  }
  for (const char* address : {"2001:db8:fe::99", "fd00::1", "2001:db8:ffff::1", "2001:db8:2ff:2::2",
                              "fe80::1", "ff02::1", "::1"}) {
    AyiyaBed bed;
    AyiyaClient client;
    client.address = address;
    client.local = "2001:db8:ffff::1";
    CHECK(bed.receive(client.beat()).verdict == Verdict::kDrop);
    CHECK_FALSE(bed.endpoint(1).known());
  }
  AyiyaBed laboratory("allow_private_endpoints: true");
  AyiyaClient client;
  client.address = "10.1.2.3";
  CHECK(laboratory.receive(client.beat()).verdict == Verdict::kConsumed);
  client.port = 0;
  client.epoch += 1;
  check_dropped(laboratory.receive(client.beat()), DropReason::kEndpointInvalid);
}

// ---- Replay and moves, §10.4.

TEST_CASE("a recorded packet from elsewhere moves nothing, at any time") {
  AyiyaBed bed;
  AyiyaClient client;
  const Bytes recorded = client.datagram(Op::kForward, 41, inner_packet());
  CHECK(bed.receive(client.frame(recorded)).verdict == Verdict::kTransmit);
  AyiyaClient attacker = client;
  attacker.address = "203.0.113.66";
  for (int n = 0; n < 3; ++n) {
    check_dropped(bed.receive(attacker.frame(recorded)), DropReason::kAyiyaReplayed);
    bed.advance_s(30);
  }
  // From the same address, another port; and from the right port to another of our addresses.
  AyiyaClient port = client;
  port.port = 40'001;
  check_dropped(bed.receive(port.frame(recorded)), DropReason::kAyiyaReplayed);
  AyiyaClient local = client;
  local.local = "192.0.2.77";
  check_dropped(bed.receive(local.frame(recorded)), DropReason::kAyiyaReplayed);
  CHECK(bed.endpoint(1).address.to_string() == "::ffff:198.51.100.10");
  CHECK(bed.endpoint(1).port == 40'000);
  CHECK(bed.endpoint(1).local_index == 0);
  CHECK(bed.drops(DropReason::kAyiyaReplayed) == 5);
  CHECK(bed.events(TunnelEventKind::kReplayed) >= 1);
  CHECK(bed.counter(WorkerCounter::kEndpointMoves) == 0);
  const auto error = bed.error(1, DropReason::kAyiyaReplayed);
  REQUIRE(error);
  CHECK(error->count == 5);
  // From where it belongs it is a duplicate, as networks make them.
  CHECK(bed.receive(client.frame(recorded)).verdict == Verdict::kTransmit);
}

TEST_CASE("a later packet from elsewhere moves the endpoint, unverified until one more comes") {
  AyiyaBed bed;
  AyiyaClient client = known_client(bed);
  client.epoch += 1;
  bed.receive(client.beat());
  CHECK(bed.endpoint(1).verified);
  CHECK(bed.events(TunnelEventKind::kVerified) == 1);
  client.port = 40'001;
  client.epoch += 1;
  CHECK(bed.receive(client.beat()).verdict == Verdict::kConsumed);
  CHECK(bed.endpoint(1).port == 40'001);
  CHECK_FALSE(bed.endpoint(1).verified);
  CHECK(bed.counter(WorkerCounter::kEndpointMoves) == 1);
  CHECK(bed.events(TunnelEventKind::kMoved) == 1);
  for (const TunnelEvent& event : bed.pop().events()) {
    if (event.kind != static_cast<uint8_t>(TunnelEventKind::kMoved)) continue;
    CHECK(event.slot == 1);
    CHECK(event.port == 40'001);
    CHECK(event.old_port == 40'000);
    CHECK(std::equal(event.address, event.address + 16, event.old_address));
  }
  // A clock that steps back keeps the endpoint.
  client.epoch -= 60;
  CHECK(bed.receive(client.beat()).verdict == Verdict::kConsumed);
  CHECK(bed.highest_epoch(1) == kVectorEpoch + 2);
}

TEST_CASE("of two moves in one burst with one epoch the first wins") {
  AyiyaBed bed;
  AyiyaClient client = known_client(bed);
  client.epoch += 1;
  AyiyaClient first = client;
  first.port = 1111;
  AyiyaClient second = client;
  second.port = 2222;
  const auto fates = bed.receive({first.beat(), second.beat(), first.beat()});
  CHECK(fates[0].verdict == Verdict::kConsumed);
  check_dropped(fates[1], DropReason::kAyiyaReplayed);
  CHECK(fates[2].verdict == Verdict::kConsumed);
  CHECK(bed.endpoint(1).port == 1111);
}

TEST_CASE("a strict tunnel takes nothing older than five seconds, not even from its endpoint") {
  AyiyaBed bed;
  AyiyaClient client;
  client.identity = "2001:db8:2ff:5::2";
  client.password = kOtherPassword;
  client.epoch += 10;
  CHECK(bed.receive(client.beat()).verdict == Verdict::kConsumed);
  client.epoch -= 5;
  CHECK(bed.receive(client.beat()).verdict == Verdict::kConsumed);
  client.epoch -= 1;
  check_dropped(bed.receive(client.beat()), DropReason::kAyiyaReplayed);
  CHECK(bed.highest_epoch(5) == kVectorEpoch + 10);
}

TEST_CASE("protocol 41 from the address of an AYIYA client changes nothing and carries nothing") {
  AyiyaBed bed;
  AyiyaClient client = known_client(bed);
  AyiyaClient dynamic = client;
  dynamic.identity = "2001:db8:2ff:2::2";
  dynamic.password = kOtherPassword;
  bed.receive(dynamic.beat());
  for (const char* source : {"2001:db8:2ff:1::2", "2001:db8:2ff:2::2"}) {
    const Bytes inner = inner_packet(84, source);
    Bytes outer =
        PacketBuilder().ipv4("198.51.100.10", "192.0.2.1").protocol(41).raw(inner).build();
    const Fate fate = bed.receive(framed(outer));
    CHECK(fate.verdict == Verdict::kDrop);
  }
  for (const uint32_t slot : {1u, 2u}) {
    CHECK(bed.endpoint(slot).transport == Transport::kAyiya);
    CHECK(bed.endpoint(slot).port == 40'000);
  }
}

// ---- Two passwords.

TEST_CASE("while two passwords are valid either signs, and the PoP answers with the client's") {
  AyiyaBed bed;
  AyiyaClient client;
  client.identity = "2001:db8:2ff:6::2";
  const Bytes inner = inner_packet(84, "2001:db8:2ff:6::2");
  const Bytes back = inner_packet(84, "2001:db8:aaaa::1", "2001:db8:2ff:6::2");
  client.password = kPreviousPassword;
  CHECK(bed.receive(client.forward(inner)).verdict == Verdict::kTransmit);
  CHECK(bed.endpoint(6).previous_secret);
  bed.sent.clear();
  bed.from_uplink(back);
  CHECK(parse_reply(bed.take()).is_signed_with(kPreviousPassword));

  client.password = kOtherPassword;
  client.epoch += 1;
  CHECK(bed.receive(client.forward(inner)).verdict == Verdict::kTransmit);
  CHECK_FALSE(bed.endpoint(6).previous_secret);
  bed.sent.clear();
  bed.from_uplink(back);
  CHECK(parse_reply(bed.take()).is_signed_with(kOtherPassword));

  client.password = kVectorPassword;
  const Bytes wrong = client.forward(inner);
  check_dropped(bed.receive(wrong), DropReason::kAyiyaBadSignature);
  const auto error = bed.error(6, DropReason::kAyiyaBadSignature);
  REQUIRE(error);
  CHECK(std::equal(error->bytes, error->bytes + error->captured, wrong.begin() + 14));
}

TEST_CASE("both passwords and strangers in one burst are told apart") {
  AyiyaBed bed;
  AyiyaClient old_one;
  old_one.identity = "2001:db8:2ff:6::2";
  old_one.password = kPreviousPassword;
  AyiyaClient new_one = old_one;
  new_one.password = kOtherPassword;
  AyiyaClient nobody = old_one;
  nobody.password = kVectorPassword;
  const AyiyaClient other;
  std::vector<Bytes> burst;
  for (int n = 0; n < 16; ++n) {
    for (const AyiyaClient* client :
         std::initializer_list<const AyiyaClient*>{&old_one, &new_one, &nobody, &other}) {
      burst.push_back(client->beat());
    }
  }
  const auto fates = bed.receive(burst);
  for (std::size_t n = 0; n < fates.size(); ++n) {
    if (n % 4 == 2) {
      check_dropped(fates[n], DropReason::kAyiyaBadSignature);
    } else {
      CHECK(fates[n].verdict == Verdict::kConsumed);
    }
  }
}

// ---- Budgets, §8.8.

TEST_CASE("strangers over their budget are not looked at, and keep nobody else out") {
  AyiyaBed bed;
  AyiyaClient client = known_client(bed);
  AyiyaClient forger = client;
  forger.address = "203.0.113.66";
  forger.password = kOtherPassword;
  const std::vector<Bytes> burst(64, forger.beat());
  for (int n = 0; n < 20; ++n) bed.receive(burst);
  CHECK(bed.drops(DropReason::kAyiyaBadSignature) == HashBudget::kSource.burst);
  CHECK(bed.drops(DropReason::kAyiyaPoliced) == 20 * 64 - HashBudget::kSource.burst);
  // The client, from where it is; and from another place.
  CHECK(bed.receive(client.beat()).verdict == Verdict::kConsumed);
  client.address = "198.51.100.11";
  client.epoch += 1;
  CHECK(bed.receive(client.beat()).verdict == Verdict::kConsumed);
  // After a while it may try again.
  bed.advance_s(1);
  bed.receive(burst);
  CHECK(bed.drops(DropReason::kAyiyaBadSignature) >
        HashBudget::kSource.burst + HashBudget::kSource.per_second / 2);
}

TEST_CASE("a flood from everywhere stops moves, and nothing that comes from where clients are") {
  AyiyaBed bed;
  AyiyaClient client = known_client(bed);
  AyiyaClient forger = client;
  forger.password = kOtherPassword;
  std::vector<Bytes> burst;
  for (unsigned n = 0; n < 6000; ++n) {
    forger.address = "203." + std::to_string(n / 200) + ".1." + std::to_string(1 + n % 200);
    burst.push_back(forger.beat());
    if (burst.size() == 64) {
      bed.receive(burst);
      burst.clear();
    }
  }
  CHECK(bed.drops(DropReason::kAyiyaPoliced) > 0);
  CHECK(bed.drops(DropReason::kAyiyaBadSignature) <= HashBudget::kStrangers.burst);
  CHECK(bed.receive(client.beat()).verdict == Verdict::kConsumed);
  CHECK(bed.receive(client.forward(inner_packet())).verdict == Verdict::kTransmit);
  AyiyaClient moved = client;
  moved.port = 50'000;
  moved.epoch += 1;
  check_dropped(bed.receive(moved.beat()), DropReason::kAyiyaPoliced);
  bed.advance_s(1);
  CHECK(bed.receive(moved.beat()).verdict == Verdict::kConsumed);
}

TEST_CASE("good signatures cost nothing: a thousand clients behind one address come in at once") {
  AyiyaBed bed;
  AyiyaClient client;
  std::vector<Bytes> burst;
  for (uint16_t n = 0; n < 1000; ++n) {
    // Whoever is new pays as a stranger first.
    client.port = static_cast<uint16_t>(1024 + n);
    client.epoch = kVectorEpoch;
    client.epoch += n % 100;
    burst.push_back(client.beat());
    if (burst.size() == 64) {
      bed.receive(burst);
      burst.clear();
    }
  }
  CHECK(bed.drops(DropReason::kAyiyaPoliced) == 0);
  CHECK(bed.drops(DropReason::kAyiyaBadSignature) == 0);
}

TEST_CASE("forged packets in the name of an endpoint exhaust that tunnel's budget only") {
  AyiyaBed bed;
  AyiyaClient client = known_client(bed);
  AyiyaClient other = client;
  other.identity = "2001:db8:2ff:2::2";
  other.password = kOtherPassword;
  bed.receive(other.beat());
  AyiyaClient forger = client;
  forger.password = kOtherPassword;
  const std::vector<Bytes> burst(64, forger.beat());
  for (int n = 0; n < 20; ++n) bed.receive(burst);
  CHECK(bed.drops(DropReason::kAyiyaBadSignature) == HashBudget::kTunnel.burst);
  CHECK(bed.drops(DropReason::kAyiyaPoliced) == 20 * 64 - HashBudget::kTunnel.burst);
  CHECK(bed.receive(other.beat()).verdict == Verdict::kConsumed);
}

// ---- Bursts.

TEST_CASE("good and bad in a full burst each get what they deserve") {
  AyiyaBed bed;
  const AyiyaClient client;
  AyiyaClient forger = client;
  forger.password = kOtherPassword;
  std::vector<Bytes> burst;
  for (std::size_t n = 0; n < 64; ++n) {
    switch (n % 4) {
      case 0:
        burst.push_back(client.forward(inner_packet(48 + 20 * n)));
        break;
      case 1:
        burst.push_back(forger.forward(inner_packet(48 + 20 * n)));
        break;
      case 2:
        burst.push_back(client.frame(Bytes(n, 0x41)));
        break;
      default:
        burst.push_back(client.beat());
    }
  }
  const auto fates = bed.receive(burst);
  for (std::size_t n = 0; n < 64; ++n) {
    switch (n % 4) {
      case 0:
        CHECK(fates[n].verdict == Verdict::kTransmit);
        break;
      case 1:
        check_dropped(fates[n], DropReason::kAyiyaBadSignature);
        break;
      case 2:
        check_dropped(fates[n], DropReason::kAyiyaMalformed);
        break;
      default:
        CHECK(fates[n].verdict == Verdict::kConsumed);
    }
  }
}

}  // namespace
}  // namespace simplon::test
