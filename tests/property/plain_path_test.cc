// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The plain path against the stages it runs before: bursts of packets in order and of packets with
// one thing or more changed about them go through both. Frames, packets and every counter must be
// the same to the byte.

#include <algorithm>
#include <cstring>
#include <random>
#include <string>

#include "dataplane/pipeline/plain.h"
#include "dataplane/pipeline/stage_profile.h"
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

// Links.
constexpr std::string_view kInterfaces[] = {
    R"(interfaces { port: "wan0" ipv4_address: "192.0.2.1/24" ipv4_gateway: "192.0.2.254"
         ipv6_address: "2001:db8:a::1/64" ipv6_gateway: "2001:db8:a::ffff" }
       interfaces { port: "wan0" vlan: 7 mtu: 1400 ipv4_address: "198.51.101.1/24"
         ipv6_address: "2001:db8:b::1/64" }
       interfaces { port: "wan1" ipv6_address: "2001:db8:c::1/112" })",
    // A link with room for no minimal packet in a tunnel.
    R"(interfaces { port: "wan0" mtu: 1290 ipv4_address: "192.0.2.1/24" ipv4_gateway: "192.0.2.254"
         ipv6_address: "2001:db8:a::1/64" ipv6_gateway: "2001:db8:a::ffff" })",
    // Gateways behind a tag.
    R"(interfaces { port: "wan0" vlan: 9 ipv4_address: "192.0.2.1/24" ipv4_gateway: "192.0.2.254"
         ipv6_address: "2001:db8:a::1/64" ipv6_gateway: "2001:db8:a::ffff" }
       interfaces { port: "wan0" ipv4_address: "198.51.101.1/24"
         ipv6_address: "2001:db8:b::1/64" })",
    // No way to anywhere but the link.
    R"(interfaces { port: "wan0" ipv4_address: "192.0.2.1/24" ipv6_address: "2001:db8:a::1/64" })",
};

constexpr std::size_t kNarrow = 1;

constexpr std::string_view kRest = R"(
  ipv4_addresses: "192.0.2.77"
  ipv6_addresses: "2001:db8:77::77"
  ipv6_address: "2001:db8:ff:ffff::1"
}
pools { name: "link" kind: LINK prefix: "2001:db8:ff::/49" }
pools { name: "routed" kind: ROUTED prefix: "2001:db8:ee::/48" }
pools { name: "delegated" kind: DELEGATED prefix: "2001:db8:1000::/44" unit_length: 48 }
pools { name: "small" kind: DELEGATED prefix: "2001:db8:2000::/52" unit_length: 64 }
tunnels { id: 1 slot: 1 type: PROTO41 remote: "198.51.100.1" delegated_prefixes: "2001:db8:1001::/48"
  delegated_prefixes: "2001:db8:2000:1::/64" }
tunnels { id: 2 slot: 2 type: PROTO41 remote: "198.51.100.2" delegated_prefixes: "2001:db8:1002::/48"
  local: "192.0.2.77" mtu: 1280 ttl: 12 ecn_mode: NORMAL }
tunnels { id: 3 slot: 3 type: PROTO41 remote: "198.51.100.3" delegated_prefixes: "2001:db8:1003::/48"
  dscp_mode: UNIFORM ecn_mode: NORMAL }
tunnels { id: 4 slot: 4 type: PROTO41 remote: "198.51.100.4" delegated_prefixes: "2001:db8:1004::/48"
  dscp: 46 mtu_mode: STATIC }
tunnels { id: 5 slot: 5 type: PROTO41 remote: "198.51.100.5" delegated_prefixes: "2001:db8:1005::/48"
  admin_state: DISABLED }
tunnels { id: 6 slot: 6 type: PROTO41 remote: "192.0.2.6" delegated_prefixes: "2001:db8:1006::/48"
  dscp: 10 dscp_mode: PIPE }
tunnels { id: 7 slot: 7 type: HEARTBEAT password: "0123456789abcdef0123"
  delegated_prefixes: "2001:db8:1007::/48" }
tunnels { id: 8 slot: 8 type: GRE remote: "198.51.100.8" delegated_prefixes: "2001:db8:1008::/48" }
tunnels { id: 9 slot: 9 type: PROTO41 remote: "223.255.255.254" local: "192.0.2.77"
  delegated_prefixes: "2001:db8:1009::/48" mtu: 1400 }
tunnels { id: 10 slot: 10 type: AYIYA password: "0123456789abcdef0123"
  delegated_prefixes: "2001:db8:100a::/48" ipv4_prefixes: "198.18.0.10/32" }
)";
constexpr std::string_view kIpv4Pool =
    "pools { name: \"legacy\" kind: DELEGATED prefix: \"198.18.0.0/24\" unit_length: 32 }\n";

std::string config(std::size_t interfaces) {
  std::string rest(kRest);
  // As much as the narrow link would carry it may not be.
  constexpr std::string_view kMtu = "mtu: 1400";
  if (interfaces == kNarrow) rest.erase(rest.find(kMtu), kMtu.size());
  return "pop { name: \"plain\" " + std::string(kInterfaces[interfaces]) + rest +
         std::string(kIpv4Pool);
}

const char* const kRemotes[] = {"198.51.100.1",    "198.51.100.2", "198.51.100.3", "198.51.100.4",
                                "198.51.100.5",    "192.0.2.6",    "203.0.113.7",  "198.51.100.8",
                                "223.255.255.254", "203.0.113.10"};
// Addresses outside of pools, ordinary and not.
const char* const kOutside[] = {"2001:db8:aaaa::1",
                                "2600::1",
                                "fd00::1",
                                "64:ff9b::c000:201",
                                "::",
                                "::1",
                                "::ffff:198.18.0.10",
                                "0:ffff:c612:a::",
                                "fe80::1",
                                "fec0::1",
                                "ff02::1",
                                "ff0e::1",
                                "2001:db8:a::1",
                                "2001:db8:a::ffff",
                                "2001:db8:a::5",
                                "2001:db8:b::9",
                                "2001:db8:c::1",
                                "2001:db8:c::ffff",
                                "2001:db8:c::1:5",
                                "2001:db8:77::77",
                                "2001:db8:77::78",
                                "2001:db8:ff:ffff::1",
                                "2001:db8:ff:ffff::2"};

template <typename T, std::size_t N>
const T& any_of(Random& random, const T (&choices)[N]) {
  return choices[random() % N];
}
bool one_in(Random& random, unsigned n) {
  return random() % n == 0;
}

// An address of a tunnel, mostly of a static one.
Ipv6Address inside(Random& random, uint32_t slot) {
  switch (random() % 8) {
    case 0:
      return Ipv6Address::from_halves(0x2001'0db8'00ff'0000 + slot, random() % 4);
    case 1:
      return Ipv6Address::from_halves(0x2001'0db8'00ee'0000 + slot, random());
    case 2:
      return Ipv6Address::from_halves(0x2001'0db8'2000'0000 + random() % 4, random());
    case 3:
      // Past the slots there are, and where pools end.
      return Ipv6Address::from_halves(0x2001'0db8'00ee'0000 + random() % 0x1'0001, random());
    default:
      return Ipv6Address::from_halves(0x2001'0db8'1000'0000 + (uint64_t{slot} << 16), random());
  }
}
Ipv6Address outside(Random& random) {
  return v6(one_in(random, 8) ? any_of(random, kOutside) : kOutside[random() % 2]);
}

struct Lengths {
  std::size_t payload;
  std::size_t padding;
};
Lengths any_lengths(Random& random) {
  constexpr std::size_t kEdges[] = {0,    1,    6,    24,   1240, 1241, 1250, 1251, 1340, 1341,
                                    1360, 1361, 1380, 1381, 1420, 1421, 1440, 1441, 1460, 1461};
  const std::size_t payload = one_in(random, 3) ? any_of(random, kEdges) : random() % 100;
  return {payload, one_in(random, 8) ? random() % 40 : 0};
}

Bytes inner_packet(Random& random, const Ipv6Address& source, const Ipv6Address& destination,
                   std::size_t payload) {
  const Ipv6Header header{
      .version_class_flow = uint32_t{6} << 28 |
                            (one_in(random, 2) ? static_cast<uint32_t>(random() % 256) << 20 : 0u),
      .payload_length = static_cast<uint16_t>(payload),
      .next_header = static_cast<uint8_t>(one_in(random, 4) ? kProtocolIcmpv6 : kProtocolNoNext),
      .hop_limit = static_cast<uint8_t>(one_in(random, 4) ? random() % 4 : 64),
      .source = source,
      .destination = destination,
  };
  Bytes bytes(sizeof(header) + payload);
  std::memcpy(bytes.data(), &header, sizeof(header));
  for (std::size_t i = sizeof(header); i < bytes.size(); ++i) {
    bytes[i] = static_cast<uint8_t>(random());
  }
  return bytes;
}

void put_checksum(Bytes& frame, std::size_t at) {
  if (frame.size() < at + sizeof(Ipv4Header)) return;
  auto* ip = reinterpret_cast<Ipv4Header*>(frame.data() + at);
  ip->checksum = ipv4_header_checksum(*ip);
}

Bytes any_frame(Random& random) {
  const auto slot = static_cast<uint32_t>(one_in(random, 3) ? random() % 12 : 1 + random() % 4);
  const bool from_tunnel = one_in(random, 2);
  Ipv6Address here = inside(random, slot);
  Ipv6Address there = one_in(random, 16) ? inside(random, 1 + random() % 4) : outside(random);
  if (one_in(random, 32)) std::swap(here, there);
  const Lengths lengths = any_lengths(random);
  const Bytes inner = from_tunnel ? inner_packet(random, here, there, lengths.payload)
                                  : inner_packet(random, there, here, lengths.payload);
  const EthernetHeader ethernet{.destination = kPopMac,
                                .source = kRouterMac,
                                .type = from_tunnel ? kEtherTypeIpv4 : kEtherTypeIpv6};
  Bytes frame(sizeof(ethernet));
  std::memcpy(frame.data(), &ethernet, sizeof(ethernet));
  if (from_tunnel) {
    const uint32_t remote = slot >= 1 && slot <= 10 ? slot - 1 : 0;
    const bool other_local = slot == 2 || slot == 9;
    const Ipv4Header outer{
        .version_ihl = 0x45,
        .tos = static_cast<uint8_t>(one_in(random, 2) ? random() : 0),
        .total_length = static_cast<uint16_t>(sizeof(Ipv4Header) + inner.size()),
        .id = static_cast<uint16_t>(random()),
        .flags_fragment = static_cast<uint16_t>(one_in(random, 2) ? kIpv4DontFragment : 0),
        .ttl = static_cast<uint8_t>(random()),
        .protocol = kProtocolIpv6,
        .checksum = uint16_t{0},
        .source = v4(one_in(random, 32) ? any_of(random, kRemotes) : kRemotes[remote]),
        .destination = v4(other_local != one_in(random, 32) ? "192.0.2.77" : "192.0.2.1"),
    };
    frame.resize(frame.size() + sizeof(outer));
    std::memcpy(frame.data() + sizeof(ethernet), &outer, sizeof(outer));
    put_checksum(frame, sizeof(ethernet));
  }
  frame.insert(frame.end(), inner.begin(), inner.end());
  frame.resize(frame.size() + lengths.padding, 0xaa);
  return frame;
}

// One thing that is not as it should be, or not as it was.
void mutate(Random& random, Bytes& frame) {
  constexpr std::size_t kEthernet = sizeof(EthernetHeader);
  if (frame.empty()) return;
  switch (random() % 6) {
    case 0: {  // a bit of the headers
      const std::size_t at = random() % std::min<std::size_t>(frame.size(), 76);
      frame[at] = static_cast<uint8_t>(frame[at] ^ (1u << (random() % 8)));
      break;
    }
    case 1: {  // a byte by one
      const std::size_t at = random() % std::min<std::size_t>(frame.size(), 76);
      frame[at] = static_cast<uint8_t>(frame[at] + (one_in(random, 2) ? 1 : -1));
      break;
    }
    case 2: {  // one of the lengths
      constexpr std::size_t kLengths[] = {2, 4, 24};
      const std::size_t at = kEthernet + any_of(random, kLengths) + random() % 2;
      if (at < frame.size()) frame[at] = static_cast<uint8_t>(random());
      break;
    }
    case 3:  // the end
      frame.resize(random() % (frame.size() + 1));
      break;
    case 4: {  // a tag
      constexpr uint16_t kTags[] = {0, 7, 8, 9, 0x2007};
      const VlanTag tag{.tci = any_of(random, kTags), .type = uint16_t{0}};
      if (frame.size() < kEthernet) break;
      frame.insert(frame.begin() + 12, 4, 0);
      std::memcpy(frame.data() + kEthernet, &tag.tci, 2);
      frame[12] = 0x81;
      std::memcpy(frame.data() + 16, &frame[16], 2);
      break;
    }
    default: {  // to the other port, or to all
      const MacAddress to = one_in(random, 2) ? kPopMac1 : MacAddress{255, 255, 255, 255, 255, 255};
      if (frame.size() >= to.size()) std::copy(to.begin(), to.end(), frame.begin());
    }
  }
  if (!one_in(random, 4)) put_checksum(frame, kEthernet);
}

// Two PoPs of the same configuration: one with the plain path, one without.
class Pair {
 public:
  Pair(std::size_t interfaces, Random& random)
      : with_(config(interfaces)), without_(config(interfaces)) {
    const bool known = !one_in(random, 4);
    for (PipelineBed* bed : {&with_, &without_}) {
      bed->bring_up(7, "203.0.113.7");
      bed->neighbors().set(0, any("192.0.2.6"), MacAddress{0x02, 0, 0, 0, 0, 6});
      if (!known) bed->neighbors().remove(0, any("192.0.2.254"));
    }
  }

  void run(const std::vector<Bytes>& frames, const std::vector<uint8_t>& ports) {
    FrameBurst a(frames, ports);
    FrameBurst b(frames, ports);
    const PacketSet left = forward_plain(*with_.context, with_.table(), a.packets);
    forward_by_stages(*with_.context, with_.table(), a.packets, left);
    forward_by_stages(*without_.context, without_.table(), b.packets, all_of(frames.size()));
    for (std::size_t i = 0; i < frames.size(); ++i) {
      if (testing::same_view(a.packets[i], b.packets[i]) && a.bytes(i) == b.bytes(i)) continue;
      CAPTURE(i, testing_hex(frames[i]), testing_hex(a.bytes(i)), testing_hex(b.bytes(i)));
      CAPTURE(static_cast<int>(a.packets[i].verdict), static_cast<int>(b.packets[i].verdict));
      CAPTURE(a.packets[i].tailroom, b.packets[i].tailroom);
      FAIL("a packet comes out of the plain path that does not come out of the stages");
    }
    REQUIRE(same_memory(with_.column(), without_.column()));
    REQUIRE(same_memory(with_.tunnels(), without_.tunnels()));
    REQUIRE(same_memory(with_.ledger(), without_.ledger()));
    with_.advance(kSecond / 100);
    without_.advance(kSecond / 100);
  }

 private:
  static std::string testing_hex(const Bytes& bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    std::string text;
    for (std::size_t i = 0; i < std::min<std::size_t>(bytes.size(), 100); ++i) {
      text += {kDigits[bytes[i] >> 4], kDigits[bytes[i] & 15]};
    }
    return text;
  }

  PipelineBed with_;
  PipelineBed without_;
};

// Tunnel 1 in both directions, in order.
std::vector<Bytes> ordinary_burst(Random& random) {
  std::vector<Bytes> frames;
  while (frames.size() < kMaxBurst) {
    PacketBuilder frame = PipelineBed::from_router();
    if (one_in(random, 2)) {
      frame.ipv4("198.51.100.1", "192.0.2.1").ipv6("2001:db8:1001::5", "2001:db8:aaaa::1");
    } else {
      frame.ipv6("2001:db8:aaaa::1", "2001:db8:1001::5");
    }
    frames.push_back(frame.udp(1, 2).payload(12 + random() % 1388).build());
  }
  return frames;
}

}  // namespace

TEST_CASE("the plain path does to the byte and the counter what the stages do") {
  for (const uint64_t seed : testing::property_seeds(12)) {
    CAPTURE(seed);
    Random random(seed);
    Pair pops(seed % 2 == 0 ? 0 : seed / 2 % std::size(kInterfaces), random);
    for (int n = 0; n < 400; ++n) {
      // Some bursts are all in order, some hold nothing that is.
      const unsigned mutated = static_cast<unsigned>(random() % 5);
      const std::size_t count = one_in(random, 2) ? kMaxBurst : 1 + random() % kMaxBurst;
      std::vector<Bytes> frames;
      std::vector<uint8_t> ports;
      const bool one_port = !one_in(random, 8);
      while (frames.size() < count) {
        frames.push_back(any_frame(random));
        for (unsigned m = 0; m < 2; ++m) {
          if (random() % 4 < mutated) mutate(random, frames.back());
        }
        ports.push_back(static_cast<uint8_t>(one_port ? 0 : random() % 3));
      }
      pops.run(frames, ports);
    }
  }
}

TEST_CASE("a burst of 6in4 in order does not enter the stages") {
  Random random(1);
  PipelineBed bed(config(0));
  const std::vector<Bytes> frames = ordinary_burst(random);
  FrameBurst burst(frames);
  CHECK(forward_plain(*bed.context, bed.table(), burst.packets) == 0);
  for (const Packet& packet : burst.packets) CHECK(packet.verdict == Verdict::kTransmit);
}

TEST_CASE("where most of a burst is not plain some bursts do not look for what is") {
  Random random(1);
  PipelineBed bed(config(0));
  StageProfile profile;
  bed.context->profile = &profile;
  const auto entered_plain = [&] {
    const std::vector<Bytes> frames = ordinary_burst(random);
    const uint64_t before = profile.stages[static_cast<std::size_t>(Stage::kPlain)].packets;
    FrameBurst burst(frames);
    process_burst(*bed.context, bed.table(), burst.packets);
    for (const Packet& packet : burst.packets) CHECK(packet.verdict == Verdict::kTransmit);
    return profile.stages[static_cast<std::size_t>(Stage::kPlain)].packets - before;
  };
  CHECK(entered_plain() == kMaxBurst);
  CHECK(entered_plain() == kMaxBurst);
  CHECK(profile.stages[static_cast<std::size_t>(Stage::kClassify)].packets == 0);
  bed.receive(PipelineBed::from_router().ipv6("2001:db8:aaaa::1", "2001:db8:1007::1").udp(1, 2));
  CHECK(entered_plain() == 0);
  CHECK(profile.stages[static_cast<std::size_t>(Stage::kClassify)].packets == 1 + kMaxBurst);
  CHECK(profile.stages[static_cast<std::size_t>(Stage::kWrite)].packets == kMaxBurst);
  int without = 1;
  while (entered_plain() == 0) ++without;
  CHECK(without == 14);
}

TEST_CASE("the plain path leaves everything where a gateway's address is not known") {
  Random random(1);
  PipelineBed bed(config(0));
  bed.neighbors().clear();
  const std::vector<Bytes> frames = ordinary_burst(random);
  FrameBurst burst(frames);
  const Bytes before = burst.memory;
  CHECK(forward_plain(*bed.context, bed.table(), burst.packets) == all_of(frames.size()));
  CHECK(burst.memory == before);
}

}  // namespace simplon::test
