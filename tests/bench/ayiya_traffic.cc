// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/bench/ayiya_traffic.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "dataplane/net/checksum.h"

namespace simplon::bench {
namespace {

constexpr uint64_t kLinkHi = 0x2001'0db8'0010'0000;

std::string password_of(uint32_t tunnel) {
  return "a-long-enough-password-" + std::to_string(tunnel);
}

}  // namespace

AyiyaTraffic::AyiyaTraffic(uint32_t tunnels, std::size_t inner_length)
    : inner_length_(inner_length), memory_(kPackets * kFrameStride) {
  std::string error;
  sha1_ = Sha1Batch::create(error);
  if (sha1_ == nullptr) throw std::runtime_error(error);
  for (uint32_t i = 0; i < tunnels; ++i) {
    const std::string password = password_of(i);
    keys_.push_back(sha1({reinterpret_cast<const uint8_t*>(password.data()), password.size()}));
  }
}

v1::Config AyiyaTraffic::make_config(uint32_t tunnels) {
  v1::Config config;
  v1::Interface* link = config.mutable_pop()->add_interfaces();
  link->set_port("wan0");
  link->set_ipv4_address("192.0.2.1/24");
  link->set_ipv4_gateway("192.0.2.254");
  link->set_ipv6_address("2001:db8:fffe::1/64");
  link->set_ipv6_gateway("2001:db8:fffe::fe");
  v1::Pool* pool = config.add_pools();
  pool->set_name("link");
  pool->set_kind(v1::Pool::LINK);
  pool->set_prefix("2001:db8:10::/44");
  for (uint32_t i = 0; i < tunnels; ++i) {
    v1::Tunnel* tunnel = config.add_tunnels();
    tunnel->set_id(i + 1);
    tunnel->set_slot(i);
    tunnel->set_type(v1::Tunnel::AYIYA);
    tunnel->set_password(password_of(i));
  }
  return config;
}

Endpoint AyiyaTraffic::endpoint(uint32_t tunnel) {
  Endpoint e;
  e.address = Ipv6Address::from_ipv4(Ipv4Address::from_value(kRemoteBase + tunnel));
  e.port = static_cast<uint16_t>(1024 + tunnel % 60'000);
  e.transport = Transport::kAyiya;
  e.up = true;
  e.verified = true;
  return e;
}

void AyiyaTraffic::draw_inner(uint8_t* at, const Ipv6Address& source,
                              const Ipv6Address& destination) const {
  const Ipv6Header header{
      .version_class_flow = uint32_t{6} << 28,
      .payload_length = static_cast<uint16_t>(inner_length_ - sizeof(Ipv6Header)),
      .next_header = kProtocolUdp,
      .hop_limit = 64,
      .source = source,
      .destination = destination,
  };
  std::memcpy(at, &header, sizeof(header));
}

void AyiyaTraffic::draw_received(uint8_t* at, uint32_t tunnel) {
  const Endpoint client = endpoint(tunnel);
  Ipv4Header outer{
      .version_ihl = 0x45,
      .tos = 0,
      .total_length = static_cast<uint16_t>(kAyiyaOverheadIpv4 + inner_length_),
      .id = uint16_t{0},
      .flags_fragment = kIpv4DontFragment,
      .ttl = 60,
      .protocol = kProtocolUdp,
      .checksum = uint16_t{0},
      .source = client.address.ipv4(),
      .destination = Ipv4Address::from_value(kLocalV4),
  };
  outer.checksum = ipv4_header_checksum(outer);
  const UdpHeader udp{client.port, kPortAyiya,
                      static_cast<uint16_t>(sizeof(UdpHeader) + hashed_length()), uint16_t{0}};
  std::memcpy(at, &outer, sizeof(outer));
  std::memcpy(at + sizeof(outer), &udp, sizeof(udp));
  auto* header = reinterpret_cast<AyiyaHeader*>(at + sizeof(outer) + sizeof(udp));
  set_ayiya_form(*header, AyiyaOperation::kForward, kProtocolIpv6);
  header->epoch = kEpoch;
  header->tunnel = Ipv6Address::from_halves(kLinkHi + tunnel, 2);
  header->signature = keys_[tunnel];
}

void AyiyaTraffic::draw(AyiyaDirection direction) {
  const Ipv6Address native = Ipv6Address::from_halves(0x2001'0db8'ffff'0000, 0x99);
  const bool received = direction == AyiyaDirection::kReceive;
  std::vector<Sha1Job> jobs;
  for (std::size_t i = 0; i < kPackets; ++i) {
    const auto tunnel = static_cast<uint32_t>(random_() % keys_.size());
    const Ipv6Address client = Ipv6Address::from_halves(kLinkHi + tunnel, 2);
    uint8_t* at = frame(i);
    const EthernetHeader ethernet{.destination = kOwnMac,
                                  .source = kGatewayMac,
                                  .type = received ? kEtherTypeIpv4 : kEtherTypeIpv6};
    std::memcpy(at, &ethernet, sizeof(ethernet));
    at += sizeof(ethernet);
    if (!received) {
      draw_inner(at, native, client);
      continue;
    }
    draw_received(at, tunnel);
    draw_inner(at + kAyiyaOverheadIpv4, client, native);
    uint8_t* datagram = at + sizeof(Ipv4Header) + sizeof(UdpHeader);
    jobs.push_back(
        {datagram, hashed_length(), reinterpret_cast<AyiyaHeader*>(datagram)->signature.data()});
    if (jobs.size() == Sha1Batch::kMaxJobs) {
      sha1_->run(jobs);
      jobs.clear();
    }
  }
  sha1_->run(jobs);
}

void AyiyaTraffic::add_udp_checksums() {
  for (std::size_t i = 0; i < kPackets; ++i) {
    auto* ip = reinterpret_cast<Ipv4Header*>(frame(i) + sizeof(EthernetHeader));
    auto* udp = reinterpret_cast<UdpHeader*>(ip + 1);
    const uint16_t length = udp->length.value();
    const uint64_t pseudo = ipv4_pseudo_sum(ip->source, ip->destination, length, kProtocolUdp);
    const Be16 sum =
        checksum_finish(checksum_add(pseudo, {reinterpret_cast<uint8_t*>(udp), length}));
    udp->checksum = sum.raw() == 0 ? Be16(0xffff) : sum;
  }
}

void AyiyaTraffic::forge(bool strangers) {
  constexpr uint32_t kStrangers = 0x0c000000;
  for (std::size_t i = 0; i < kPackets; ++i) {
    auto* ip = reinterpret_cast<Ipv4Header*>(frame(i) + sizeof(EthernetHeader));
    auto* ayiya = reinterpret_cast<AyiyaHeader*>(reinterpret_cast<UdpHeader*>(ip + 1) + 1);
    ayiya->signature[random_() % kSha1Size] ^= 1;
    if (!strangers) continue;
    ip->source = Ipv4Address::from_value(kStrangers + static_cast<uint32_t>(random_() % 1000));
    ip->checksum = ipv4_header_checksum(*ip);
  }
}

}  // namespace simplon::bench
