// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Frames, timers, full tables and new configurations through worker and slow path. What must hold:
// conservation after every step, no buffer lost, nothing read beyond a buffer (sanitizer), and
// every frame sent is one a host would take.
//
// An input is a sequence of steps: a byte that says what, and what belongs to it.
//   bits 0..2  0..3 a frame: two bytes length, the frame; 4 time; 5 buffers; 6 configuration; 7
//   flush bits 3..5  of a frame: address it to us, put its IPv4 checksum right, its ICMP checksum
// A time, buffers and configuration step has one byte.

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <span>

#include "dataplane/net/checksum.h"
#include "tests/fuzz/fuzz_target.h"
#include "tests/unit/slowpath_bed.h"

namespace simplon::test {
namespace {

constexpr uint8_t kTime = 4;
constexpr uint8_t kBuffers = 5;
constexpr uint8_t kConfiguration = 6;
constexpr uint8_t kFlush = 7;
constexpr uint8_t kToUs = 8;
constexpr uint8_t kFixIpv4 = 16;
constexpr uint8_t kFixIcmp = 32;
constexpr std::size_t kMaxFrame = 2048;

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "fuzz target: %s\n", what);
  std::abort();
}

class Steps {
 public:
  explicit Steps(std::span<const uint8_t> input) : rest_(input) {}
  bool empty() const { return rest_.empty(); }
  uint8_t byte() {
    if (rest_.empty()) return 0;
    const uint8_t b = rest_[0];
    rest_ = rest_.subspan(1);
    return b;
  }
  Bytes bytes() {
    const std::size_t high = byte();
    const std::size_t wanted = (high << 8 | byte()) % (kMaxFrame + 1);
    const auto taken = rest_.first(std::min(wanted, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return {taken.begin(), taken.end()};
  }

 private:
  std::span<const uint8_t> rest_;
};

void fix_icmpv6(std::span<uint8_t> packet) {
  if (packet.size() < sizeof(Ipv6Header) + sizeof(IcmpHeader)) return;
  const auto* ip = reinterpret_cast<const Ipv6Header*>(packet.data());
  if (ip->next_header != kProtocolIcmpv6) return;
  const std::size_t length =
      std::min<std::size_t>(ip->payload_length.value(), packet.size() - sizeof(Ipv6Header));
  if (length < sizeof(IcmpHeader)) return;
  const auto message = packet.subspan(sizeof(Ipv6Header), length);
  auto* icmp = reinterpret_cast<IcmpHeader*>(message.data());
  icmp->checksum = uint16_t{0};
  icmp->checksum = icmpv6_checksum(*ip, message);
}

void fix_icmpv4(std::span<uint8_t> message) {
  if (message.size() < sizeof(IcmpHeader)) return;
  auto* icmp = reinterpret_cast<IcmpHeader*>(message.data());
  icmp->checksum = uint16_t{0};
  icmp->checksum = checksum_finish(checksum_add(0, message));
}

// A mutation that leaves a checksum wrong gets no further than the check of it.
void repair(Bytes& frame, uint8_t step) {
  if (frame.size() < sizeof(EthernetHeader)) return;
  if ((step & kToUs) != 0) std::copy(kPopMac.begin(), kPopMac.end(), frame.begin());
  std::size_t at = sizeof(EthernetHeader);
  uint16_t type = reinterpret_cast<const EthernetHeader*>(frame.data())->type.value();
  if (type == kEtherTypeVlan && frame.size() >= at + sizeof(VlanTag)) {
    type = reinterpret_cast<const VlanTag*>(frame.data() + at)->type.value();
    at += sizeof(VlanTag);
  }
  const auto packet = std::span(frame).subspan(at);
  if (type == kEtherTypeIpv6) {
    if ((step & kFixIcmp) != 0) fix_icmpv6(packet);
    return;
  }
  if (type != kEtherTypeIpv4 || packet.size() < sizeof(Ipv4Header)) return;
  auto* ip = reinterpret_cast<Ipv4Header*>(packet.data());
  const std::size_t header = std::max<std::size_t>(ip->header_length(), sizeof(Ipv4Header));
  if (header > packet.size()) return;
  if ((step & kFixIcmp) != 0 && ip->protocol == kProtocolIpv6) fix_icmpv6(packet.subspan(header));
  if ((step & kFixIcmp) != 0 && ip->protocol == kProtocolIcmpv4 &&
      ip->total_length.value() >= header && ip->total_length.value() <= packet.size()) {
    fix_icmpv4(packet.subspan(header, ip->total_length.value() - header));
  }
  if ((step & kFixIpv4) != 0) {
    ip->checksum = uint16_t{0};
    ip->checksum = checksum_finish(checksum_add(0, packet.first(header)));
  }
}

// A frame as it left: link header, IP header and lengths agree.
void check_sent(const Bytes& frame) {
  must(frame.size() >= sizeof(EthernetHeader), "sent less than a link header");
  std::size_t header = sizeof(EthernetHeader);
  const auto& ethernet = at<EthernetHeader>(frame, 0);
  must(ethernet.source == kPopMac, "sent from an address that is not the port's");
  uint16_t type = ethernet.type.value();
  if (type == kEtherTypeVlan) {
    type = at<VlanTag>(frame, header).type.value();
    header += sizeof(VlanTag);
  }
  const Bytes packet(frame.begin() + static_cast<std::ptrdiff_t>(header), frame.end());
  if (type == kEtherTypeIpv4) {
    const auto& ip = at<Ipv4Header>(packet, 0);
    must(ip.version_ihl == 0x45, "sent IPv4 options");
    must(ipv4_header_valid(std::span(packet).first(sizeof(Ipv4Header))), "sent a wrong checksum");
    must(ip.total_length.value() <= packet.size(), "sent a packet that is cut off");
    must(ip.total_length.value() <= 1500, "sent more than the link takes");
    if (ip.protocol == kProtocolIpv6 && !ip.is_fragment()) {
      const auto& inner = at<Ipv6Header>(packet, sizeof(Ipv4Header));
      must(inner.version() == 6 && ip.total_length.value() == sizeof(Ipv4Header) +
                                                                  sizeof(Ipv6Header) +
                                                                  inner.payload_length.value(),
           "sent outer and inner lengths that differ");
    }
  } else if (type == kEtherTypeIpv6) {
    const auto& ip = at<Ipv6Header>(packet, 0);
    const std::size_t length = sizeof(Ipv6Header) + ip.payload_length.value();
    must(ip.version() == 6 && length <= packet.size(), "sent a packet that is cut off");
    must(length <= 1500, "sent more than the link takes");
  } else {
    must(type == kEtherTypeArp && packet.size() >= sizeof(ArpPacket), "sent something strange");
  }
}

void configure(SlowPathBed& bed, uint8_t what) {
  bed.publish([what](PopRecord& pop) {
    if ((what & 1) != 0) pop.interfaces[0].mtu = 1290;
    if ((what & 2) != 0) pop.interfaces[0].ipv4_address[3] = 9;
    if ((what & 4) != 0) pop.interfaces[1] = {};
    if ((what & 4) != 0) pop.interface_count = 1;
    if ((what & 8) != 0) pop.icmp_errors_per_second_per_tunnel = 1;
    pop.flags = (what >> 4) & 7;
  });
}

Bytes step_of(const PacketBuilder& builder) {
  const Bytes frame = builder.build();
  Bytes step{kFixIpv4 | kFixIcmp, static_cast<uint8_t>(frame.size() >> 8),
             static_cast<uint8_t>(frame.size())};
  step.insert(step.end(), frame.begin(), frame.end());
  return step;
}

}  // namespace
}  // namespace simplon::test

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace simplon::test;
  if (size == 0) return 0;
  Steps steps({data, size});
  const uint8_t options = steps.byte();
  SlowPathBed::Options bed_options;
  bed_options.gateways_known = (options & 1) != 0;
  bed_options.announce = (options & 2) != 0;
  SlowPathBed bed(bed_options);
  while (!steps.empty()) {
    const uint8_t step = steps.byte();
    switch (step & 7) {
      case kTime:
        bed.now += steps.byte() * (kSecond / 4);
        bed.tick();
        break;
      case kBuffers:
        bed.out_of_buffers = (steps.byte() & 1) != 0;
        break;
      case kConfiguration:
        configure(bed, steps.byte());
        break;
      case kFlush:
        bed.flush();
        break;
      default: {
        simplon::test::Bytes frame = steps.bytes();
        repair(frame, step);
        bed.receive(frame);
        break;
      }
    }
    for (const auto& frame : bed.sent) check_sent(frame);
    bed.sent.clear();
  }
  return 0;
}

namespace simplon::fuzz {

std::vector<std::vector<uint8_t>> seeds() {
  using namespace simplon::test;
  constexpr auto kHost = "2001:db8:aaaa::1";
  const auto tunnel = [](std::string_view source, std::string_view destination) {
    return SlowPathBed::from_tunnel().ipv6(source, destination);
  };
  const auto uplink = [](std::string_view destination) {
    return SlowPathBed::from_router().ipv6(kHost, destination);
  };
  const auto outer_fragment = [](uint16_t offset, bool more, std::size_t bytes) {
    return SlowPathBed::from_tunnel().id(7).fragment(offset, more).payload(bytes);
  };
  const uint8_t routing[] = {kProtocolIcmpv6, 0, 0, 1, 0, 0, 0, 0, 128, 0, 0, 0, 0, 1, 0, 2};
  const uint8_t options[] = {kProtocolIcmpv6, 0, 0xde, 1, 0, 0, 0, 0, 128, 0, 0, 0, 0, 1, 0, 2};
  const std::string beat = SlowPathBed::beat_text("2001:db8:ff:7::2", "sender", 1'700'000'000);
  const std::span<const uint8_t> beat_bytes(reinterpret_cast<const uint8_t*>(beat.data()),
                                            beat.size());
  const uint8_t fragment[] = {kProtocolIpv6, 0, 0, 1, 0, 0, 0, 7, 0x60, 0, 0, 0, 0, 16, 17, 64};
  const Bytes quoted = PacketBuilder()
                           .ipv4("192.0.2.1", "198.51.100.50")
                           .ipv6(kHost, "2001:db8:ff:6::2")
                           .udp(1, 2)
                           .build();
  std::vector<PacketBuilder> frames{
      SlowPathBed::from_router().ipv4("203.0.113.7", "192.0.2.1").udp(50'000, 3740).raw(beat_bytes),
      SlowPathBed::from_tunnel("203.0.113.7").ipv6("2001:db8:1002::5", kHost).udp(1, 2),
      SlowPathBed::from_tunnel("203.0.113.7")
          .ipv6("2001:db8:ff:7::2", "2001:db8:ff:7::1")
          .icmpv6(kIcmpv6EchoReply, 0, 0x42420001)
          .payload(16),
      uplink("2001:db8:1002::5").udp(1, 2).payload(1200),
      SlowPathBed::from_router()
          .ipv6("2001:db8:9::7", "2001:db8:a::1")
          .udp(50'000, 3740)
          .raw(beat_bytes),
      SlowPathBed::from_router()
          .ipv6("2001:db8:9::7", "2001:db8:a::1")
          .protocol(kProtocolFragment)
          .raw(fragment),
      SlowPathBed::from_router().ipv4("203.0.113.9", "192.0.2.1").icmpv4(3, 1).raw(quoted),
      SlowPathBed::from_router()
          .ipv4("203.0.113.7", "192.0.2.1")
          .id(9)
          .protocol(kProtocolUdp)
          .fragment(0, true)
          .payload(48),
      uplink("2001:db8:1000::5").udp(1, 2).payload(64),
      uplink("2001:db8:1000::5").ttl(1).udp(1, 2),
      uplink("2001:db8:ff:1::2").udp(1, 2).payload(1450),
      uplink("2001:db8:ff:3::2").udp(1, 2).payload(1400),
      uplink("2001:db8:ff:1::3").udp(1, 2),
      uplink("2001:db8:ff:1::1").udp(1, 2),
      uplink("2001:db8:ff:1::1").echo_request(1, 2, 32),
      uplink("2001:db8:ff:1::1").protocol(kProtocolRouting).raw(routing),
      uplink("2001:db8:ff:1::1").protocol(kProtocolHopByHop).raw(options),
      tunnel("2001:db8:1000::5", kHost).udp(1, 2).payload(9),
      tunnel("2001:db8:1000::5", "2001:db8:a::33").udp(1, 2),
      tunnel("2001:db8:1000::5", "2001:db8:7::33").udp(1, 2),
      tunnel("2001:db8:1000::5", "2001:db8:1001::5").udp(1, 2).payload(1250),
      tunnel("2001:db8:ff:1::2", "2001:db8:ff:1::1").echo_request(1, 2, 1400),
      tunnel("2001:db8:ff:1::7", kHost).udp(1, 2),
      tunnel("fe80::2", "fe80::c000:201").echo_request(1, 2, 8),
      tunnel("fe80::2", "ff02::1:ff00:1").ttl(255).neighbor_solicitation("2001:db8:ff:1::1"),
      tunnel("::", "ff02::1:ff00:1").ttl(255).neighbor_solicitation("2001:db8:ff:1::1"),
      outer_fragment(0, true, 800),
      outer_fragment(800, false, 500),
      SlowPathBed::from_router().ipv4("203.0.113.9", "192.0.2.1").echo_request(1, 2, 40),
      SlowPathBed::from_router().ipv4("203.0.113.9", "192.0.2.1").icmpv4(3, 4, 1400).payload(40),
      PacketBuilder().ethernet(kPopMac, kHostMac).arp(1, kHostMac, "192.0.2.33", {}, "192.0.2.1"),
      PacketBuilder()
          .ethernet(kPopMac, kRouterMac)
          .arp(2, kRouterMac, "192.0.2.254", kPopMac, "192.0.2.1"),
      PacketBuilder()
          .ethernet(kPopMac, kHostMac)
          .vlan(7)
          .arp(1, kHostMac, "10.7.0.9", {}, "10.7.0.1"),
      PacketBuilder()
          .ethernet(kPopMac, kRouterMac)
          .ipv6("2001:db8:a::ffff", "2001:db8:a::1")
          .ttl(255)
          .neighbor_advertisement("2001:db8:a::ffff", 0x60000000)
          .link_layer_option(2, kRouterMac),
      PacketBuilder()
          .ethernet(kPopMac, kHostMac)
          .ipv6("2001:db8:a::33", "2001:db8:a::1")
          .ttl(255)
          .neighbor_advertisement("2001:db8:a::33", 0x60000000)
          .link_layer_option(2, kHostMac),
      PacketBuilder()
          .ethernet(kPopMac, kHostMac)
          .ipv6("fe80::33", "ff02::1:ff00:1")
          .ttl(255)
          .neighbor_solicitation("2001:db8:a::1")
          .link_layer_option(1, kHostMac),
  };
  std::vector<std::vector<uint8_t>> all;
  std::vector<uint8_t> together[2] = {{0}, {3}};
  for (const PacketBuilder& frame : frames) {
    const Bytes step = step_of(frame);
    std::vector<uint8_t> alone{0, kTime, 0};
    alone.insert(alone.end(), step.begin(), step.end());
    all.push_back(alone);
    for (auto& sequence : together) {
      sequence.insert(sequence.end(), step.begin(), step.end());
      sequence.insert(sequence.end(), {kTime, 1});
    }
  }
  for (auto& sequence : together) {
    sequence.insert(sequence.end(), {kBuffers, 1, kTime, 100, kBuffers, 0, kConfiguration, 0xff,
                                     kTime, 200, kFlush, kConfiguration, 0, kTime, 1});
    all.push_back(sequence);
  }
  return all;
}

}  // namespace simplon::fuzz
