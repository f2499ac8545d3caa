// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Outer fragments: put together on the way in, made on the way out.

#include <algorithm>
#include <string>

#include "dataplane/net/checksum.h"
#include "dataplane/slowpath/reassembly.h"
#include "tests/support/catch.h"
#include "tests/unit/slowpath_bed.h"

namespace simplon::test {
namespace {

constexpr auto kHost = "2001:db8:aaaa::1";

struct Piece {
  std::size_t begin, end;
};

// The payload of a 6in4 packet from T1 to N with that many inner bytes.
Bytes payload_of(std::size_t inner_bytes, std::string_view source = "2001:db8:1000::5") {
  return PacketBuilder().ipv6(source, kHost).udp(1, 2).payload(inner_bytes - 48).build();
}

Bytes fragment_of(const Bytes& payload, Piece piece, uint16_t id = 7,
                  std::string_view remote = "198.51.100.10", uint8_t tos = 0) {
  return SlowPathBed::from_router()
      .ipv4(remote, "192.0.2.1")
      .traffic_class(tos)
      .id(id)
      .protocol(kProtocolIpv6)
      .fragment(static_cast<uint16_t>(piece.begin), piece.end < payload.size())
      .raw(std::span(payload).subspan(piece.begin, piece.end - piece.begin))
      .build();
}

Bytes forwarded(Bytes payload) {
  --reinterpret_cast<Ipv6Header*>(payload.data())->hop_limit;
  return payload;
}

}  // namespace

TEST_CASE("two fragments in either order become the packet they were") {
  for (const bool reversed : {false, true}) {
    SlowPathBed bed;
    const Bytes payload = payload_of(1500);
    std::vector<Piece> pieces{{0, 1000}, {1000, 1500}};
    if (reversed) std::reverse(pieces.begin(), pieces.end());
    bed.receive(fragment_of(payload, pieces[0]));
    CHECK(bed.counter(WorkerCounter::kHeldReassembly) == 1);
    CHECK(bed.sent.empty());
    bed.receive(fragment_of(payload, pieces[1]));
    CHECK(outer_of(bed.take()) == forwarded(payload));
    CHECK(bed.counter(WorkerCounter::kHeldReassembly) == 0);
    CHECK(bed.counter(WorkerCounter::kConsumed) == 1);
    CHECK(bed.counter(WorkerCounter::kReassembled) == 1);
    CHECK(bed.all_drops() == 0);
    CHECK(bed.tunnel(1).in_packets == 1);
    CHECK(bed.tunnel(1).in_bytes == 1500);
  }
}

TEST_CASE("five fragments in every order become the packet they were") {
  const Bytes payload = payload_of(1243);
  std::vector<Piece> pieces{{0, 8}, {8, 256}, {256, 1000}, {1000, 1240}, {1240, 1243}};
  std::vector<std::size_t> order{0, 1, 2, 3, 4};
  SlowPathBed bed;
  uint16_t id = 0;
  do {
    ++id;
    for (const std::size_t i : order) bed.receive(fragment_of(payload, pieces[i], id));
    CHECK(outer_of(bed.take()) == forwarded(payload));
  } while (std::next_permutation(order.begin(), order.end()));
  CHECK(bed.counter(WorkerCounter::kReassembled) == 120);
  CHECK(bed.counter(WorkerCounter::kConsumed) == 480);
  CHECK(bed.all_drops() == 0);
}

TEST_CASE("a reassembled ping of the PoP is answered") {
  SlowPathBed bed;
  const Bytes payload =
      PacketBuilder().ipv6("2001:db8:ff:1::2", "2001:db8:ff:1::1").echo_request(1, 2, 1400).build();
  bed.receive(fragment_of(payload, {0, 800}));
  bed.receive(fragment_of(payload, {800, payload.size()}));
  const Bytes reply = inner_of(bed.take());
  CHECK(icmpv6_sums_up(reply));
  CHECK(at<IcmpHeader>(reply, 40).type == kIcmpv6EchoReply);
  CHECK(reply.size() == payload.size());
}

TEST_CASE("fragments of two datagrams do not mix") {
  SlowPathBed bed;
  const Bytes a = payload_of(400);
  const Bytes b = payload_of(600, "2001:db8:100:1::b");
  bed.receive(fragment_of(a, {0, 200}, 1));
  bed.receive(fragment_of(b, {0, 200}, 2));
  bed.receive(fragment_of(b, {200, 600}, 2));
  CHECK(outer_of(bed.take()) == forwarded(b));
  bed.receive(fragment_of(a, {200, 400}, 1));
  CHECK(outer_of(bed.take()) == forwarded(a));
}

TEST_CASE("fragments from an address that is no tunnel's end are dropped at once") {
  SlowPathBed bed;
  bed.receive(fragment_of(payload_of(400), {0, 200}, 1, "203.0.113.1"));
  CHECK(bed.drops(DropReason::kReassemblyUnowned) == 1);
  CHECK(bed.counter(WorkerCounter::kHeldReassembly) == 0);
}

TEST_CASE("a reassembled packet passes the same checks as any other") {
  SlowPathBed bed;
  const Bytes payload = payload_of(400, "2001:db8:1001::5");  // T2's
  bed.receive(fragment_of(payload, {0, 200}));
  bed.receive(fragment_of(payload, {200, 400}));
  CHECK(bed.sent.empty());
  CHECK(bed.drops(DropReason::kOuterSourceMismatch) == 1);
  CHECK(bed.counter(WorkerCounter::kConsumed) == 1);
}

TEST_CASE("an overlap kills the whole datagram and what still comes of it") {
  SlowPathBed bed;
  const Bytes payload = payload_of(800);
  bed.receive(fragment_of(payload, {0, 400}));
  bed.receive(fragment_of(payload, {392, 600}));
  CHECK(bed.drops(DropReason::kReassemblyInvalid) == 2);
  CHECK(bed.counter(WorkerCounter::kHeldReassembly) == 0);
  bed.receive(fragment_of(payload, {400, 800}));
  bed.receive(fragment_of(payload, {0, 400}));
  CHECK(bed.drops(DropReason::kReassemblyInvalid) == 4);
  CHECK(bed.sent.empty());
}

TEST_CASE("a fragment duplicated by the network costs only the duplicate") {
  SlowPathBed bed;
  const Bytes payload = payload_of(800);
  bed.receive(fragment_of(payload, {0, 400}));
  bed.receive(fragment_of(payload, {0, 400}));
  CHECK(bed.drops(DropReason::kReassemblyInvalid) == 1);
  bed.receive(fragment_of(payload, {400, 800}));
  CHECK(outer_of(bed.take()) == forwarded(payload));
}

TEST_CASE("a duplicate with other bytes is an overlap") {
  SlowPathBed bed;
  Bytes payload = payload_of(800);
  bed.receive(fragment_of(payload, {0, 400}));
  payload[100] ^= 1;
  bed.receive(fragment_of(payload, {0, 400}));
  bed.receive(fragment_of(payload, {400, 800}));
  CHECK(bed.sent.empty());
  CHECK(bed.drops(DropReason::kReassemblyInvalid) == 3);
}

TEST_CASE("pieces that disagree about the end kill the datagram") {
  SlowPathBed bed;
  const Bytes payload = payload_of(800);
  const Bytes shorter(payload.begin(), payload.begin() + 600);
  bed.receive(fragment_of(payload, {400, 800}, 1));
  bed.receive(fragment_of(shorter, {200, 600}, 1));
  CHECK(bed.drops(DropReason::kReassemblyInvalid) == 2);
  bed.receive(fragment_of(shorter, {400, 600}, 2));
  bed.receive(fragment_of(payload, {600, 792}, 2));
  CHECK(bed.drops(DropReason::kReassemblyInvalid) == 4);
}

TEST_CASE("offsets past 65,535 and odd lengths are refused") {
  SlowPathBed bed;
  const auto raw = [](uint16_t flags_offset, std::size_t bytes) {
    Bytes frame = SlowPathBed::from_router()
                      .ipv4("198.51.100.10", "192.0.2.1")
                      .protocol(kProtocolIpv6)
                      .payload(bytes)
                      .build();
    auto* ip = reinterpret_cast<Ipv4Header*>(frame.data() + 14);
    ip->flags_fragment = flags_offset;
    ip->checksum = uint16_t{0};
    ip->checksum = ipv4_header_checksum(*ip);
    return frame;
  };
  bed.receive(raw(0x1fff, 1000));                // 65,528 + 1000
  bed.receive(raw(kIpv4MoreFragments | 1, 13));  // not a multiple of 8
  bed.receive(raw(kIpv4MoreFragments, 0));       // nothing
  bed.receive(raw(3, 0));                        // nothing
  CHECK(bed.drops(DropReason::kReassemblyInvalid) == 4);
  CHECK(bed.counter(WorkerCounter::kHeldReassembly) == 0);
}

TEST_CASE("datagrams beyond the buffers, and of too many pieces, are refused by quota") {
  SlowPathBed bed;
  const Bytes large = payload_of(3000);
  bed.receive(fragment_of(large, {0, 1400}, 1));
  bed.receive(fragment_of(large, {1400, 2800}, 1));
  CHECK(bed.drops(DropReason::kReassemblyQuota) == 2);
  const Bytes payload = payload_of(1000);
  for (std::size_t i = 0; i <= Reassembler::kMaxFragments; ++i) {
    bed.receive(fragment_of(payload, {i * 8, i * 8 + 8}, 2));
  }
  CHECK(bed.drops(DropReason::kReassemblyQuota) == 2 + Reassembler::kMaxFragments + 1);
  CHECK(bed.counter(WorkerCounter::kHeldReassembly) == 0);
}

TEST_CASE("incomplete datagrams are dropped after thirty seconds") {
  SlowPathBed bed;
  const Bytes payload = payload_of(800);
  bed.receive(fragment_of(payload, {0, 400}));
  bed.receive(fragment_of(payload, {400, 600}));
  bed.advance(29 * kSecond);
  CHECK(bed.counter(WorkerCounter::kHeldReassembly) == 2);
  bed.advance(2 * kSecond);
  CHECK(bed.counter(WorkerCounter::kHeldReassembly) == 0);
  CHECK(bed.drops(DropReason::kReassemblyTimeout) == 2);
}

TEST_CASE("a flood from one endpoint evicts only its own fragments") {
  SlowPathBed bed;
  const Bytes victim = payload_of(800, "2001:db8:1001::5");
  bed.receive(fragment_of(victim, {0, 400}, 1, "198.51.100.20"));
  const Bytes payload = payload_of(800);
  for (uint16_t id = 0; id < 5000; ++id) {
    bed.receive(fragment_of(payload, {0, 400}, id));
    bed.now += kSecond / 10'000;
  }
  CHECK(bed.counter(WorkerCounter::kHeldReassembly) == 1 + Reassembler::kMaxPerSource);
  CHECK(bed.drops(DropReason::kReassemblyQuota) == 5000 - Reassembler::kMaxPerSource);
  bed.receive(fragment_of(victim, {400, 800}, 1, "198.51.100.20"));
  CHECK(outer_of(bed.take()) == forwarded(victim));
}

TEST_CASE("when all room is taken, it is the source with most that makes room") {
  // Forty tunnels: the first three send little, the others all they may.
  SlowPathBed::Options options;
  options.change_slots = [](std::vector<TunnelSlot>& slots) {
    const TunnelSlot pattern = slots[1];
    slots.resize(64);
    for (uint32_t i = 7; i < 47; ++i) {
      slots[i] = pattern;
      slots[i].tunnel_id = i;
      slots[i].remote[15] = static_cast<uint8_t>(100 + i);
    }
  };
  SlowPathBed bed(options);
  const auto remote = [](unsigned slot) { return "198.51.100." + std::to_string(100 + slot); };
  const Bytes payload = payload_of(800, "2001:db8:100:7::1");
  bed.receive(fragment_of(payload, {0, 400}, 1, remote(7)));
  for (unsigned slot = 10; slot < 47; ++slot) {
    for (uint16_t id = 0; id < 8; ++id) {
      bed.receive(fragment_of(payload, {0, 400}, id, remote(slot)));
      bed.now += 1000;
    }
  }
  CHECK(bed.counter(WorkerCounter::kHeldReassembly) == Reassembler::kMaxDatagrams);
  // A source with nothing here finds room, one that sends little keeps what it has.
  bed.receive(fragment_of(payload, {0, 400}, 5, remote(8)));
  CHECK(bed.counter(WorkerCounter::kHeldReassembly) == Reassembler::kMaxDatagrams);
  bed.receive(fragment_of(payload, {400, 800}, 1, remote(7)));
  CHECK(outer_of(bed.take()) == forwarded(payload));
  CHECK(bed.drops(DropReason::kReassemblyQuota) == 37 * 8 + 2 - Reassembler::kMaxDatagrams);
}

TEST_CASE("congestion marks of fragments follow RFC 3168") {
  const Bytes payload = PacketBuilder()
                            .ipv6("2001:db8:1000::5", kHost)
                            .traffic_class(2)
                            .udp(1, 2)
                            .payload(400)
                            .build();
  {
    SlowPathBed bed;
    bed.receive(fragment_of(payload, {0, 200}, 1, "198.51.100.10", 2));
    bed.receive(fragment_of(payload, {200, payload.size()}, 1, "198.51.100.10", 3));
    CHECK((at<Ipv6Header>(outer_of(bed.take()), 0).traffic_class() & 3) == 3);
  }
  SlowPathBed bed;
  bed.receive(fragment_of(payload, {0, 200}, 1, "198.51.100.10", 0));
  bed.receive(fragment_of(payload, {200, payload.size()}, 1, "198.51.100.10", 3));
  CHECK(bed.sent.empty());
  CHECK(bed.drops(DropReason::kReassemblyInvalid) == 2);
}

TEST_CASE("without a buffer a complete datagram is dropped piece by piece") {
  SlowPathBed bed;
  const Bytes payload = payload_of(800);
  bed.receive(fragment_of(payload, {0, 400}));
  bed.out_of_buffers = true;
  bed.receive(fragment_of(payload, {400, 800}));
  CHECK(bed.drops(DropReason::kNoBuffer) == 2);
}

TEST_CASE("an outer packet larger than the link leaves in two fragments that make it whole") {
  SlowPathBed::Options options;
  options.change_pop = [](PopRecord& pop) { pop.interfaces[0].mtu = 1400; };
  SlowPathBed bed(options);
  const auto packet =
      SlowPathBed::from_router().ipv6(kHost, "2001:db8:ff:3::2").udp(1, 2).payload(1480 - 48);
  bed.receive(packet);
  REQUIRE(bed.sent.size() == 2);
  const Bytes first = outer_of(bed.sent[0]);
  const Bytes second = outer_of(bed.sent[1]);
  for (const Bytes& piece : {first, second}) {
    CHECK(piece.size() <= 1400);
    CHECK(ipv4_header_valid(std::span(piece).first(20)));
    CHECK(at<Ipv4Header>(piece, 0).destination == v4("198.51.100.30"));
    CHECK(at<Ipv4Header>(piece, 0).source == v4("192.0.2.77"));
    CHECK(at<Ipv4Header>(piece, 0).protocol == kProtocolIpv6);
  }
  CHECK(at<Ipv4Header>(first, 0).id == at<Ipv4Header>(second, 0).id);
  CHECK(at<Ipv4Header>(first, 0).flags_fragment.value() == kIpv4MoreFragments);
  CHECK(at<Ipv4Header>(second, 0).flags_fragment.value() == (first.size() - 20) / 8);
  CHECK((first.size() - 20) % 8 == 0);
  Bytes whole(first.begin() + 20, first.end());
  whole.insert(whole.end(), second.begin() + 20, second.end());
  CHECK(whole == forwarded(outer_of(packet.build())));
  CHECK(bed.counter(WorkerCounter::kFragmentsMade) == 1);
  CHECK(bed.tunnel(3).out_packets == 1);
  CHECK(bed.tunnel(3).out_bytes == 1480);
  bed.sent.clear();
}

TEST_CASE("a packet is not half sent when buffers run out") {
  SlowPathBed::Options options;
  options.change_pop = [](PopRecord& pop) { pop.interfaces[0].mtu = 1400; };
  SlowPathBed bed(options);
  bed.out_of_buffers = true;
  bed.receive(
      SlowPathBed::from_router().ipv6(kHost, "2001:db8:ff:3::2").udp(1, 2).payload(1480 - 48));
  CHECK(bed.sent.empty());
  CHECK(bed.drops(DropReason::kNoBuffer) == 1);
  CHECK(bed.counter(WorkerCounter::kFragmentsMade) == 0);
}

}  // namespace simplon::test
