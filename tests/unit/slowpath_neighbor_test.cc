// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// ARP and neighbour discovery on the links.

#include <algorithm>
#include <utility>

#include "dataplane/slowpath/neighbor.h"
#include "tests/support/catch.h"
#include "tests/unit/slowpath_bed.h"

namespace simplon::test {
namespace {

constexpr MacAddress kBroadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr MacAddress kNobody{};
constexpr auto kHost = "2001:db8:aaaa::1";
constexpr auto kGateway4 = "192.0.2.254";
constexpr auto kGateway6 = "2001:db8:a::ffff";

SlowPathBed::Options unresolved() {
  SlowPathBed::Options options;
  options.gateways_known = false;
  return options;
}

PacketBuilder arp_from(const MacAddress& mac) {
  return PacketBuilder().ethernet(kPopMac, mac);
}

PacketBuilder arp_reply(const MacAddress& mac, std::string_view sender,
                        std::string_view target = "192.0.2.1") {
  return arp_from(mac).arp(2, mac, sender, kPopMac, target);
}

PacketBuilder advertisement(const MacAddress& mac, std::string_view target, uint32_t flags,
                            std::string_view destination = "2001:db8:a::1") {
  return PacketBuilder()
      .ethernet(kPopMac, mac)
      .ipv6(target, destination)
      .ttl(255)
      .neighbor_advertisement(target, flags)
      .link_layer_option(2, mac);
}

PacketBuilder towards_tunnel(std::size_t payload = 20) {
  return SlowPathBed::from_router().ipv6(kHost, "2001:db8:1000::5").udp(1, 2).payload(payload);
}

PacketBuilder towards_uplink(std::string_view destination = kHost) {
  return SlowPathBed::from_tunnel().ipv6("2001:db8:1000::5", destination).udp(1, 2).payload(20);
}

// Offset behind the link header, and the type of what stands there.
std::pair<std::size_t, uint16_t> link_payload(const Bytes& frame) {
  const uint16_t type = at<EthernetHeader>(frame, 0).type.value();
  if (type != kEtherTypeVlan) return {14, type};
  return {18, at<VlanTag>(frame, 14).type.value()};
}

bool is_arp(const Bytes& frame) {
  return link_payload(frame).second == kEtherTypeArp;
}

// The frames sent that ask for `target`.
std::vector<Bytes> solicits_for(const SlowPathBed& bed, std::string_view target) {
  std::vector<Bytes> found;
  const auto address4 = Ipv4Address::parse(target);
  for (const Bytes& frame : bed.sent) {
    const auto [offset, type] = link_payload(frame);
    if (type == kEtherTypeArp) {
      const auto& arp = at<ArpPacket>(frame, offset);
      if (address4 && arp.operation.value() == 1 && arp.target_ip == *address4) {
        found.push_back(frame);
      }
    } else if (!address4 && at<uint8_t>(frame, offset + 40) == kIcmpv6NeighborSolicitation &&
               at<NeighborMessage>(frame, offset + 40).target == v6(target)) {
      found.push_back(frame);
    }
  }
  return found;
}

NeighborState state_of(const SlowPathBed& bed, std::string_view address) {
  const auto address4 = Ipv4Address::parse(address);
  const Ipv6Address wanted = address4 ? Ipv6Address::from_ipv4(*address4) : v6(address);
  for (const NeighborStatus& n : bed.neighbors()) {
    if (Ipv6Address::from_bytes(n.address) == wanted) return static_cast<NeighborState>(n.state);
  }
  return NeighborState{};
}

}  // namespace

TEST_CASE("gateways are asked for before anybody needs them") {
  SlowPathBed bed(unresolved());
  bed.tick();
  REQUIRE(bed.sent.size() == 2);

  const Bytes& request = bed.sent[0];
  CHECK(request.size() == 60);
  CHECK(at<EthernetHeader>(request, 0).destination == kBroadcast);
  CHECK(at<EthernetHeader>(request, 0).source == kPopMac);
  const auto& arp = at<ArpPacket>(request, 14);
  CHECK(arp.hardware_type.value() == 1);
  CHECK(arp.protocol_type.value() == kEtherTypeIpv4);
  CHECK(arp.hardware_size == 6);
  CHECK(arp.protocol_size == 4);
  CHECK(arp.operation.value() == 1);
  CHECK(arp.sender_mac == kPopMac);
  CHECK(arp.sender_ip == v4("192.0.2.1"));
  CHECK(arp.target_mac == kNobody);
  CHECK(arp.target_ip == v4(kGateway4));

  const Bytes& solicitation = bed.sent[1];
  CHECK(at<EthernetHeader>(solicitation, 0).destination ==
        MacAddress{0x33, 0x33, 0xff, 0x00, 0xff, 0xff});
  const Bytes packet = outer_of(solicitation);
  CHECK(icmpv6_sums_up(packet));
  CHECK(packet.size() == 72);
  CHECK(at<Ipv6Header>(packet, 0).source == v6("2001:db8:a::1"));
  CHECK(at<Ipv6Header>(packet, 0).destination == v6("ff02::1:ff00:ffff"));
  CHECK(at<Ipv6Header>(packet, 0).hop_limit == 255);
  CHECK(at<NeighborMessage>(packet, 40).type == kIcmpv6NeighborSolicitation);
  CHECK(at<NeighborMessage>(packet, 40).target == v6(kGateway6));
  CHECK(Bytes(packet.begin() + 64, packet.end()) == Bytes{1, 1, 2, 0, 0, 0, 0, 1});

  bed.receive(arp_reply(kRouterMac, kGateway4));
  bed.receive(advertisement(kRouterMac, kGateway6, kNdSolicited | kNdOverride | kNdRouter));
  MacAddress mac;
  CHECK(bed.knows(0, kGateway4, &mac));
  CHECK(mac == kRouterMac);
  CHECK(bed.knows(0, kGateway6, &mac));
  CHECK(mac == kRouterMac);
  CHECK(state_of(bed, kGateway4) == NeighborState::kReachable);
  CHECK(bed.counter(WorkerCounter::kNeighborSolicits) == 2);
  CHECK(bed.counter(WorkerCounter::kConsumed) == 2);
}

TEST_CASE("entries the slow path has not made are neither asked for nor aged") {
  SlowPathBed bed;
  bed.advance(100 * kSecond);
  CHECK(bed.sent.empty());
  CHECK(bed.neighbors().empty());
  CHECK(bed.knows(0, kGateway4));
}

TEST_CASE("a gateway that is silent is asked once a second for ever") {
  SlowPathBed bed(unresolved());
  bed.tick();
  bed.advance(20 * kSecond);
  CHECK(solicits_for(bed, kGateway4).size() == 21);
  CHECK(solicits_for(bed, kGateway6).size() == 21);
  CHECK(state_of(bed, kGateway4) == NeighborState::kFailed);
  bed.receive(arp_reply(kRouterMac, kGateway4));
  CHECK(state_of(bed, kGateway4) == NeighborState::kReachable);
  CHECK(bed.knows(0, kGateway4));
}

TEST_CASE("packets wait for the gateway and go out in order with its address") {
  SlowPathBed bed(unresolved());
  bed.tick();
  bed.sent.clear();
  for (std::size_t i = 0; i < 3; ++i) bed.receive(towards_tunnel(100 + i));
  CHECK(bed.counter(WorkerCounter::kHeldNeighbor) == 3);
  CHECK(bed.sent.empty());
  bed.receive(arp_reply(kRouterMac, kGateway4));
  REQUIRE(bed.sent.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(inner_of(bed.sent[i]).size() == 48 + 100 + i);
    CHECK(at<EthernetHeader>(bed.sent[i], 0).destination == kRouterMac);
    CHECK(at<Ipv4Header>(bed.sent[i], 14).destination == v4("198.51.100.10"));
  }
  CHECK(bed.counter(WorkerCounter::kHeldNeighbor) == 0);
  CHECK(bed.tunnel(1).out_packets == 3);
  CHECK(bed.all_drops() == 0);
}

TEST_CASE("of many waiting packets the latest stay, and all go when nobody answers") {
  SlowPathBed bed(unresolved());
  bed.tick();
  for (std::size_t i = 0; i < 20; ++i) bed.receive(towards_tunnel(i));
  CHECK(bed.counter(WorkerCounter::kHeldNeighbor) == Neighbors::kMaxHeld);
  CHECK(bed.drops(DropReason::kNoNeighbor) == 20 - Neighbors::kMaxHeld);
  bed.advance(4 * kSecond);
  CHECK(bed.counter(WorkerCounter::kHeldNeighbor) == 0);
  CHECK(bed.drops(DropReason::kNoNeighbor) == 20);
  bed.receive(towards_tunnel());
  CHECK(bed.drops(DropReason::kNoNeighbor) == 21);
}

TEST_CASE("an on-link host is resolved when there is a packet for it") {
  SlowPathBed bed;
  const auto* host = "2001:db8:a::33";
  bed.receive(towards_uplink(host));
  REQUIRE(solicits_for(bed, host).size() == 1);
  CHECK(state_of(bed, host) == NeighborState::kIncomplete);
  bed.sent.clear();
  bed.receive(advertisement(kHostMac, host, kNdSolicited));
  const Bytes frame = bed.take();
  CHECK(at<EthernetHeader>(frame, 0).destination == kHostMac);
  CHECK(at<Ipv6Header>(frame, 14).hop_limit == 63);
  CHECK(bed.knows(0, host));
  // Workers send without help now.
  bed.receive(towards_uplink(host));
  CHECK(at<EthernetHeader>(bed.take(), 0).destination == kHostMac);
}

TEST_CASE("an on-link host that is silent is asked three times, then left alone for a while") {
  SlowPathBed bed;
  const auto* host = "2001:db8:a::33";
  bed.receive(towards_uplink(host));
  bed.advance(4 * kSecond);
  CHECK(solicits_for(bed, host).size() == 3);
  CHECK(bed.drops(DropReason::kNoNeighbor) == 1);
  CHECK(state_of(bed, host) == NeighborState::kFailed);
  bed.receive(towards_uplink(host));
  CHECK(bed.drops(DropReason::kNoNeighbor) == 2);
  CHECK(solicits_for(bed, host).size() == 3);
  bed.advance(6 * kSecond);
  CHECK(bed.neighbors().empty());
  bed.receive(towards_uplink(host));
  CHECK(solicits_for(bed, host).size() == 4);
}

TEST_CASE("a host not heard of for a while becomes stale, and is probed when it is used again") {
  SlowPathBed bed;
  const auto* host = "2001:db8:a::33";
  bed.receive(towards_uplink(host));
  bed.receive(advertisement(kHostMac, host, kNdSolicited));
  bed.advance(46 * kSecond);
  CHECK(state_of(bed, host) == NeighborState::kStale);
  CHECK_FALSE(bed.knows(0, host));
  bed.sent.clear();

  // Used: the packet goes at once to the address known.
  bed.receive(towards_uplink(host));
  CHECK(at<EthernetHeader>(bed.take(), 0).destination == kHostMac);
  CHECK(bed.knows(0, host));
  bed.advance(6 * kSecond);
  const auto probes = solicits_for(bed, host);
  REQUIRE(!probes.empty());
  CHECK(at<EthernetHeader>(probes[0], 0).destination == kHostMac);
  CHECK(at<Ipv6Header>(probes[0], 14).destination == v6(host));
  bed.receive(advertisement(kHostMac, host, kNdSolicited));
  CHECK(state_of(bed, host) == NeighborState::kReachable);
}

TEST_CASE("a stale host that does not answer probes is forgotten") {
  SlowPathBed bed;
  const auto* host = "2001:db8:a::33";
  bed.receive(towards_uplink(host));
  bed.receive(advertisement(kHostMac, host, kNdSolicited));
  bed.advance(46 * kSecond);
  bed.receive(towards_uplink(host));
  bed.sent.clear();
  bed.advance(10 * kSecond);
  CHECK(solicits_for(bed, host).size() == 3);
  CHECK_FALSE(bed.knows(0, host));
  CHECK(bed.neighbors().empty());
}

TEST_CASE("an unused stale host is forgotten in the end") {
  SlowPathBed bed;
  bed.receive(towards_uplink("2001:db8:a::33"));
  bed.receive(advertisement(kHostMac, "2001:db8:a::33", kNdSolicited));
  bed.advance(700 * kSecond);
  CHECK(bed.neighbors().empty());
}

TEST_CASE("a gateway is kept fresh by unicast probes and stays known meanwhile") {
  SlowPathBed bed(unresolved());
  bed.tick();
  bed.receive(arp_reply(kRouterMac, kGateway4));
  bed.receive(advertisement(kRouterMac, kGateway6, kNdSolicited));
  bed.sent.clear();
  for (int i = 0; i < 500; ++i) {
    bed.advance(kSecond / 5);
    REQUIRE(bed.knows(0, kGateway4));
    REQUIRE(bed.knows(0, kGateway6));
    for (const Bytes& frame : solicits_for(bed, kGateway4)) {
      CHECK(at<EthernetHeader>(frame, 0).destination == kRouterMac);
      bed.receive(arp_reply(kRouterMac, kGateway4));
    }
    for (const Bytes& frame : solicits_for(bed, kGateway6)) {
      CHECK(at<EthernetHeader>(frame, 0).destination == kRouterMac);
      bed.receive(advertisement(kRouterMac, kGateway6, kNdSolicited));
    }
    bed.sent.clear();
  }
  const uint64_t asked = bed.counter(WorkerCounter::kNeighborSolicits);
  CHECK(asked >= 2 + 2 * 2);
  CHECK(asked <= 2 + 2 * 7);
}

TEST_CASE("a gateway that stops answering is withdrawn and asked for by broadcast") {
  SlowPathBed bed(unresolved());
  bed.tick();
  bed.receive(arp_reply(kRouterMac, kGateway4));
  bed.advance(50 * kSecond);
  CHECK_FALSE(bed.knows(0, kGateway4));
  const auto asked = solicits_for(bed, kGateway4);
  CHECK(at<EthernetHeader>(asked.back(), 0).destination == kBroadcast);
  CHECK(std::count_if(asked.begin(), asked.end(), [](const Bytes& f) {
          return at<EthernetHeader>(f, 0).destination == kRouterMac;
        }) == 3);
}

TEST_CASE("ARP requests for our addresses are answered to the asker") {
  SlowPathBed bed;
  for (const auto* ours : {"192.0.2.1", "192.0.2.77"}) {
    bed.receive(PacketBuilder()
                    .ethernet(kBroadcast, kHostMac)
                    .arp(1, kHostMac, "192.0.2.33", kNobody, ours));
    const Bytes frame = bed.take();
    CHECK(frame.size() >= 42);
    CHECK(at<EthernetHeader>(frame, 0).destination == kHostMac);
    CHECK(at<EthernetHeader>(frame, 0).source == kPopMac);
    const auto& arp = at<ArpPacket>(frame, 14);
    CHECK(arp.operation.value() == 2);
    CHECK(arp.sender_mac == kPopMac);
    CHECK(arp.sender_ip == v4(ours));
    CHECK(arp.target_mac == kHostMac);
    CHECK(arp.target_ip == v4("192.0.2.33"));
  }
  CHECK(bed.counter(WorkerCounter::kNeighborAdverts) == 2);
  CHECK(bed.neighbors().empty());
}

TEST_CASE("an ARP probe for an address of ours is answered") {
  SlowPathBed bed;
  bed.receive(PacketBuilder()
                  .ethernet(kBroadcast, kHostMac)
                  .arp(1, kHostMac, "0.0.0.0", kNobody, "192.0.2.1"));
  const auto frame = bed.take();
  const auto& arp = at<ArpPacket>(frame, 14);
  CHECK(arp.sender_ip == v4("192.0.2.1"));
  CHECK(arp.target_ip == v4("0.0.0.0"));
}

TEST_CASE("with a VLAN, questions and answers carry its tag and only its addresses are answered") {
  SlowPathBed bed;
  const auto ask = [](std::string_view target) {
    return PacketBuilder()
        .ethernet(kBroadcast, kHostMac)
        .vlan(7)
        .arp(1, kHostMac, "10.7.0.9", kNobody, target);
  };
  bed.receive(ask("10.7.0.1"));
  const Bytes frame = bed.take();
  CHECK(at<EthernetHeader>(frame, 0).type.value() == kEtherTypeVlan);
  CHECK(at<VlanTag>(frame, 14).vlan() == 7);
  CHECK(at<VlanTag>(frame, 14).type.value() == kEtherTypeArp);
  CHECK(at<ArpPacket>(frame, 18).sender_ip == v4("10.7.0.1"));
  bed.receive(ask("192.0.2.1"));
  CHECK(bed.sent.empty());
  CHECK(bed.drops(DropReason::kArpIgnored) == 1);

  bed.receive(towards_uplink("2001:db8:7::9"));
  const Bytes question = bed.take();
  CHECK(at<VlanTag>(question, 14).vlan() == 7);
  CHECK(at<Ipv6Header>(question, 18).source == v6("2001:db8:7::1"));
}

TEST_CASE("ARP that is not for us or not well formed is dropped") {
  SlowPathBed bed;
  bed.receive(PacketBuilder()
                  .ethernet(kBroadcast, kHostMac)
                  .arp(1, kHostMac, "192.0.2.33", kNobody, "192.0.2.34"));
  bed.receive(arp_reply(kHostMac, "192.0.2.33"));  // nobody asked
  bed.receive(arp_reply(kHostMac, "192.0.2.33", "192.0.2.33"));
  CHECK(bed.drops(DropReason::kArpIgnored) == 3);
  bed.receive(arp_from(kHostMac).arp(3, kHostMac, "192.0.2.33", kNobody, "192.0.2.1"));
  bed.receive(arp_from(kHostMac).arp(1, kBroadcast, "192.0.2.33", kNobody, "192.0.2.1"));
  bed.receive(arp_from(kHostMac).arp(1, kNobody, "192.0.2.33", kNobody, "192.0.2.1"));
  bed.receive(arp_from(kHostMac).arp(1, kHostMac, "224.0.0.1", kNobody, "192.0.2.1"));
  Bytes cut = arp_from(kHostMac).arp(1, kHostMac, "192.0.2.33", kNobody, "192.0.2.1").build();
  cut.pop_back();
  bed.receive(cut);
  Bytes token_ring =
      arp_from(kHostMac).arp(1, kHostMac, "192.0.2.33", kNobody, "192.0.2.1").build();
  token_ring[15] = 6;
  bed.receive(token_ring);
  CHECK(bed.drops(DropReason::kArpMalformed) == 6);
  CHECK(bed.sent.empty());
  CHECK(bed.neighbors().empty());
}

TEST_CASE("another station with our address is counted and contradicted, now and then") {
  SlowPathBed bed;
  const auto claim = [&bed] {
    bed.receive(PacketBuilder()
                    .ethernet(kBroadcast, kHostMac)
                    .arp(1, kHostMac, "192.0.2.1", kNobody, "192.0.2.1"));
  };
  claim();
  CHECK(bed.counter(WorkerCounter::kAddressConflicts) == 1);
  const auto defences = solicits_for(bed, "192.0.2.1");
  REQUIRE(defences.size() == 1);
  CHECK(at<ArpPacket>(defences[0], 14).sender_ip == v4("192.0.2.1"));
  CHECK(at<ArpPacket>(defences[0], 14).sender_mac == kPopMac);
  bed.sent.clear();
  claim();
  CHECK(bed.counter(WorkerCounter::kAddressConflicts) == 2);
  CHECK(bed.sent.empty());
  bed.advance(11 * kSecond);
  claim();
  CHECK_FALSE(bed.sent.empty());
  // Our own frame that comes back is none.
  bed.receive(PacketBuilder()
                  .ethernet(kBroadcast, kPopMac)
                  .arp(1, kPopMac, "192.0.2.1", kNobody, "192.0.2.1"));
  CHECK(bed.counter(WorkerCounter::kAddressConflicts) == 3);
}

TEST_CASE("a gateway that moves says so and is probed at its new address") {
  SlowPathBed bed(unresolved());
  bed.tick();
  bed.receive(arp_reply(kRouterMac, kGateway4));
  bed.sent.clear();
  const auto gratuitous = PacketBuilder()
                              .ethernet(kBroadcast, kHostMac)
                              .arp(1, kHostMac, kGateway4, kNobody, kGateway4);
  // Not at once: a lie right after the truth is not heard.
  bed.receive(gratuitous);
  MacAddress mac;
  CHECK(bed.knows(0, kGateway4, &mac));
  CHECK(mac == kRouterMac);
  bed.advance(2 * kSecond);
  bed.sent.clear();
  bed.receive(gratuitous);
  CHECK(bed.knows(0, kGateway4, &mac));
  CHECK(mac == kHostMac);
  bed.tick();
  const auto probes = solicits_for(bed, kGateway4);
  REQUIRE(probes.size() == 1);
  CHECK(at<EthernetHeader>(probes[0], 0).destination == kHostMac);
}

TEST_CASE("solicitations on a link are answered with router, solicited, override and our MAC") {
  SlowPathBed bed;
  for (const auto* ours : {"2001:db8:a::1", "fe80::ff:fe00:1"}) {
    bed.receive(PacketBuilder()
                    .ethernet(kPopMac, kHostMac)
                    .ipv6("fe80::33", "ff02::1:ff00:1")
                    .ttl(255)
                    .neighbor_solicitation(ours)
                    .link_layer_option(1, kHostMac));
    const Bytes frame = bed.take();
    CHECK(at<EthernetHeader>(frame, 0).destination == kHostMac);
    const Bytes packet = outer_of(frame);
    CHECK(icmpv6_sums_up(packet));
    CHECK(packet.size() == 72);
    CHECK(at<Ipv6Header>(packet, 0).source == v6(ours));
    CHECK(at<Ipv6Header>(packet, 0).destination == v6("fe80::33"));
    CHECK(at<Ipv6Header>(packet, 0).hop_limit == 255);
    CHECK(at<NeighborMessage>(packet, 40).flags.value() == 0xe0000000);
    CHECK(at<NeighborMessage>(packet, 40).target == v6(ours));
    CHECK(Bytes(packet.begin() + 64, packet.end()) == Bytes{2, 1, 2, 0, 0, 0, 0, 1});
  }
  CHECK(bed.neighbors().empty());
}

TEST_CASE("duplicate address detection for a link's address is answered to all nodes") {
  SlowPathBed bed;
  bed.receive(PacketBuilder()
                  .ethernet({0x33, 0x33, 0xff, 0, 0, 1}, kHostMac)
                  .ipv6("::", "ff02::1:ff00:1")
                  .ttl(255)
                  .neighbor_solicitation("2001:db8:a::1"));
  const Bytes frame = bed.take();
  CHECK(at<EthernetHeader>(frame, 0).destination == MacAddress{0x33, 0x33, 0, 0, 0, 1});
  CHECK(at<Ipv6Header>(frame, 14).destination == v6("ff02::1"));
  CHECK(at<NeighborMessage>(frame, 54).flags.value() == 0xa0000000);
}

TEST_CASE("solicitations for others and malformed ones are not answered on a link") {
  SlowPathBed bed;
  const auto ask = [](uint8_t hop_limit, const char* target) {
    return PacketBuilder()
        .ethernet(kPopMac, kHostMac)
        .ipv6("2001:db8:a::33", "2001:db8:a::1")
        .ttl(hop_limit)
        .neighbor_solicitation(target);
  };
  bed.receive(ask(255, "2001:db8:a::34"));
  bed.receive(ask(255, "2001:db8:7::1"));  // another link's
  CHECK(bed.drops(DropReason::kNdNotOurs) == 2);
  bed.receive(ask(254, "2001:db8:a::1"));
  bed.receive(ask(255, "2001:db8:a::1").link_layer_option(1, kBroadcast));
  CHECK(bed.drops(DropReason::kIcmpv6Malformed) == 2);
  CHECK(bed.sent.empty());
}

TEST_CASE("advertisements nobody asked for do not make entries") {
  SlowPathBed bed;
  bed.receive(advertisement(kHostMac, "2001:db8:a::33", kNdOverride, "ff02::1"));
  bed.receive(advertisement(kHostMac, "2001:db8:a::34", kNdOverride | kNdSolicited));
  CHECK(bed.drops(DropReason::kIcmpv6Ignored) == 2);
  CHECK(bed.neighbors().empty());
  bed.receive(advertisement(kHostMac, "2001:db8:a::33", kNdSolicited, "ff02::1"));
  CHECK(bed.drops(DropReason::kIcmpv6Malformed) == 1);
}

TEST_CASE("an advertisement without override does not replace a known address") {
  SlowPathBed bed(unresolved());
  bed.tick();
  bed.receive(advertisement(kRouterMac, kGateway6, kNdSolicited));
  bed.advance(2 * kSecond);
  bed.receive(advertisement(kHostMac, kGateway6, kNdSolicited));
  MacAddress mac;
  CHECK(bed.knows(0, kGateway6, &mac));
  CHECK(mac == kRouterMac);
  CHECK(state_of(bed, kGateway6) == NeighborState::kProbe);
  bed.receive(advertisement(kHostMac, kGateway6, kNdSolicited | kNdOverride));
  CHECK(bed.knows(0, kGateway6, &mac));
  CHECK(mac == kHostMac);
  CHECK(state_of(bed, kGateway6) == NeighborState::kReachable);
}

TEST_CASE("a scan of the link keeps to a bounded number of unresolved entries") {
  SlowPathBed bed;
  for (unsigned i = 1; i <= 300; ++i) {
    const std::string host = "2001:db8:a::5:" + std::to_string(i);
    bed.receive(towards_uplink(host));
    bed.now += kSecond / 1000;
  }
  CHECK(bed.neighbors().size() == Neighbors::kMaxIncomplete);
  CHECK(bed.counter(WorkerCounter::kHeldNeighbor) == Neighbors::kMaxIncomplete);
  CHECK(bed.drops(DropReason::kNoNeighbor) == 300 - Neighbors::kMaxIncomplete);
}

TEST_CASE("nobody is asked for our own addresses or the subnet's broadcast") {
  SlowPathBed::Options options;
  options.change_slots = [](std::vector<TunnelSlot>& slots) {
    const auto remote = Ipv6Address::from_ipv4(v4("192.0.2.255"));
    std::copy(remote.bytes.begin(), remote.bytes.end(), slots[1].remote);
  };
  SlowPathBed bed(options);
  bed.receive(towards_tunnel());
  CHECK(bed.sent.empty());
  CHECK(bed.drops(DropReason::kNoNeighbor) == 1);
}

TEST_CASE("addresses are announced twice when they become active, and again when they change") {
  SlowPathBed::Options options;
  options.announce = true;
  SlowPathBed bed(options);
  bed.tick();
  CHECK(solicits_for(bed, "192.0.2.1").size() == 1);
  CHECK(solicits_for(bed, "192.0.2.77").size() == 1);
  CHECK(solicits_for(bed, "10.7.0.1").size() == 1);
  std::size_t unsolicited = 0;
  for (const Bytes& frame : bed.sent) {
    if (is_arp(frame) || at<EthernetHeader>(frame, 0).type.value() != kEtherTypeIpv6) continue;
    const Bytes packet = outer_of(frame);
    CHECK(icmpv6_sums_up(packet));
    CHECK(at<Ipv6Header>(packet, 0).destination == v6("ff02::1"));
    CHECK(at<NeighborMessage>(packet, 40).flags.value() == 0xa0000000);
    ++unsolicited;
  }
  CHECK(unsolicited == 2);  // of the untagged link; the tagged one's are its affair
  bed.advance(60 * kSecond);
  CHECK(solicits_for(bed, "192.0.2.1").size() == 2);
  bed.sent.clear();
  bed.publish([](PopRecord& pop) { pop.interfaces[0].ipv4_address[3] = 9; });
  bed.advance(60 * kSecond);
  CHECK(solicits_for(bed, "192.0.2.9").size() == 2);
  CHECK(solicits_for(bed, "10.7.0.1").empty());
}

TEST_CASE("an interface that changes forgets its neighbours") {
  SlowPathBed bed;
  bed.receive(towards_uplink("2001:db8:a::33"));
  bed.receive(advertisement(kHostMac, "2001:db8:a::33", kNdSolicited));
  bed.receive(towards_uplink("2001:db8:a::34"));
  bed.publish([](PopRecord& pop) { pop.interfaces[0].ipv6_address[15] = 9; });
  bed.tick();
  bed.publish([](PopRecord& pop) { pop.interfaces[0].ipv6_address[15] = 10; });
  bed.tick();
  CHECK(bed.neighbors().empty());
  CHECK_FALSE(bed.knows(0, "2001:db8:a::33"));
  CHECK(bed.drops(DropReason::kNoNeighbor) == 1);
}

TEST_CASE("without buffers nothing is asked, and asked as soon as there are some") {
  SlowPathBed bed(unresolved());
  bed.out_of_buffers = true;
  bed.tick();
  CHECK(bed.sent.empty());
  CHECK(bed.counter(WorkerCounter::kOriginated) == 0);
  bed.out_of_buffers = false;
  bed.advance(2 * kSecond);
  CHECK(solicits_for(bed, kGateway4).size() == 2);
}

}  // namespace simplon::test
