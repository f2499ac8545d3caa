// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// AYIYA on the plain path against the stages: bursts of packets in order and of packets with one
// thing or more wrong about them go through both, and what comes out, what is counted and what has
// been learned must be the same.

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

#include "dataplane/net/ayiya.h"
#include "dataplane/pipeline/plain.h"
#include "tests/support/catch.h"
#include "tests/support/frame_burst.h"
#include "tests/support/same_packet.h"
#include "tests/support/seed.h"
#include "tests/unit/pipeline_bed.h"

namespace simplon::test {
namespace {

using testing::FrameBurst;
using testing::same_memory;
using Random = std::mt19937_64;

std::string config(std::string_view pop) {
  return "pop { name: \"plain\" " + std::string(pop) + R"(
  ipv4_addresses: "192.0.2.77"
  ipv6_addresses: "2001:db8:77::77"
  ipv6_address: "2001:db8:ff:ffff::1"
}
pools { name: "link" kind: LINK prefix: "2001:db8:ff::/49" }
pools { name: "routed" kind: ROUTED prefix: "2001:db8:ee::/48" }
pools { name: "delegated" kind: DELEGATED prefix: "2001:db8:1000::/44" unit_length: 48 }
pools { name: "legacy" kind: DELEGATED prefix: "198.18.0.0/24" unit_length: 32 }
tunnels { id: 1 slot: 1 type: AYIYA password: "0123456789abcdef0123"
  delegated_prefixes: "2001:db8:1001::/48" ipv4_prefixes: "198.18.0.1/32" }
tunnels { id: 2 slot: 2 type: DYNAMIC_ENDPOINT password: "0123456789abcdef0123" mtu: 1280 ttl: 12
  ecn_mode: NORMAL delegated_prefixes: "2001:db8:1002::/48" }
tunnels { id: 3 slot: 3 type: AYIYA password: "0123456789abcdef0123" dscp_mode: UNIFORM
  ecn_mode: NORMAL delegated_prefixes: "2001:db8:1003::/48" }
tunnels { id: 4 slot: 4 type: AYIYA password: "0123456789abcdef0123" dscp: 46 mtu_mode: STATIC }
tunnels { id: 5 slot: 5 type: AYIYA password: "0123456789abcdef0123" admin_state: DISABLED }
tunnels { id: 6 slot: 6 type: AYIYA password: "0123456789abcdef0123" replay_mode: STRICT }
tunnels { id: 7 slot: 7 type: AYIYA password: "0123456789abcdef0123" }
tunnels { id: 8 slot: 8 type: DYNAMIC_ENDPOINT password: "0123456789abcdef0123" }
tunnels { id: 9 slot: 9 type: HEARTBEAT password: "0123456789abcdef0123" }
tunnels { id: 10 slot: 10 type: PROTO41 remote: "198.51.100.10" }
tunnels { id: 11 slot: 11 type: AYIYA password: "0123456789abcdef0123" }
tunnels { id: 12 slot: 12 type: AYIYA password: "0123456789abcdef0123" }
tunnels { id: 13 slot: 13 type: AYIYA password: "0123456789abcdef0123"
  previous_password: "3210fedcba9876543210" }
)";
}
constexpr uint32_t kSlots = 14;
constexpr uint32_t kRotating = 13;
constexpr std::string_view kPreviousPassword = "3210fedcba9876543210";

constexpr std::string_view kPops[] = {
    R"(interfaces { port: "wan0" ipv4_address: "192.0.2.1/24" ipv4_gateway: "192.0.2.254"
         ipv6_address: "2001:db8:a::1/64" ipv6_gateway: "2001:db8:a::ffff" })",
    // The UDP checksum of what is sent over IPv4.
    R"(interfaces { port: "wan0" ipv4_address: "192.0.2.1/24" ipv4_gateway: "192.0.2.254"
         ipv6_address: "2001:db8:a::1/64" ipv6_gateway: "2001:db8:a::ffff" }
       ayiya_udp_checksum: true)",
    // A link with room for no minimal packet in a tunnel.
    R"(interfaces { port: "wan0" mtu: 1340 ipv4_address: "192.0.2.1/24" ipv4_gateway: "192.0.2.254"
         ipv6_address: "2001:db8:a::1/64" ipv6_gateway: "2001:db8:a::ffff" })",
};

struct Client {
  uint32_t slot;
  const char* address;
  uint16_t port;
  bool verified = true;
  const char* local = "192.0.2.1";
};
constexpr Client kClients[] = {
    {1, "198.51.100.1", 40'001},
    {2, "198.51.100.2", 40'002, true, "192.0.2.77"},
    {3, "198.51.100.3", 5072},
    {4, "198.51.100.4", 40'004},
    {5, "198.51.100.5", 40'005},
    {6, "198.51.100.6", 40'006},
    {7, "192.0.2.7", 40'007},            // on the link
    {8, "198.51.100.8", 40'008, false},  // not verified
    {11, "2001:db8:fe::11", 40'011, true, "2001:db8:77::77"},
    {12, "198.51.100.1", 40'012},  // behind the same NAT as 1
    {kRotating, "198.51.100.13", 40'013},
};

template <typename T, std::size_t N>
const T& any_of(Random& random, const T (&choices)[N]) {
  return choices[random() % N];
}
bool one_in(Random& random, unsigned n) {
  return random() % n == 0;
}

std::size_t any_length(Random& random) {
  constexpr std::size_t kLengths[] = {40,   41,   60,   84,   95,   104,  1240, 1279, 1280,
                                      1281, 1400, 1427, 1428, 1429, 1460, 1500, 1501};
  return one_in(random, 2) ? any_of(random, kLengths) : 40 + random() % 300;
}

const char* const kOutside[] = {"2600::1",  "2001:db8:aaaa::1", "2600::1", "2001:db8:a::5",
                                "fe80::1",  "ff0e::1",          "::1",     "2001:db8:1002::9",
                                "2600::77", "2001:db8:77::77"};
Ipv6Address outside(Random& random) {
  return v6(one_in(random, 8) ? any_of(random, kOutside) : kOutside[random() % 2]);
}
Ipv6Address inside(Random& random, uint32_t slot) {
  switch (random() % 4) {
    case 0:
      return Ipv6Address::from_halves(0x2001'0db8'00ee'0000 + slot, random());
    case 1:
      return Ipv6Address::from_halves(0x2001'0db8'1000'0000 + (uint64_t{slot} << 16), random());
    default:
      return Ipv6Address::from_halves(0x2001'0db8'00ff'0000 + slot, one_in(random, 8) ? 1 : 2);
  }
}

Bytes inner_packet(Random& random, const Ipv6Address& source, const Ipv6Address& destination) {
  const std::size_t length = any_length(random);
  const Ipv6Header header{
      .version_class_flow = uint32_t{6} << 28 |
                            (one_in(random, 4) ? static_cast<uint32_t>(random() % 256) << 20 : 0u),
      .payload_length = static_cast<uint16_t>(length - sizeof(Ipv6Header)),
      .next_header = static_cast<uint8_t>(one_in(random, 4) ? kProtocolIcmpv6 : kProtocolNoNext),
      .hop_limit = static_cast<uint8_t>(one_in(random, 8) ? random() % 4 : 64),
      .source = source,
      .destination = destination,
  };
  Bytes bytes(length);
  std::memcpy(bytes.data(), &header, sizeof(header));
  for (std::size_t i = sizeof(header); i < length; ++i) bytes[i] = static_cast<uint8_t>(random());
  return bytes;
}

void sign(Bytes& datagram, std::string_view password) {
  const auto key = sha1({reinterpret_cast<const uint8_t*>(password.data()), password.size()});
  std::copy(key.begin(), key.end(), datagram.begin() + kSha1KeyOffset);
  const auto signature = sha1(datagram);
  std::copy(signature.begin(), signature.end(), datagram.begin() + kSha1KeyOffset);
}

// From a client, with up to `faults` things that are not as they should be. `rotates`: the one that
// has two passwords uses either.
Bytes from_client(Random& random, unsigned faults, bool rotates, uint32_t now) {
  const Client& client = any_of(random, kClients);
  const auto fault = [&] { return random() % 40 < faults; };
  AyiyaHeader header;
  set_ayiya_form(header,
                 fault() ? static_cast<AyiyaOperation>(random() % 16) : AyiyaOperation::kForward,
                 fault() ? kProtocolNoNext : kProtocolIpv6);
  const bool news = one_in(random, 8);
  header.epoch = now - (news ? 0 : static_cast<uint32_t>(random() % 4)) + (fault() ? 500 : 0);
  header.tunnel = Ipv6Address::from_halves(0x2001'0db8'00ff'0000 + client.slot + (fault() ? 1 : 0),
                                           fault() ? 1 : 2);
  const uint32_t owner = fault() ? 1 + static_cast<uint32_t>(random() % (kSlots - 1)) : client.slot;
  Bytes inner = inner_packet(random, inside(random, owner), outside(random));
  if (fault()) inner.resize(inner.size() - 1);
  Bytes datagram(sizeof header);
  std::memcpy(datagram.data(), &header, sizeof header);
  datagram.insert(datagram.end(), inner.begin(), inner.end());
  const bool previous = rotates && client.slot == kRotating && one_in(random, 2);
  sign(datagram, fault() ? "another one altogether" : previous ? kPreviousPassword : kPassword);
  if (fault()) {
    uint8_t& byte = datagram[random() % datagram.size()];
    byte = static_cast<uint8_t>(byte ^ (1u << random() % 8));
  }
  const char* source = fault() ? any_of(random, kClients).address : client.address;
  const bool ipv6 = any(source).is_ipv4_mapped() == false;
  PacketBuilder frame = PipelineBed::from_router();
  if (ipv6) {
    frame.ipv6(source, fault() ? "2001:db8:a::1" : "2001:db8:77::77");
  } else {
    frame.ipv4(source, fault() == (std::string_view(client.local) == "192.0.2.77") ? "192.0.2.1"
                                                                                   : "192.0.2.77");
    if (one_in(random, 8)) frame.traffic_class(static_cast<uint8_t>(random() % 4));
  }
  frame.udp(static_cast<uint16_t>(client.port + (fault() ? 1 : 0)), kPortAyiya);
  if (!ipv6 && one_in(random, 2)) frame.checksum(static_cast<uint16_t>(fault() ? 0x1234 : 0));
  Bytes bytes = frame.raw(datagram).build();
  if (fault()) bytes.resize(random() % (bytes.size() + 1));
  if (fault() && bytes.size() > 60) {
    uint8_t& byte = bytes[random() % 60];
    byte = static_cast<uint8_t>(byte ^ (1u << random() % 8));
  }
  if (one_in(random, 8)) bytes.resize(bytes.size() + random() % 30, 0xaa);
  return bytes;
}

Bytes from_uplink(Random& random) {
  const auto slot = static_cast<uint32_t>(1 + random() % (kSlots - 1));
  Bytes inner = inner_packet(random, outside(random), inside(random, slot));
  const EthernetHeader ethernet{
      .destination = kPopMac, .source = kRouterMac, .type = kEtherTypeIpv6};
  Bytes frame(sizeof(ethernet));
  std::memcpy(frame.data(), &ethernet, sizeof(ethernet));
  frame.insert(frame.end(), inner.begin(), inner.end());
  if (one_in(random, 8)) frame.resize(frame.size() + random() % 30, 0xaa);
  return frame;
}

// Two PoPs of the same configuration: one with the plain path, one without.
class Pair {
 public:
  explicit Pair(std::string_view pop) : with_(config(pop)), without_(config(pop)) {
    for (PipelineBed* bed : {&with_, &without_}) {
      for (const Client& c : kClients) {
        bed->bring_up(c.slot, c.address, c.port, c.verified, c.local);
      }
      bed->bring_up(9, "198.51.100.9");
      bed->neighbors().set(0, any("192.0.2.7"), kRouterMac);
    }
  }

  void run(const std::vector<Bytes>& frames, Random& random) {
    FrameBurst a(frames);
    FrameBurst b(frames);
    for (std::size_t i = 0; i < frames.size(); ++i) {
      a.packets[i].udp_summed = b.packets[i].udp_summed = one_in(random, 4);
    }
    const PacketSet left = forward_plain(*with_.context, with_.table(), a.packets);
    forward_by_stages(*with_.context, with_.table(), a.packets, left);
    forward_by_stages(*without_.context, without_.table(), b.packets, all_of(frames.size()));
    for (std::size_t i = 0; i < frames.size(); ++i) {
      CAPTURE(i, static_cast<int>(a.packets[i].verdict), static_cast<int>(b.packets[i].verdict));
      CAPTURE(static_cast<int>(a.packets[i].reason), static_cast<int>(b.packets[i].reason));
      REQUIRE(testing::same_view(a.packets[i], b.packets[i]));
      REQUIRE(a.bytes(i) == b.bytes(i));
      forwarded_ += a.packets[i].verdict == Verdict::kTransmit;
    }
    REQUIRE(same_memory(with_.column(), without_.column()));
    REQUIRE(same_memory(with_.tunnels(), without_.tunnels()));
    REQUIRE(same_memory(with_.ledger(), without_.ledger()));
    for (uint32_t slot = 0; slot < kSlots; ++slot) {
      const RuntimeTable& x = with_.context->runtime;
      const RuntimeTable& y = without_.context->runtime;
      const Endpoint a_end = x.load(slot, 0);
      const Endpoint b_end = y.load(slot, 0);
      CHECK(a_end.same_place(b_end));
      CHECK((a_end.up == b_end.up && a_end.verified == b_end.verified));
      CHECK(a_end.previous_secret == b_end.previous_secret);
      CHECK(x.highest_epoch(slot, 0) == y.highest_epoch(slot, 0));
      CHECK(x.last_seen_s(slot, 0) == y.last_seen_s(slot, 0));
    }
    for (PipelineBed* bed : {&with_, &without_}) bed->advance(kSecond / 20);
    now_ns_ += kSecond / 20;
  }

  uint32_t now() const { return static_cast<uint32_t>(kUnixNow + now_ns_ / kSecond); }
  uint64_t forwarded() const { return forwarded_; }

 private:
  PipelineBed with_;
  PipelineBed without_;
  uint64_t now_ns_ = 0;
  uint64_t forwarded_ = 0;
};

}  // namespace

TEST_CASE("AYIYA on the plain path comes out as it does of the stages") {
  for (const uint64_t seed : testing::property_seeds(9)) {
    CAPTURE(seed);
    Random random(seed);
    Pair pops(kPops[seed % std::size(kPops)]);
    for (int n = 0; n < 150; ++n) {
      // An endpoint that moves, or signs otherwise, in the middle of a burst does so before or
      // after what is sent there: either is right.
      const bool both_ways = one_in(random, 2);
      const unsigned faults = both_ways ? 0 : static_cast<unsigned>(random() % 4);
      const bool rotates = !both_ways && one_in(random, 2);
      const std::size_t count = one_in(random, 2) ? kMaxBurst : 1 + random() % kMaxBurst;
      std::vector<Bytes> frames;
      while (frames.size() < count) {
        frames.push_back(both_ways && one_in(random, 2)
                             ? from_uplink(random)
                             : from_client(random, faults, rotates, pops.now()));
      }
      pops.run(frames, random);
    }
    CHECK(pops.forwarded() > 1000);
  }
}

// Of the first tunnel, in order in every respect; the UDP checksum is still to be said.
PacketBuilder in_order(std::string_view local = "192.0.2.1") {
  AyiyaHeader header;
  set_ayiya_form(header, AyiyaOperation::kForward, kProtocolIpv6);
  header.epoch = static_cast<uint32_t>(kUnixNow);
  header.tunnel = v6("2001:db8:ff:1::2");
  const Bytes inner = PacketBuilder().ipv6("2001:db8:1001::5", "2600::1").payload(100).build();
  Bytes datagram(sizeof header + inner.size());
  std::memcpy(datagram.data(), &header, sizeof header);
  std::memcpy(datagram.data() + sizeof header, inner.data(), inner.size());
  sign(datagram, kPassword);
  return PipelineBed::from_router()
      .ipv4("198.51.100.1", local)
      .udp(40'001, kPortAyiya)
      .raw(datagram);
}

TEST_CASE("a burst of AYIYA in order does not enter the stages, once the second is known") {
  PipelineBed bed(config(kPops[0]));
  bed.bring_up(1, "198.51.100.1", 40'001);
  std::vector<Bytes> frames;
  while (frames.size() < kMaxBurst) {
    if (frames.size() % 2 == 0) {
      frames.push_back(
          PipelineBed::from_router().ipv6("2600::1", "2001:db8:1001::5").payload(100).build());
      continue;
    }
    frames.push_back(in_order().build());
  }
  FrameBurst first(frames);
  // The first ones are signs of life.
  CHECK(forward_plain(*bed.context, bed.table(), first.packets) == 0xaaaa'aaaa'aaaa'aaaa);
  forward_by_stages(*bed.context, bed.table(), first.packets, 0xaaaa'aaaa'aaaa'aaaa);
  FrameBurst burst(frames);
  CHECK(forward_plain(*bed.context, bed.table(), burst.packets) == 0);
  for (const Packet& packet : burst.packets) CHECK(packet.verdict == Verdict::kTransmit);

  // What is forged is paid for where it is dropped, and the rest goes on.
  FrameBurst forged(frames);
  forged.packets[1].data[200] ^= 1;
  CHECK(forward_plain(*bed.context, bed.table(), forged.packets) == 2);
  CHECK(bed.drops(DropReason::kAyiyaBadSignature) == 0);
}

TEST_CASE("AYIYA learned at an address that the PoP has no longer is left to the stages") {
  PipelineBed bed(config(kPops[0]));
  // In its place is one of the other family, or none.
  for (const char* local : {"2001:db8:77::77", "192.0.2.99"}) {
    CAPTURE(local);
    bed.bring_up(1, "198.51.100.1", 40'001, true, local);
    bed.context->runtime.learn(1, 0, bed.context->runtime.load(1, 0),
                               static_cast<uint32_t>(kUnixNow), 1000);
    const std::vector<Bytes> frames{
        PipelineBed::from_router().ipv6("2600::1", "2001:db8:1001::5").payload(100).build(),
        in_order("0.0.0.0").build()};
    FrameBurst burst(frames);
    CHECK(forward_plain(*bed.context, bed.table(), burst.packets) == all_of(2));
    forward_by_stages(*bed.context, bed.table(), burst.packets, all_of(2));
    CHECK(burst.packets[0].reason == DropReason::kDestinationDown);
    CHECK(burst.packets[1].reason == DropReason::kOuterNotLocal);
  }
}

TEST_CASE(
    "what the port has found to sum up is not summed up again, and nothing else is believed") {
  PipelineBed bed(config(kPops[0]));
  bed.bring_up(1, "198.51.100.1", 40'001);
  Bytes frame = in_order().build();
  frame[14 + 20 + 6] ^= 0x5a;  // the checksum; whether that is looked at shows
  const auto fate = [&](bool summed, bool plain) {
    FrameBurst burst({frame});
    burst.packets[0].udp_summed = summed;
    PacketSet left = 1;
    if (plain) left = forward_plain(*bed.context, bed.table(), burst.packets);
    CHECK(left == (plain && summed ? 0 : 1));
    forward_by_stages(*bed.context, bed.table(), burst.packets, left);
    return burst.packets[0];
  };
  CHECK(fate(true, false).verdict == Verdict::kTransmit);  // and the second is known
  CHECK(fate(true, true).verdict == Verdict::kTransmit);
  for (const bool plain : {false, true}) {
    const Packet dropped = fate(false, plain);
    CHECK(dropped.verdict == Verdict::kDrop);
    CHECK(dropped.reason == DropReason::kUdpBadChecksum);
  }
  // Over IPv6 there must be a checksum, whatever the port says of one that is missing.
  frame = PipelineBed::from_router()
              .ipv6("2001:db8:b::1", "2001:db8:a::1")
              .udp(40'001, kPortAyiya)
              .checksum(0)
              .payload(100)
              .build();
  FrameBurst burst({frame});
  burst.packets[0].udp_summed = true;
  forward_by_stages(*bed.context, bed.table(), burst.packets, 1);
  CHECK(burst.packets[0].reason == DropReason::kUdpBadChecksum);
}

}  // namespace simplon::test
