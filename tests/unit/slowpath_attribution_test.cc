// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Whose fault it is: outer sources, ICMP errors about our packets, and the ledger.

#include <cstring>

#include "tests/support/catch.h"
#include "tests/unit/slowpath_bed.h"

namespace simplon::test {
namespace {

constexpr auto kHost = "2001:db8:aaaa::1";
constexpr std::string_view kClient = "203.0.113.7";
constexpr auto kIcmpv4Note = static_cast<uint8_t>(LedgerNote::kIcmpv4Error);
constexpr auto kIcmpv6Note = static_cast<uint8_t>(LedgerNote::kIcmpv6Error);
constexpr auto kEchoNote = static_cast<uint8_t>(LedgerNote::kIcmpv4Echo);
constexpr auto kMismatch = static_cast<uint8_t>(DropReason::kOuterSourceMismatch);

// An ICMPv4 error from a router on the way that quotes `quoted`.
Bytes unreachable(const Bytes& quoted) {
  return SlowPathBed::from_router()
      .ipv4("203.0.113.250", "192.0.2.1")
      .icmpv4(kIcmpv4Unreachable, 1)
      .raw(quoted)
      .build();
}

Bytes sent_to(std::string_view remote, std::size_t bytes = 8, uint8_t protocol = kProtocolIpv6) {
  return PacketBuilder().ipv4("192.0.2.1", remote).protocol(protocol).payload(bytes).build();
}

// As our AYIYA packets begin.
Bytes ayiya_sent_to(std::string_view remote, uint16_t port) {
  Bytes packet = PacketBuilder().ipv4("192.0.2.1", remote).udp(5072, port).payload(20).build();
  packet.resize(28);
  return packet;
}

void learn_ayiya(SlowPathBed& bed, uint32_t slot, std::string_view address, uint16_t port) {
  Endpoint place;
  place.address = Ipv6Address::from_ipv4(v4(address));
  place.port = port;
  place.transport = Transport::kAyiya;
  bed.runtime().learn(slot, 0, place, 1, 1000);
  TunnelEvent event{};  // as the worker tells
  event.kind = static_cast<uint8_t>(TunnelEventKind::kUp);
  event.slot = slot;
  event.count = 1;
  std::memcpy(event.address, place.address.bytes.data(), sizeof event.address);
  bed.note(event);
  bed.sent.clear();
}

}  // namespace

TEST_CASE("a mismatched outer source is booked on the tunnel that owns it, if that is one") {
  SlowPathBed bed;
  // T2's address with T1's inner source.
  bed.receive(SlowPathBed::from_tunnel("198.51.100.20").ipv6("2001:db8:1000::5", kHost).udp(1, 2));
  CHECK(bed.drops(DropReason::kOuterSourceMismatch) == 1);
  CHECK(bed.ledger(2, kMismatch).count == 1);
  CHECK(bed.ledger(1, kMismatch).count == 0);
  // T5 and T6 share theirs.
  bed.receive(SlowPathBed::from_tunnel("198.51.100.50").ipv6("2001:db8:1000::5", kHost).udp(1, 2));
  CHECK(bed.drops(DropReason::kOuterSourceMismatch) == 2);
  CHECK(bed.ledger(5, kMismatch).count == 0);
  CHECK(bed.ledger(6, kMismatch).count == 0);
  // Nobody's.
  bed.receive(SlowPathBed::from_tunnel(kClient).ipv6("2001:db8:1000::5", kHost).udp(1, 2));
  CHECK(bed.drops(DropReason::kOuterSourceMismatch) == 3);
  // T7's, learned.
  bed.beat();
  bed.receive(SlowPathBed::from_tunnel(kClient).ipv6("2001:db8:1000::5", kHost).udp(1, 2));
  CHECK(bed.ledger(kHeartbeatSlot, kMismatch).count == 1);
  const LedgerRecord record = bed.ledger(kHeartbeatSlot, kMismatch);
  CHECK(Ipv6Address::from_bytes(record.source) == Ipv6Address::from_ipv4(v4(kClient)));
  CHECK(record.bytes[0] == 0x45);
}

TEST_CASE("an ICMPv4 error about a packet of ours is booked on its tunnel, and changes nothing") {
  SlowPathBed bed;
  bed.beat();
  const Endpoint before = bed.endpoint(kHeartbeatSlot);
  bed.sent.clear();
  bed.receive(unreachable(sent_to("198.51.100.10")));
  CHECK(bed.ledger(1, kIcmpv4Note).count == 1);
  bed.receive(unreachable(sent_to(kClient)));
  CHECK(bed.ledger(kHeartbeatSlot, kIcmpv4Note).count == 1);
  CHECK(bed.counter(WorkerCounter::kIcmpv4Errors) == 2);
  CHECK(bed.endpoint(kHeartbeatSlot).same_place(before));
  CHECK(bed.endpoint(kHeartbeatSlot).up);
  CHECK(bed.sent.empty());
  CHECK(bed.all_drops() == 0);
}

TEST_CASE("an ICMPv4 error about a protocol the tunnel does not use is nobody's") {
  SlowPathBed bed;
  bed.receive(unreachable(sent_to("198.51.100.10", 8, 47)));
  CHECK(bed.counter(WorkerCounter::kIcmpv4Errors) == 1);
  CHECK(bed.ledger(1, kIcmpv4Note).count == 0);
  // And about what we do not send, or did not.
  bed.receive(unreachable(sent_to("198.51.100.10", 8, 6)));
  bed.receive(unreachable(
      PacketBuilder().ipv4("192.0.2.99", "198.51.100.10").protocol(41).payload(8).build()));
  bed.receive(unreachable(Bytes(12, 0x45)));
  CHECK(bed.counter(WorkerCounter::kIcmpv4Errors) == 1);
  CHECK(bed.drops(DropReason::kIcmpv4Ignored) == 3);
}

TEST_CASE("of tunnels behind one address the port tells, or the packet inside") {
  SlowPathBed bed;
  learn_ayiya(bed, kDynamicSlot, kClient, 40'000);
  learn_ayiya(bed, kAyiyaSlot, kClient, 40'001);
  bed.receive(unreachable(ayiya_sent_to(kClient, 40'001)));
  CHECK(bed.ledger(kAyiyaSlot, kIcmpv4Note).count == 1);
  CHECK(bed.ledger(kDynamicSlot, kIcmpv4Note).count == 0);
  bed.receive(unreachable(ayiya_sent_to(kClient, 40'002)));
  CHECK(bed.ledger(kAyiyaSlot, kIcmpv4Note).count == 1);
  // T5 and T6: only with the inner header quoted.
  bed.receive(unreachable(sent_to("198.51.100.50")));
  CHECK(bed.ledger(5, kIcmpv4Note).count + bed.ledger(6, kIcmpv4Note).count == 0);
  bed.receive(unreachable(PacketBuilder()
                              .ipv4("192.0.2.1", "198.51.100.50")
                              .ipv6(kHost, "2001:db8:ff:6::2")
                              .udp(1, 2)
                              .build()));
  CHECK(bed.ledger(6, kIcmpv4Note).count == 1);
}

TEST_CASE("an ICMPv6 error about a packet of ours over IPv6 is booked on its tunnel") {
  SlowPathBed bed;
  bed.beat("2001:db8:9::7", SlowPathBed::kIdentity, "2001:db8:a::1");
  bed.sent.clear();
  const Bytes quoted = PacketBuilder()
                           .ipv6("2001:db8:a::1", "2001:db8:9::7")
                           .protocol(kProtocolIpv6)
                           .payload(60)
                           .build();
  bed.receive(SlowPathBed::from_router()
                  .ipv6("2001:db8:5::1", "2001:db8:a::1")
                  .icmpv6(kIcmpv6Unreachable, 3)
                  .raw(quoted));
  CHECK(bed.ledger(kHeartbeatSlot, kIcmpv6Note).count == 1);
  CHECK(bed.counter(WorkerCounter::kIcmpv6Errors) == 1);
  CHECK(bed.endpoint(kHeartbeatSlot).up);
  // About something else.
  bed.receive(SlowPathBed::from_router()
                  .ipv6("2001:db8:5::1", "2001:db8:a::1")
                  .icmpv6(kIcmpv6Unreachable, 3)
                  .raw(PacketBuilder().ipv6("2001:db8:a::1", kHost).udp(1, 2).build()));
  CHECK(bed.counter(WorkerCounter::kIcmpv6Errors) == 1);
  CHECK(bed.drops(DropReason::kIcmpv6Ignored) == 1);
}

TEST_CASE("a ping of the PoP by an endpoint is noted on its tunnel") {
  SlowPathBed bed;
  bed.receive(SlowPathBed::from_router().ipv4("198.51.100.10", "192.0.2.1").echo_request(1, 2, 8));
  CHECK(bed.ledger(1, kEchoNote).count == 1);
  CHECK(bed.sent.size() == 1);
}

TEST_CASE("neighbour discovery works in a dynamic tunnel") {
  SlowPathBed bed;
  bed.beat();
  bed.sent.clear();
  bed.receive(SlowPathBed::from_tunnel(kClient)
                  .ipv6("fe80::2", "ff02::1:ff00:1")
                  .ttl(255)
                  .neighbor_solicitation("2001:db8:ff:7::1"));
  const Bytes answer = inner_of(bed.take());
  CHECK(at<IcmpHeader>(answer, 40).type == kIcmpv6NeighborAdvertisement);
  CHECK(bed.tunnel(kHeartbeatSlot).in_packets == 1);
}

}  // namespace simplon::test
