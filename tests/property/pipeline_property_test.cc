// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What is put into a tunnel comes out of it: for every kind of tunnel, carrier and inner family a
// random packet is encapsulated, sent back by a client that only turns addresses round, and
// decapsulated. It must come out with nothing changed but two hops and what ECN asks for.

#include <cstring>
#include <random>
#include <string>

#include "dataplane/crypto/sha1_batch.h"
#include "dataplane/net/ayiya.h"
#include "tests/support/catch.h"
#include "tests/support/seed.h"
#include "tests/unit/pipeline_bed.h"

namespace simplon::test {
namespace {

using Random = std::mt19937_64;

template <typename T>
T& at(Bytes& bytes, std::size_t offset) {
  if (bytes.size() < offset + sizeof(T)) throw std::logic_error("packet is too short");
  return *reinterpret_cast<T*>(bytes.data() + offset);
}

// Source and destination of the IP header at `offset`. Sums of ones' complement stay what they are.
void turn_round(Bytes& bytes, std::size_t offset) {
  if (at<uint8_t>(bytes, offset) >> 4 == 4) {
    auto& ip = at<Ipv4Header>(bytes, offset);
    std::swap(ip.source, ip.destination);
  } else {
    auto& ip = at<Ipv6Header>(bytes, offset);
    std::swap(ip.source, ip.destination);
  }
}

// The PoP's AYIYA as its client would have sent it: other ports, other identity, signed anew.
void turn_ayiya(Bytes& packet, std::size_t udp_offset) {
  auto& udp = at<UdpHeader>(packet, udp_offset);
  std::swap(udp.source_port, udp.destination_port);
  const std::size_t at_ayiya = udp_offset + sizeof(UdpHeader);
  auto& header = at<AyiyaHeader>(packet, at_ayiya);
  header.tunnel = Ipv6Address::from_halves(header.tunnel.hi(), 2);
  header.signature = sha1({reinterpret_cast<const uint8_t*>(kPassword.data()), kPassword.size()});
  header.signature = sha1(std::span(packet).subspan(at_ayiya));
  const bool ipv6 = at<uint8_t>(packet, 0) >> 4 == 6;
  udp.checksum = uint16_t{0};
  if (!ipv6) return;
  const auto& ip = at<Ipv6Header>(packet, 0);
  const auto length = static_cast<uint32_t>(packet.size() - udp_offset);
  udp.checksum =
      checksum_finish(checksum_add(ipv6_pseudo_sum(ip.source, ip.destination, length, kProtocolUdp),
                                   std::span(packet).subspan(udp_offset)));
  if (udp.checksum.raw() == 0) udp.checksum = uint16_t{0xffff};
}

struct Kind {
  const char* name;
  uint32_t slot;
  const char* endpoint;  // of a dynamic tunnel
  uint16_t port;
  const char* local;
  std::size_t overhead;
  bool carries_ipv4;
};
constexpr Kind kKinds[] = {
    {"6in4", k6in4, nullptr, 0, nullptr, 20, false},
    {"heartbeat over IPv4", kBeats, "203.0.113.2", 0, "192.0.2.77", 20, false},
    {"heartbeat over IPv6", kBeats, "2001:db8:c::2", 0, "2001:db8:77::77", 40, false},
    {"dynamic over IPv4", kDynamicOne, "203.0.113.4", 0, "192.0.2.1", 20, false},
    {"AYIYA over IPv4", kAyiyaOnly, "203.0.113.3", 40000, "192.0.2.1", 72, true},
    {"AYIYA over IPv6", kDynamicOne, "2001:db8:c::4", 40000, "2001:db8:a::1", 92, true},
    {"GRE over IPv4", kGreIpv4, nullptr, 0, nullptr, 36, true},
    {"GRE over IPv6", kGreIpv6, nullptr, 0, nullptr, 44, true},
    {"6in6 with limit", k6in6, nullptr, 0, nullptr, 48, true},
    {"6in6", k6in6Plain, nullptr, 0, nullptr, 40, true},
};

// A packet from somewhere to the tunnel, as long as its MTU lets it be or shorter.
Bytes random_packet(Random& random, const Kind& kind, bool ipv4) {
  const std::size_t mtu = 1500 - kind.overhead;
  const std::size_t header = ipv4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header);
  const std::size_t payload = random() % 4 == 0 ? mtu - header : random() % (mtu - header + 1);
  Bytes bytes(payload);
  for (uint8_t& b : bytes) b = static_cast<uint8_t>(random());
  const std::string number = std::to_string(kind.slot);
  const auto ttl = static_cast<uint8_t>(3 + random() % 253);
  const auto traffic_class = static_cast<uint8_t>(random());
  const auto protocol = static_cast<uint8_t>(kProtocolNoNext);
  PacketBuilder builder;
  if (ipv4) {
    builder.ipv4("203.0.113.200", "198.18.0." + number).id(static_cast<uint16_t>(random()));
  } else {
    builder.ipv6("2001:db8:aaaa::1", "2001:db8:100" + number + "::1");
  }
  return builder.ttl(ttl).traffic_class(traffic_class).protocol(protocol).raw(bytes).build();
}

Bytes framed(const Bytes& packet) {
  const bool ipv4 = packet.front() >> 4 == 4;
  Bytes frame = PipelineBed::from_router().build();
  at<EthernetHeader>(frame, 0).type = ipv4 ? kEtherTypeIpv4 : kEtherTypeIpv6;
  frame.insert(frame.end(), packet.begin(), packet.end());
  return frame;
}

void set_ttl(Bytes& packet, int difference) {
  if (packet.front() >> 4 == 4) {
    auto& ip = at<Ipv4Header>(packet, 0);
    ip.ttl = static_cast<uint8_t>(ip.ttl + difference);
    ip.checksum = ipv4_header_checksum(ip);
  } else {
    auto& ip = at<Ipv6Header>(packet, 0);
    ip.hop_limit = static_cast<uint8_t>(ip.hop_limit + difference);
  }
}

void round_trip(PipelineBed& bed, Random& random, const Kind& kind, bool ipv4) {
  Bytes packet = random_packet(random, kind, ipv4);
  REQUIRE(bed.receive(framed(packet)).verdict == Verdict::kTransmit);
  REQUIRE(bed.packet.out_slot == kind.slot);
  Bytes carrier = bed.ip_packet();
  REQUIRE(carrier.size() == packet.size() + kind.overhead);

  turn_round(carrier, 0);
  turn_round(carrier, kind.overhead);
  if (kind.port != 0) {
    turn_ayiya(carrier, kind.overhead - sizeof(AyiyaHeader) - sizeof(UdpHeader));
  }
  REQUIRE(bed.receive(framed(carrier)).verdict == Verdict::kTransmit);
  REQUIRE(bed.packet.in_slot == kind.slot);
  REQUIRE(bed.packet.out_slot == kNoSlot);

  turn_round(packet, 0);
  set_ttl(packet, -2);
  CHECK(bed.ip_packet() == packet);
}

}  // namespace

TEST_CASE("what is put into a tunnel of any kind comes out of it unchanged") {
  for (const uint64_t seed : testing::property_seeds(3)) {
    CAPTURE(seed);
    Random random(seed);
    PipelineBed bed;
    for (const Kind& kind : kKinds) {
      CAPTURE(kind.name);
      if (kind.endpoint != nullptr) {
        bed.bring_up(kind.slot, kind.endpoint, kind.port, true, kind.local);
      }
      for (const bool ipv4 : {false, true}) {
        CAPTURE(ipv4);
        if (ipv4 && !kind.carries_ipv4) continue;
        for (int n = 0; n < 100; ++n) round_trip(bed, random, kind, ipv4);
      }
    }
  }
}

TEST_CASE("an inner IPv4 checksum stays right whatever TTL and ECN do to its header") {
  for (const uint64_t seed : testing::property_seeds(3)) {
    CAPTURE(seed);
    Random random(seed);
    PipelineBed bed;
    for (int n = 0; n < 2000; ++n) {
      const auto inner = static_cast<uint8_t>(random() | 1);  // ECT(1) or CE
      const auto outer = static_cast<uint8_t>(random());
      const auto source = static_cast<uint32_t>(random());
      bed.receive(PipelineBed::from_router()
                      .ipv6("2001:db8:6::7", "2001:db8:a::1")
                      .traffic_class(outer)
                      .ipv4("198.18.0.7", Ipv4Address::from_value(source | 0x08000000).to_string())
                      .id(static_cast<uint16_t>(random()))
                      .traffic_class(inner)
                      .ttl(static_cast<uint8_t>(2 + random() % 254)));
      if (bed.packet.verdict != Verdict::kTransmit) continue;  // that address is no destination
      Bytes sent = bed.ip_packet();
      REQUIRE(ipv4_header_valid(at<Ipv4Header>(sent, 0)));
    }
    CHECK(bed.context->counters.get(WorkerCounter::kDecapsulated) > 500);
  }
}

}  // namespace simplon::test
