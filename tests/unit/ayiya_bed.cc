// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/unit/ayiya_bed.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <stdexcept>

#include "control/config/parse.h"
#include "dataplane/net/checksum.h"
#include "tests/support/snapshot_image.h"

namespace simplon::test {
namespace {

void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "AYIYA bed: %s\n", what);
  std::abort();
}

constexpr std::string_view kPop = R"(
  name: "ayiya-pop"
  interfaces {
    port: "wan0"
    ipv4_address: "192.0.2.1/24"
    ipv4_gateway: "192.0.2.254"
    ipv6_address: "2001:db8:ffff::1/64"
    ipv6_gateway: "2001:db8:ffff::fe"
  }
  ipv4_addresses: "192.0.2.77"
  ipv6_address: "2001:db8:2ff:ffff::1"
  icmp_errors_per_second_per_tunnel: 1000
  other_pop_addresses: "203.0.113.99"
  other_pop_addresses: "2001:db8:fe::99"
)";

std::string config_text(std::string_view pop_text) {
  const std::string vector(kVectorPassword);
  const std::string other(kOtherPassword);
  std::string text = "pop {" + std::string(kPop) + std::string(pop_text) + "}\n";
  text += R"(
pools { name: "link" kind: LINK prefix: "2001:db8:2ff::/48" }
pools { name: "routed" kind: ROUTED prefix: "2001:db8:3ff::/48" }
pools { name: "ipv4" kind: DELEGATED prefix: "198.18.0.0/24" unit_length: 32 }
tunnels { id: 7 slot: 7 type: PROTO41 remote: "198.51.100.70" }
tunnels { id: 8 slot: 8 type: GRE remote: "198.51.100.80" }
)";
  const auto tunnel = [&text](int id, const char* type, const std::string& password,
                              const char* more) {
    const std::string number = std::to_string(id);
    text += "tunnels { id: " + number + " slot: " + number + " type: " + type + " password: \"" +
            password + "\" " + more + " }\n";
  };
  tunnel(1, "AYIYA", vector, "ipv4_prefixes: \"198.18.0.1/32\"");
  tunnel(2, "DYNAMIC_ENDPOINT", other, "");
  tunnel(3, "HEARTBEAT", other, "");
  tunnel(4, "AYIYA", other, "admin_state: DISABLED");
  tunnel(5, "AYIYA", other, "replay_mode: STRICT");
  const std::string previous = "previous_password: \"" + std::string(kPreviousPassword) + "\"";
  tunnel(6, "AYIYA", other, previous.c_str());
  return text;
}

int nibble(char c) {
  return c <= '9' ? c - '0' : c - 'a' + 10;
}

std::span<const uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}

void sign(Bytes& datagram, std::string_view password) {
  const auto key = reference_sha1(bytes_of(password));
  auto* header = reinterpret_cast<AyiyaHeader*>(datagram.data());
  header->signature = key;
  header->signature = reference_sha1(datagram);
}

}  // namespace

Bytes from_hex(std::string_view text) {
  Bytes bytes;
  std::string digits;
  for (const char c : text) {
    if (c != ' ' && c != '\n') digits += c;
  }
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(nibble(digits[i]) << 4 | nibble(digits[i + 1])));
  }
  return bytes;
}

std::array<uint8_t, 20> reference_sha1(std::span<const uint8_t> message) {
  std::array<uint8_t, 20> digest{};
  unsigned size = 0;
  must(EVP_Digest(message.data(), message.size(), digest.data(), &size, EVP_sha1(), nullptr) == 1,
       "OpenSSL has no SHA-1");
  return digest;
}

Bytes AyiyaClient::datagram(AyiyaOperation operation, uint8_t next_header,
                            const Bytes& payload) const {
  Bytes bytes(sizeof(AyiyaHeader));
  auto* header = reinterpret_cast<AyiyaHeader*>(bytes.data());
  set_ayiya_form(*header, operation, next_header);
  header->epoch = epoch;
  header->tunnel = *Ipv6Address::parse(identity);
  bytes.insert(bytes.end(), payload.begin(), payload.end());
  sign(bytes, password);
  return bytes;
}

Bytes AyiyaClient::frame(const Bytes& datagram) const {
  PacketBuilder builder;
  builder.ethernet(kAyiyaPopMac, kAyiyaRouterMac);
  const bool ipv6 = local.find(':') != std::string::npos;
  if (ipv6) {
    builder.ipv6(address, local);
  } else {
    builder.ipv4(address, local);
  }
  builder.udp(port, kPortAyiya);
  if (!ipv6 && !udp_checksum) builder.checksum(0);
  return builder.raw(datagram).build();
}

Bytes framed(const Bytes& packet) {
  Bytes frame = PacketBuilder().ethernet(kAyiyaPopMac, kAyiyaRouterMac).raw(packet).build();
  const Be16 type = packet.at(0) >> 4 == 6 ? kEtherTypeIpv6 : kEtherTypeIpv4;
  std::memcpy(&frame[12], &type, sizeof type);
  return frame;
}

Bytes inner_packet(std::size_t length, std::string_view source, std::string_view destination) {
  return PacketBuilder()
      .ipv6(source, destination)
      .udp(1234, 4321)
      .payload(length - sizeof(Ipv6Header) - sizeof(UdpHeader))
      .build();
}

Bytes inner_ipv4_packet(std::size_t length, std::string_view source, std::string_view destination) {
  return PacketBuilder()
      .ipv4(source, destination)
      .udp(1234, 4321)
      .payload(length - sizeof(Ipv4Header) - sizeof(UdpHeader))
      .build();
}

AyiyaBed::AyiyaBed(std::string_view pop_text, uint32_t unix_s) : now_(1000 * kAyiyaSecond) {
  auto config = control::parse_config(config_text(pop_text), "ayiya.txtpb", nullptr);
  if (!config.ok()) throw std::runtime_error(std::string(config.status().message()));
  testing::SnapshotImage image = testing::SnapshotImage::of(*config);
  offline::OfflineOptions options;
  options.exact_buffers = true;
  options.clock_offset_ns = static_cast<int64_t>((unix_s - uint64_t{1000}) * kAyiyaSecond);
  std::string error;
  pop_ = offline::OfflinePop::create(
      image.bytes(), {{"wan0", kAyiyaPopMac}}, options,
      [this](const offline::Frame& frame) {
        sent.emplace_back(frame.bytes.begin(), frame.bytes.end());
      },
      error);
  if (pop_ == nullptr) throw std::runtime_error(error);
  pop_->add_neighbor(0, 0, Ipv6Address::from_ipv4(*Ipv4Address::parse("192.0.2.254")),
                     kAyiyaRouterMac);
  pop_->add_neighbor(0, 0, *Ipv6Address::parse("2001:db8:ffff::fe"), kAyiyaRouterMac);
  pop_->advance(now_);
}

AyiyaBed::~AyiyaBed() {
  must(pop_->conservation().imbalance() == 0, "the law of conservation does not hold");
  pop_->flush();
  must(pop_->conservation().imbalance() == 0, "the law of conservation does not hold at the end");
  must(pop_->buffers_in_use() == 0, "a buffer was lost");
}

std::vector<offline::Fate> AyiyaBed::receive(const std::vector<Bytes>& frames) {
  std::vector<offline::Frame> burst;
  for (const Bytes& bytes : frames) burst.push_back({0, now_, bytes});
  pop_->receive(burst);
  must(pop_->conservation().imbalance() == 0, "the law of conservation does not hold");
  return {pop_->fates().begin(), pop_->fates().end()};
}

offline::Fate AyiyaBed::receive(const Bytes& frame) {
  return receive(std::vector<Bytes>{frame})[0];
}

offline::Fate AyiyaBed::from_uplink(const Bytes& packet) {
  return receive(framed(packet));
}

void AyiyaBed::advance_s(uint32_t seconds) {
  now_ += seconds * kAyiyaSecond;
  pop_->advance(now_);
}

Endpoint AyiyaBed::endpoint(uint32_t slot) const {
  return pop_->runtime().load(slot, pop_->table().snapshot.slot(slot).incarnation);
}

uint32_t AyiyaBed::highest_epoch(uint32_t slot) const {
  return pop_->runtime().highest_epoch(slot, pop_->table().snapshot.slot(slot).incarnation);
}

std::size_t AyiyaBed::events(TunnelEventKind kind) const {
  const auto events = pop_->events();
  return static_cast<std::size_t>(std::count_if(
      events.begin(), events.end(),
      [kind](const TunnelEvent& event) { return event.kind == static_cast<uint8_t>(kind); }));
}

std::optional<LedgerRecord> AyiyaBed::error(uint32_t slot, DropReason reason) const {
  for (const LedgerRecord& record : pop_->errors()) {
    if (record.slot == slot && record.reason == static_cast<uint8_t>(reason)) return record;
  }
  return std::nullopt;
}

Bytes AyiyaBed::take() {
  if (sent.size() != 1) {
    throw std::runtime_error(std::to_string(sent.size()) + " frames were sent, not one");
  }
  const Bytes frame = sent[0];
  sent.clear();
  return frame;
}

AyiyaReply parse_reply(const Bytes& frame) {
  const auto need = [&frame](std::size_t size) {
    if (frame.size() < size) throw std::runtime_error("the frame is too short for AYIYA");
  };
  AyiyaReply reply;
  need(sizeof(EthernetHeader) + sizeof(Ipv4Header));
  const auto* ethernet = reinterpret_cast<const EthernetHeader*>(frame.data());
  std::size_t at = sizeof(EthernetHeader);
  uint8_t protocol = 0;
  uint64_t pseudo = 0;
  std::size_t length = 0;
  if (ethernet->type.value() == kEtherTypeIpv4) {
    const auto* ip = reinterpret_cast<const Ipv4Header*>(frame.data() + at);
    if (ip->version_ihl != 0x45 || !ipv4_header_valid(*ip) ||
        at + ip->total_length.value() != frame.size()) {
      throw std::runtime_error("outer IPv4 header is wrong");
    }
    reply.source = Ipv6Address::from_ipv4(ip->source);
    reply.destination = Ipv6Address::from_ipv4(ip->destination);
    reply.ttl = ip->ttl;
    reply.tos = ip->tos;
    reply.dont_fragment = (ip->flags_fragment.value() & kIpv4DontFragment) != 0;
    protocol = ip->protocol;
    at += sizeof(Ipv4Header);
    length = frame.size() - at;
    pseudo = uint64_t{ip->source.raw()} + ip->destination.raw() + Be16(protocol).raw() +
             Be16(static_cast<uint16_t>(length)).raw();
  } else {
    need(at + sizeof(Ipv6Header));
    const auto* ip = reinterpret_cast<const Ipv6Header*>(frame.data() + at);
    if (ip->version() != 6 ||
        at + sizeof(Ipv6Header) + ip->payload_length.value() != frame.size()) {
      throw std::runtime_error("outer IPv6 header is wrong");
    }
    reply.source = ip->source;
    reply.destination = ip->destination;
    reply.ttl = ip->hop_limit;
    reply.tos = ip->traffic_class();
    protocol = ip->next_header;
    at += sizeof(Ipv6Header);
    length = frame.size() - at;
    pseudo = ipv6_pseudo_sum(ip->source, ip->destination, static_cast<uint32_t>(length), protocol);
  }
  need(at + sizeof(UdpHeader) + sizeof(AyiyaHeader));
  const auto* udp = reinterpret_cast<const UdpHeader*>(frame.data() + at);
  if (protocol != kProtocolUdp || udp->length.value() != length) {
    throw std::runtime_error("UDP header is wrong");
  }
  reply.source_port = udp->source_port.value();
  reply.destination_port = udp->destination_port.value();
  reply.udp_checksum = udp->checksum;
  if (udp->checksum.raw() != 0 &&
      checksum_fold(checksum_add(pseudo, std::span(frame).subspan(at))) != 0xffff) {
    throw std::runtime_error("UDP checksum is wrong");
  }
  reply.datagram.assign(frame.begin() + static_cast<std::ptrdiff_t>(at + sizeof(UdpHeader)),
                        frame.end());
  return reply;
}

bool AyiyaReply::is_signed_with(std::string_view password) const {
  Bytes again = datagram;
  sign(again, password);
  return again == datagram;
}

}  // namespace simplon::test
