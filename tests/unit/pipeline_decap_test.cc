// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/support/catch.h"
#include "tests/unit/pipeline_bed.h"

namespace simplon::test {
namespace {

constexpr std::string_view kNative = "2001:db8:aaaa::1";
constexpr std::string_view kNativeIpv4 = "203.0.113.200";

PacketBuilder ipv4_carrier(std::string_view source, std::string_view destination = "192.0.2.1") {
  return PipelineBed::from_router().ipv4(source, destination);
}
PacketBuilder ipv6_carrier(std::string_view source,
                           std::string_view destination = "2001:db8:a::1") {
  return PipelineBed::from_router().ipv6(source, destination);
}
PacketBuilder gre_ipv4(PacketBuilder carrier) {
  return carrier.gre({.checksum = true, .key = kKeyOfGreIpv4, .sequence = 7});
}
PacketBuilder inner(PacketBuilder carrier, std::string_view source) {
  return carrier.ipv6(source, kNative).udp(1000, 2000).payload(40);
}
PacketBuilder inner_ipv4(PacketBuilder carrier, std::string_view source) {
  return carrier.ipv4(source, kNativeIpv4).udp(1000, 2000).payload(40);
}

DropReason reason_of(PipelineBed& bed, const PacketBuilder& frame) {
  bed.receive(frame);
  if (bed.packet.verdict == Verdict::kPunt && bed.packet.punt_class == PuntClass::kAttribution) {
    return bed.packet.reason;
  }
  REQUIRE(bed.packet.verdict == Verdict::kDrop);
  return bed.packet.reason;
}

void check_passes(PipelineBed& bed, const PacketBuilder& frame, uint32_t slot) {
  bed.receive(frame);
  REQUIRE(bed.packet.verdict == Verdict::kTransmit);
  CHECK(bed.packet.in_slot == slot);
}

}  // namespace

TEST_CASE("every kind of tunnel accepts its own encapsulation") {
  PipelineBed bed;
  check_passes(bed, inner(ipv4_carrier("198.51.100.10"), "2001:db8:1001::1"), k6in4);
  check_passes(bed, inner(gre_ipv4(ipv4_carrier("198.51.100.50")), "2001:db8:1005::1"), kGreIpv4);
  check_passes(bed, inner_ipv4(gre_ipv4(ipv4_carrier("198.51.100.50")), "198.18.0.5"), kGreIpv4);
  check_passes(bed, inner(ipv6_carrier("2001:db8:6::6").gre(), "2001:db8:1006::1"), kGreIpv6);
  check_passes(bed, inner_ipv4(ipv6_carrier("2001:db8:6::6").gre(), "198.18.0.6"), kGreIpv6);
  check_passes(bed, inner(ipv6_carrier("2001:db8:6::7"), "2001:db8:1007::1"), k6in6);
  check_passes(bed, inner(ipv6_carrier("2001:db8:6::7").encapsulation_limit(4), "2001:db8:1007::1"),
               k6in6);
  check_passes(bed, inner_ipv4(ipv6_carrier("2001:db8:6::7").encapsulation_limit(4), "198.18.0.7"),
               k6in6);
  bed.bring_up(kBeats, "203.0.113.5");
  check_passes(bed, inner(ipv4_carrier("203.0.113.5"), "2001:db8:1002::1"), kBeats);
  bed.bring_up(kDynamicOne, "2001:db8:c::5", 0, true, "2001:db8:77::77");
  check_passes(bed, inner(ipv6_carrier("2001:db8:c::5", "2001:db8:77::77"), "2001:db8:1004::1"),
               kDynamicOne);
  CHECK(bed.context->counters.get(WorkerCounter::kDecapsulated) == 10);
}

TEST_CASE("a dynamic tunnel that is down lets nothing through") {
  PipelineBed bed;
  CHECK(reason_of(bed, inner(ipv4_carrier("203.0.113.5"), "2001:db8:1002::1")) ==
        DropReason::kTunnelDown);
  CHECK(bed.booked(kBeats, DropReason::kTunnelDown) == 1);
}

TEST_CASE("another encapsulation than the tunnel's is refused") {
  PipelineBed bed;
  bed.bring_up(kAyiyaOnly, "203.0.113.3", 5072);
  bed.bring_up(kBeats, "203.0.113.2");
  bed.bring_up(kDynamicOne, "203.0.113.4", 40000);
  const struct {
    PacketBuilder frame;
    uint32_t slot;
  } cases[] = {
      {inner(ipv4_carrier("198.51.100.10").gre(), "2001:db8:1001::1"), k6in4},
      {inner(ipv4_carrier("198.51.100.50"), "2001:db8:1005::1"), kGreIpv4},
      {inner(ipv6_carrier("2001:db8:6::6"), "2001:db8:1006::1"), kGreIpv6},
      {inner(ipv6_carrier("2001:db8:6::7").gre(), "2001:db8:1007::1"), k6in6},
      {inner(ipv4_carrier("198.51.100.10"), "2001:db8:1007::1"), k6in6},
      // AYIYA tunnels, and dynamic ones while they use it, never take bare packets.
      {inner(ipv4_carrier("203.0.113.3"), "2001:db8:1003::1"), kAyiyaOnly},
      {inner(ipv4_carrier("203.0.113.4"), "2001:db8:1004::1"), kDynamicOne},
      {inner(ipv4_carrier("203.0.113.2").gre(), "2001:db8:1002::1"), kBeats},
      {inner_ipv4(ipv6_carrier("2001:db8:6::6"), "198.18.0.4"), kDynamicOne},
  };
  for (const auto& c : cases) {
    CAPTURE(c.slot);
    CHECK(reason_of(bed, c.frame) == DropReason::kEncapsulationMismatch);
    CHECK(bed.booked(c.slot, DropReason::kEncapsulationMismatch) > 0);
  }
}

TEST_CASE("the outer addresses must be the endpoint's, whatever the kind") {
  PipelineBed bed;
  bed.bring_up(kBeats, "203.0.113.5", 0, true, "192.0.2.77");
  const auto beats_from = [](std::string_view source, std::string_view destination) {
    return inner(ipv4_carrier(source, destination), "2001:db8:1002::1");
  };
  CHECK(reason_of(bed, beats_from("203.0.113.6", "192.0.2.77")) ==
        DropReason::kOuterSourceMismatch);
  CHECK(bed.packet.punt_class == PuntClass::kAttribution);
  CHECK(bed.drops(DropReason::kOuterSourceMismatch) == 0);  // the slow path counts it
  CHECK(reason_of(bed, beats_from("203.0.113.5", "192.0.2.1")) ==
        DropReason::kOuterDestinationMismatch);
  CHECK(reason_of(bed, beats_from("203.0.113.5", "192.0.2.99")) == DropReason::kOuterNotLocal);
  // Nobody's endpoint: ours, another PoP's, a loopback one.
  for (const char* source : {"192.0.2.1", "203.0.113.99", "127.0.0.1"}) {
    CHECK(reason_of(bed, beats_from(source, "192.0.2.77")) == DropReason::kOuterSourceInvalid);
  }
  CHECK(reason_of(bed, inner(ipv6_carrier("2001:db8:6::9"), "2001:db8:1007::1")) ==
        DropReason::kOuterSourceMismatch);
  CHECK(reason_of(bed, inner(ipv6_carrier("2001:db8:6::7", "2001:db8:77::77"),
                             "2001:db8:1007::1")) == DropReason::kOuterDestinationMismatch);
}

TEST_CASE("attribution has a budget, and what exceeds it is counted at once") {
  PipelineBed bed;
  const Bytes frame = inner(ipv4_carrier("203.0.113.6"), "2001:db8:1001::1").build();
  for (int n = 0; n < 500; ++n) bed.receive(frame);
  const uint64_t burst = kPuntClasses[std::size_t(PuntClass::kAttribution)].burst;
  CHECK(bed.drops(DropReason::kOuterSourceMismatch) == 500 - burst);
}

TEST_CASE("a disabled tunnel says so before anything else") {
  PipelineBed bed;
  CHECK(reason_of(bed, inner(ipv4_carrier("198.51.100.90").gre(), "2001:db8:1009::1")) ==
        DropReason::kTunnelDisabled);
  CHECK(reason_of(bed, inner(ipv4_carrier("198.51.100.90"), "2001:db8:1009::1")) ==
        DropReason::kTunnelDisabled);
  CHECK(bed.booked(kDisabled, DropReason::kTunnelDisabled) == 2);
}

TEST_CASE("the GRE key is the tunnel's, and there is none where it has none") {
  PipelineBed bed;
  const auto with = [](PacketBuilder::GreFields fields) {
    return inner(ipv4_carrier("198.51.100.50").gre(fields), "2001:db8:1005::1");
  };
  CHECK(reason_of(bed, with({})) == DropReason::kGreKeyMismatch);
  CHECK(reason_of(bed, with({.key = kKeyOfGreIpv4 + 1})) == DropReason::kGreKeyMismatch);
  // Checksum and sequence number are the sender's choice, and their place depends on both.
  check_passes(bed, with({.key = kKeyOfGreIpv4}), kGreIpv4);
  check_passes(bed, with({.checksum = true, .key = kKeyOfGreIpv4}), kGreIpv4);
  check_passes(bed, with({.key = kKeyOfGreIpv4, .sequence = 1}), kGreIpv4);
  CHECK(reason_of(bed, inner(ipv6_carrier("2001:db8:6::6").gre({.key = 0}), "2001:db8:1006::1")) ==
        DropReason::kGreKeyMismatch);
  CHECK(bed.booked(kGreIpv4, DropReason::kGreKeyMismatch) == 2);
}

TEST_CASE("GRE that is not RFC 2784 is malformed") {
  PipelineBed bed;
  const auto raw = [](std::initializer_list<uint8_t> header) {
    return inner(ipv4_carrier("198.51.100.50").protocol(kProtocolGre).raw(std::vector(header)),
                 "2001:db8:1005::1");
  };
  CHECK(reason_of(bed, raw({0x20, 0x01, 0x86, 0xdd, 0xa, 0xb, 0xc, 0xd})) ==
        DropReason::kGreMalformed);  // version 1
  CHECK(reason_of(bed, raw({0x60, 0x00, 0x86, 0xdd, 0xa, 0xb, 0xc, 0xd})) ==
        DropReason::kGreMalformed);  // routing present
  CHECK(reason_of(bed, raw({0x28, 0x00, 0x86, 0xdd, 0xa, 0xb, 0xc, 0xd})) ==
        DropReason::kGreMalformed);  // strict source route
  CHECK(reason_of(bed, raw({0x24, 0x00, 0x86, 0xdd, 0xa, 0xb, 0xc, 0xd})) ==
        DropReason::kGreMalformed);  // recursion control
  CHECK(reason_of(bed, raw({0x20, 0x00, 0x88, 0x0b, 0xa, 0xb, 0xc, 0xd})) ==
        DropReason::kGreMalformed);  // PPP
  CHECK(reason_of(bed, ipv4_carrier("198.51.100.50").protocol(kProtocolGre).payload(3)) ==
        DropReason::kGreMalformed);
  const uint8_t three_fields[] = {0xb0, 0, 0x86, 0xdd, 0, 0, 0, 0};
  CHECK(reason_of(bed, ipv4_carrier("198.51.100.50").protocol(kProtocolGre).raw(three_fields)) ==
        DropReason::kGreMalformed);
  // Bits 6 to 12 are ignored.
  bed.receive(raw({0x23, 0xf8, 0x86, 0xdd, 0xa, 0xb, 0xc, 0xd}));
  CHECK(bed.packet.verdict == Verdict::kTransmit);
}

TEST_CASE("a wrong GRE checksum is refused, also of an odd number of bytes") {
  PipelineBed bed;
  const auto carrier = [] {
    return ipv4_carrier("198.51.100.50").gre({.checksum = true, .key = kKeyOfGreIpv4});
  };
  check_passes(bed, carrier().ipv6("2001:db8:1005::1", kNative).payload(41), kGreIpv4);
  CHECK(reason_of(bed, carrier().checksum(0x4711).ipv6("2001:db8:1005::1", kNative).payload(41)) ==
        DropReason::kGreBadChecksum);
}

TEST_CASE("an inner IPv4 header is checked as an outer one is") {
  PipelineBed bed;
  const auto carrier = [] { return ipv6_carrier("2001:db8:6::7"); };
  const auto reason = [&](const PacketBuilder& frame) { return reason_of(bed, frame); };
  CHECK(reason(carrier().ipv4("198.18.0.7", kNativeIpv4).checksum(1).payload(8)) ==
        DropReason::kInnerBadChecksum);
  CHECK(reason(carrier().ipv4("198.18.0.7", kNativeIpv4).length(29).payload(8)) ==
        DropReason::kInnerMalformed);
  CHECK(reason(carrier().ipv4("198.18.0.7", kNativeIpv4).length(19).payload(8)) ==
        DropReason::kInnerMalformed);
  CHECK(reason(carrier().ipv4("198.18.0.7", kNativeIpv4).version(5).payload(8)) ==
        DropReason::kInnerNotIpv4);
  CHECK(reason(carrier().protocol(kProtocolIpv4).payload(0)) == DropReason::kInnerMalformed);
  const uint8_t source_route[] = {131, 3, 4, 0};
  CHECK(reason(carrier().ipv4("198.18.0.7", kNativeIpv4).options(source_route).payload(8)) ==
        DropReason::kInnerSourceRoute);
  const uint8_t overrun[] = {7, 9, 4, 0};
  CHECK(reason(carrier().ipv4("198.18.0.7", kNativeIpv4).options(overrun).payload(8)) ==
        DropReason::kInnerMalformed);
  const uint8_t router_alert[] = {148, 4, 0, 0};
  check_passes(bed, carrier().ipv4("198.18.0.7", kNativeIpv4).options(router_alert).payload(8),
               k6in6);
}

TEST_CASE("an inner IPv4 source must be the tunnel's") {
  PipelineBed bed;
  const auto from = [](std::string_view source) {
    return inner_ipv4(ipv6_carrier("2001:db8:6::7"), source);
  };
  CHECK(reason_of(bed, from("203.0.113.1")) == DropReason::kInnerSourceNotDelegated);
  CHECK(reason_of(bed, from("127.0.0.1")) == DropReason::kInnerSourceInvalid);
  CHECK(reason_of(bed, from("224.1.1.1")) == DropReason::kInnerSourceInvalid);
  CHECK(reason_of(bed, from("198.18.0.100")) == DropReason::kTunnelUnknown);
  CHECK(reason_of(bed, from("198.18.0.8")) == DropReason::kOuterSourceMismatch);
}

TEST_CASE("what is behind the inner packet stays behind") {
  PipelineBed bed;
  bed.receive(ipv6_carrier("2001:db8:6::7").ipv4("198.18.0.7", kNativeIpv4).length(28).payload(40));
  REQUIRE(bed.packet.verdict == Verdict::kTransmit);
  CHECK(bed.packet.length == sizeof(EthernetHeader) + 28);
}

TEST_CASE("ECN is carried out of every carrier, and CE on what cannot have it is refused") {
  PipelineBed bed;
  const auto receive = [&bed](PacketBuilder carrier, uint8_t outer, uint8_t tos) {
    bed.receive(carrier.traffic_class(outer).ipv4("198.18.0.7", kNativeIpv4).traffic_class(tos));
  };
  receive(ipv6_carrier("2001:db8:6::7"), 3, 0xba);
  REQUIRE(bed.packet.verdict == Verdict::kTransmit);
  const Bytes sent = bed.ip_packet();
  const auto* ip = reinterpret_cast<const Ipv4Header*>(sent.data());
  CHECK(ip->tos == 0xbb);
  CHECK(ip->ttl == 63);
  CHECK(ipv4_header_valid(*ip));
  receive(ipv6_carrier("2001:db8:6::7"), 3, 0xb8);
  CHECK(bed.packet.reason == DropReason::kEcnInvalid);
  bed.receive(inner(gre_ipv4(ipv4_carrier("198.51.100.50").traffic_class(3)), "2001:db8:1005::1"));
  CHECK(bed.packet.reason == DropReason::kEcnInvalid);
  CHECK(bed.booked(kGreIpv4, DropReason::kEcnInvalid) == 1);
}

TEST_CASE("link prefix rules hold for every carrier") {
  PipelineBed bed;
  bed.bring_up(kBeats, "203.0.113.5");
  CHECK(reason_of(bed, inner(ipv4_carrier("203.0.113.5"), "2001:db8:ff:2::1")) ==
        DropReason::kInnerSourceIsPop);
  CHECK(reason_of(bed, inner(ipv6_carrier("2001:db8:6::7"), "2001:db8:ff:7::9")) ==
        DropReason::kInnerSourceNotClient);
  check_passes(bed, inner(ipv6_carrier("2001:db8:6::7"), "2001:db8:ff:7::2"), k6in6);
}

TEST_CASE("the ledger keeps what was received, from its outermost header on") {
  PipelineBed bed;
  const Bytes frame = inner(ipv4_carrier("203.0.113.5"), "2001:db8:1002::1").build();
  bed.receive(frame);
  CHECK(bed.packet.reason == DropReason::kTunnelDown);
  const LedgerRecord record = bed.record(kBeats, DropReason::kTunnelDown);
  CHECK(record.original_length == frame.size() - sizeof(EthernetHeader));
  CHECK(Ipv6Address::from_bytes(record.source) == any("203.0.113.5"));
  CHECK(record.last_unix_ns == kUnixNow * kSecond);
  CHECK(Bytes(record.bytes, record.bytes + 48) ==
        Bytes(frame.begin() + sizeof(EthernetHeader), frame.begin() + sizeof(EthernetHeader) + 48));
}

}  // namespace simplon::test
