// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// IPv4 inside tunnels: ICMPv4 errors about it, and pieces of what is too big (docs/protocols.md
// §11.3). T11 is a GRE tunnel of 198.51.100.60 with 198.18.0.176/28.

#include <cstring>

#include "dataplane/net/checksum.h"
#include "tests/support/catch.h"
#include "tests/unit/slowpath_bed.h"

namespace simplon::test {
namespace {

constexpr auto kHost = "203.0.113.77";
constexpr auto kInside = "198.18.0.180";
constexpr auto kRemote = "198.51.100.60";
constexpr std::size_t kGreTunnel = 11;

SlowPathBed::Options with_gre(uint8_t flags = kTunnelEnabled) {
  SlowPathBed::Options options;
  options.ipv4_pool = true;
  options.change_slots = [flags](std::vector<TunnelSlot>& slots) {
    TunnelSlot& s = slots[kGreTunnel];
    s.tunnel_id = kGreTunnel;
    s.kind = static_cast<uint8_t>(TunnelKind::kGre);
    s.flags = flags;
    s.mtu = 1476;
    s.outer_ttl = 64;
    s.cold_index = kNoSlot;
    std::memcpy(s.remote, Ipv6Address::from_ipv4(v4(kRemote)).bytes.data(), 16);
  };
  return options;
}

// In the GRE of T11.
Bytes from_gre(const PacketBuilder& inner) {
  const Bytes bytes = inner.build();
  Bytes payload{0, 0, 0x08, 0};
  payload.insert(payload.end(), bytes.begin(), bytes.end());
  return SlowPathBed::from_tunnel(kRemote).protocol(kProtocolGre).raw(payload).build();
}

// The inner packet of a frame into T11; throws if it is none.
Bytes inside_gre(const Bytes& frame) {
  const Bytes packet = outer_of(frame);
  const auto& ip = at<Ipv4Header>(packet, 0);
  if (ip.protocol != kProtocolGre || ip.destination != v4(kRemote)) {
    throw std::logic_error("not GRE to T11");
  }
  return {packet.begin() + 24, packet.end()};
}

void check_error(const Bytes& packet, std::string_view to, uint8_t type, uint8_t code,
                 uint32_t rest = 0) {
  REQUIRE(packet.size() >= 56);
  const auto& ip = at<Ipv4Header>(packet, 0);
  CHECK(ipv4_header_valid(std::span(packet).first(20)));
  CHECK(ip.source == v4("192.0.2.1"));
  CHECK(ip.destination == v4(to));
  CHECK(packet.size() <= 576);
  CHECK(checksum_fold(checksum_add(0, std::span(packet).subspan(20))) == 0xffff);
  const auto& icmp = at<IcmpHeader>(packet, 20);
  CHECK(int{icmp.type} == int{type});
  CHECK(int{icmp.code} == int{code});
  CHECK(icmp.rest.value() == rest);
}

PacketBuilder from_host(std::string_view to) {
  return SlowPathBed::from_router().ipv4(kHost, to);
}

}  // namespace

TEST_CASE("an inner IPv4 packet at the end of its life is answered back into the tunnel") {
  SlowPathBed bed(with_gre());
  bed.receive(from_gre(PacketBuilder().ipv4(kInside, kHost).ttl(1).udp(1, 2).payload(900)));
  const Bytes error = inside_gre(bed.take());
  check_error(error, kInside, 11, 0);
  CHECK(error.size() == 576);
  CHECK(bed.drops(DropReason::kHopLimitExceeded) == 1);
  CHECK(bed.counter(WorkerCounter::kIcmpv4ErrorsSent) == 1);
  CHECK(bed.ledger(kGreTunnel, static_cast<uint8_t>(DropReason::kHopLimitExceeded)).count == 1);
}

TEST_CASE("IPv4 for nobody, and for a disabled tunnel, is answered out of the uplink") {
  {
    SlowPathBed bed(with_gre());
    bed.receive(from_host("198.18.0.225").udp(1, 2));
    check_error(outer_of(bed.take()), kHost, 3, 0);
  }
  SlowPathBed bed(with_gre(0));
  bed.receive(from_host(kInside).udp(1, 2));
  check_error(outer_of(bed.take()), kHost, 3, 13);
}

TEST_CASE("IPv4 that is too big and may not be cut is answered with the MTU") {
  SlowPathBed bed(with_gre());
  bed.receive(from_host(kInside).dont_fragment().udp(1, 2).payload(1477 - 28));
  check_error(outer_of(bed.take()), kHost, 3, 4, 1476);
  bed.receive(from_host(kInside).dont_fragment().udp(1, 2).payload(1476 - 28));
  CHECK(inside_gre(bed.take()).size() == 1476);
}

TEST_CASE("IPv4 that is too big and may be cut goes into the tunnel in pieces") {
  SlowPathBed bed(with_gre());
  const PacketBuilder big = from_host(kInside).id(77).udp(1, 2).payload(1500 - 28);
  bed.receive(big);
  REQUIRE(bed.sent.size() == 2);
  const Bytes whole = outer_of(big.build());
  Bytes together;
  for (const Bytes& frame : bed.sent) {
    const Bytes piece = inside_gre(frame);
    const auto& ip = at<Ipv4Header>(piece, 0);
    CHECK(ipv4_header_valid(std::span(piece).first(20)));
    CHECK(piece.size() <= 1476);
    CHECK(ip.id.value() == 77);
    CHECK(ip.ttl == 63);
    CHECK((ip.flags_fragment.value() & 0x1fff) * 8u == together.size());
    CHECK(((ip.flags_fragment.value() & kIpv4MoreFragments) != 0) == (&frame == &bed.sent[0]));
    together.insert(together.end(), piece.begin() + 20, piece.end());
  }
  CHECK(together == Bytes(whole.begin() + 20, whole.end()));
  CHECK(bed.counter(WorkerCounter::kFragmentsMade) == 1);
  CHECK(bed.tunnel(kGreTunnel).out_packets == 2);
  bed.sent.clear();
}

TEST_CASE("no ICMPv4 error is sent about errors, later fragments and impossible sources") {
  SlowPathBed bed(with_gre());
  bed.receive(from_gre(PacketBuilder().ipv4(kInside, kHost).ttl(1).icmpv4(3, 1).payload(28)));
  bed.receive(from_gre(PacketBuilder().ipv4(kInside, kHost).ttl(1).icmpv4(5, 1).payload(28)));
  bed.receive(from_gre(
      PacketBuilder().ipv4(kInside, kHost).ttl(1).protocol(17).fragment(80, true).payload(80)));
  bed.receive(SlowPathBed::from_router().ipv4("192.0.2.255", kInside).ttl(1).udp(1, 2));
  CHECK(bed.sent.empty());
  CHECK(bed.counter(WorkerCounter::kIcmpv4ErrorsSent) == 0);
  // A ping is no error.
  bed.receive(from_gre(PacketBuilder().ipv4(kInside, kHost).ttl(1).echo_request(1, 2, 8)));
  CHECK(bed.sent.size() == 1);
}

TEST_CASE("ICMPv4 errors about inner packets keep to the limits of all errors") {
  SlowPathBed::Options options = with_gre();
  options.change_pop = [](PopRecord& pop) { pop.icmp_errors_per_second_per_tunnel = 10; };
  SlowPathBed bed(options);
  for (int i = 0; i < 1000; ++i) {
    bed.receive(from_gre(PacketBuilder().ipv4(kInside, kHost).ttl(1).udp(1, 2).payload(100)));
  }
  CHECK(bed.sent.size() <= 10);
  CHECK_FALSE(bed.sent.empty());
}

}  // namespace simplon::test
