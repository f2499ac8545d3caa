// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/support/packet_builder.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "dataplane/net/checksum.h"

namespace simplon::test {
namespace {

Ipv4Address address4(std::string_view text) {
  const auto a = Ipv4Address::parse(text);
  if (!a) throw std::logic_error("not an IPv4 address: " + std::string(text));
  return *a;
}

Ipv6Address address6(std::string_view text) {
  const auto a = Ipv6Address::parse(text);
  if (!a) throw std::logic_error("not an IPv6 address: " + std::string(text));
  return *a;
}

uint64_t ipv4_pseudo_sum(const Ipv4Header& ip, uint16_t length) {
  const uint8_t tail[] = {0, ip.protocol, static_cast<uint8_t>(length >> 8),
                          static_cast<uint8_t>(length)};
  return checksum_add(checksum_add(checksum_add(0, ip.source.bytes), ip.destination.bytes), tail);
}

}  // namespace

PacketBuilder::Layer& PacketBuilder::add(Kind kind, std::size_t size) {
  layers_.push_back({kind, bytes_.size(), {}, {}, {}});
  bytes_.resize(bytes_.size() + size);
  return layers_.back();
}

PacketBuilder::Layer& PacketBuilder::last(std::initializer_list<Kind> allowed, const char* setter) {
  if (layers_.empty() ||
      std::find(allowed.begin(), allowed.end(), layers_.back().kind) == allowed.end()) {
    throw std::logic_error(std::string(setter) + "(): the last layer has no such field");
  }
  return layers_.back();
}

PacketBuilder& PacketBuilder::ethernet(const MacAddress& destination, const MacAddress& source) {
  auto& h = at<EthernetHeader>(bytes_, add(Kind::kEthernet, sizeof(EthernetHeader)));
  h.destination = destination;
  h.source = source;
  return *this;
}

PacketBuilder& PacketBuilder::vlan(uint16_t id) {
  at<VlanTag>(bytes_, add(Kind::kVlan, sizeof(VlanTag))).tci = id;
  return *this;
}

PacketBuilder& PacketBuilder::arp(uint16_t operation, const MacAddress& sender_mac,
                                  std::string_view sender_ip, const MacAddress& target_mac,
                                  std::string_view target_ip) {
  at<ArpPacket>(bytes_, add(Kind::kArp, sizeof(ArpPacket))) = {
      uint16_t{1}, kEtherTypeIpv4,      6, 4, operation, sender_mac, address4(sender_ip),
      target_mac,  address4(target_ip),
  };
  return *this;
}

PacketBuilder& PacketBuilder::ipv4(std::string_view source, std::string_view destination) {
  auto& h = at<Ipv4Header>(bytes_, add(Kind::kIpv4, sizeof(Ipv4Header)));
  h.version_ihl = 0x45;
  h.ttl = 64;
  h.source = address4(source);
  h.destination = address4(destination);
  return *this;
}

PacketBuilder& PacketBuilder::ipv6(std::string_view source, std::string_view destination) {
  auto& h = at<Ipv6Header>(bytes_, add(Kind::kIpv6, sizeof(Ipv6Header)));
  h.version_class_flow = 0x60000000u;
  h.hop_limit = 64;
  h.next_header = kProtocolNoNext;
  h.source = address6(source);
  h.destination = address6(destination);
  return *this;
}

PacketBuilder& PacketBuilder::udp(uint16_t source_port, uint16_t destination_port) {
  auto& h = at<UdpHeader>(bytes_, add(Kind::kUdp, sizeof(UdpHeader)));
  h.source_port = source_port;
  h.destination_port = destination_port;
  return *this;
}

PacketBuilder& PacketBuilder::gre(const GreFields& fields) {
  const std::size_t count =
      (fields.checksum ? 1u : 0u) + (fields.key ? 1u : 0u) + (fields.sequence ? 1u : 0u);
  const Layer& l = add(Kind::kGre, sizeof(GreHeader) + count * kGreFieldSize);
  at<GreHeader>(bytes_, l).flags =
      static_cast<uint16_t>((fields.checksum ? kGreChecksum : 0) | (fields.key ? kGreKey : 0) |
                            (fields.sequence ? kGreSequence : 0));
  auto* field = reinterpret_cast<Be32*>(bytes_.data() + l.offset + sizeof(GreHeader));
  if (fields.checksum) ++field;
  if (fields.key) *field++ = *fields.key;
  if (fields.sequence) *field = *fields.sequence;
  return *this;
}

PacketBuilder& PacketBuilder::encapsulation_limit(uint8_t value) {
  const uint8_t options[] = {0, 0, kIpv6OptionEncapsulationLimit, 1, value, kIpv6OptionPadN, 1, 0};
  const Layer& l = add(Kind::kOptions, sizeof(options));
  std::copy(std::begin(options), std::end(options), bytes_.begin() + l.offset);
  return *this;
}

PacketBuilder& PacketBuilder::icmpv4(uint8_t type, uint8_t code, uint32_t rest) {
  at<IcmpHeader>(bytes_, add(Kind::kIcmpv4, sizeof(IcmpHeader))) = {type, code, uint16_t{0}, rest};
  return *this;
}

PacketBuilder& PacketBuilder::icmpv6(uint8_t type, uint8_t code, uint32_t rest) {
  at<IcmpHeader>(bytes_, add(Kind::kIcmpv6, sizeof(IcmpHeader))) = {type, code, uint16_t{0}, rest};
  return *this;
}

PacketBuilder& PacketBuilder::echo_request(uint16_t id, uint16_t sequence,
                                           std::size_t payload_bytes) {
  const bool v6 = !layers_.empty() && layers_.back().kind == Kind::kIpv6;
  const uint32_t rest = uint32_t{id} << 16 | sequence;
  v6 ? icmpv6(kIcmpv6EchoRequest, 0, rest) : icmpv4(kIcmpv4EchoRequest, 0, rest);
  return payload(payload_bytes);
}

PacketBuilder& PacketBuilder::neighbor_solicitation(std::string_view target) {
  return icmpv6(kIcmpv6NeighborSolicitation, 0).raw(address6(target).bytes);
}

PacketBuilder& PacketBuilder::neighbor_advertisement(std::string_view target, uint32_t flags) {
  return icmpv6(kIcmpv6NeighborAdvertisement, 0, flags).raw(address6(target).bytes);
}

PacketBuilder& PacketBuilder::link_layer_option(uint8_t type, const MacAddress& mac) {
  const uint8_t option[] = {type, 1, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]};
  return raw(option);
}

PacketBuilder& PacketBuilder::payload(std::size_t count) {
  const std::size_t start = add(Kind::kData, count).offset;
  for (std::size_t i = 0; i < count; ++i) bytes_[start + i] = static_cast<uint8_t>(i);
  return *this;
}

PacketBuilder& PacketBuilder::raw(std::span<const uint8_t> bytes) {
  const std::size_t start = add(Kind::kData, bytes.size()).offset;
  std::copy(bytes.begin(), bytes.end(), bytes_.begin() + start);
  return *this;
}

PacketBuilder& PacketBuilder::ttl(uint8_t value) {
  const Layer& l = last({Kind::kIpv4, Kind::kIpv6}, "ttl");
  l.kind == Kind::kIpv4 ? at<Ipv4Header>(bytes_, l).ttl = value
                        : at<Ipv6Header>(bytes_, l).hop_limit = value;
  return *this;
}

PacketBuilder& PacketBuilder::traffic_class(uint8_t value) {
  const Layer& l = last({Kind::kIpv4, Kind::kIpv6}, "traffic_class");
  if (l.kind == Kind::kIpv4) {
    at<Ipv4Header>(bytes_, l).tos = value;
  } else {
    at<Ipv6Header>(bytes_, l).set_traffic_class(value);
  }
  return *this;
}

PacketBuilder& PacketBuilder::id(uint16_t value) {
  at<Ipv4Header>(bytes_, last({Kind::kIpv4}, "id")).id = value;
  return *this;
}

PacketBuilder& PacketBuilder::dont_fragment() {
  at<Ipv4Header>(bytes_, last({Kind::kIpv4}, "dont_fragment")).flags_fragment = kIpv4DontFragment;
  return *this;
}

PacketBuilder& PacketBuilder::fragment(uint16_t offset_bytes, bool more) {
  at<Ipv4Header>(bytes_, last({Kind::kIpv4}, "fragment")).flags_fragment =
      static_cast<uint16_t>(offset_bytes / 8 | (more ? kIpv4MoreFragments : 0));
  return *this;
}

PacketBuilder& PacketBuilder::options(std::span<const uint8_t> bytes) {
  const Layer& l = last({Kind::kIpv4}, "options");
  if (bytes.size() % 4 != 0 || bytes.size() > 40) throw std::logic_error("options(): bad length");
  at<Ipv4Header>(bytes_, l).version_ihl = static_cast<uint8_t>(0x45 + bytes.size() / 4);
  bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
  return *this;
}

PacketBuilder& PacketBuilder::protocol(uint8_t value) {
  last({Kind::kIpv4, Kind::kIpv6}, "protocol").protocol = value;
  return *this;
}

PacketBuilder& PacketBuilder::version(uint8_t value) {
  const Layer& l = last({Kind::kIpv4, Kind::kIpv6}, "version");
  uint8_t& first = bytes_[l.offset];
  first = static_cast<uint8_t>((first & 0x0f) | value << 4);
  return *this;
}

PacketBuilder& PacketBuilder::length(uint16_t value) {
  last({Kind::kIpv4, Kind::kIpv6, Kind::kUdp}, "length").length = value;
  return *this;
}

PacketBuilder& PacketBuilder::checksum(uint16_t value) {
  last({Kind::kIpv4, Kind::kUdp, Kind::kGre, Kind::kIcmpv4, Kind::kIcmpv6}, "checksum").checksum =
      value;
  return *this;
}

PacketBuilder& PacketBuilder::pad_to(std::size_t frame_bytes) {
  pad_to_ = frame_bytes;
  return *this;
}

void PacketBuilder::finish(Bytes& bytes, std::size_t index) const {
  const Layer& l = layers_[index];
  const Layer* next = index + 1 < layers_.size() ? &layers_[index + 1] : nullptr;
  const Layer* previous = index > 0 ? &layers_[index - 1] : nullptr;
  const auto size = static_cast<uint16_t>(bytes.size() - l.offset);
  const std::span<const uint8_t> whole(bytes.data() + l.offset, size);
  // What the layer before must say about this one, by its kind.
  const auto type_of = [](const Layer* inner) -> uint16_t {
    if (inner == nullptr) return 0;
    switch (inner->kind) {
      case Kind::kVlan:
        return kEtherTypeVlan;
      case Kind::kArp:
        return kEtherTypeArp;
      case Kind::kIpv4:
        return kEtherTypeIpv4;
      case Kind::kIpv6:
        return kEtherTypeIpv6;
      default:
        return 0x88b5;  // local experimental
    }
  };
  const auto protocol_of = [&l, next](uint8_t fallback) -> uint8_t {
    if (l.protocol) return *l.protocol;
    if (next == nullptr) return fallback;
    switch (next->kind) {
      case Kind::kIpv4:
        return 4;
      case Kind::kIpv6:
        return kProtocolIpv6;
      case Kind::kUdp:
        return kProtocolUdp;
      case Kind::kGre:
        return kProtocolGre;
      case Kind::kOptions:
        return kProtocolDestinationOptions;
      case Kind::kIcmpv4:
        return kProtocolIcmpv4;
      case Kind::kIcmpv6:
        return kProtocolIcmpv6;
      default:
        return fallback;
    }
  };
  // Sum of the pseudo header of the IP layer before, if there is one.
  const auto pseudo_sum = [&bytes, previous, size](uint8_t protocol) -> uint64_t {
    if (previous == nullptr) return 0;
    if (previous->kind == Kind::kIpv4) {
      Ipv4Header ip = at<Ipv4Header>(bytes, *previous);
      ip.protocol = protocol;
      return ipv4_pseudo_sum(ip, size);
    }
    if (previous->kind == Kind::kIpv6) {
      const auto& ip = at<Ipv6Header>(bytes, *previous);
      return ipv6_pseudo_sum(ip.source, ip.destination, size, protocol);
    }
    return 0;
  };

  switch (l.kind) {
    case Kind::kEthernet:
      at<EthernetHeader>(bytes, l).type = type_of(next);
      break;
    case Kind::kVlan:
      at<VlanTag>(bytes, l).type = type_of(next);
      break;
    case Kind::kIpv4: {
      auto& h = at<Ipv4Header>(bytes, l);
      h.total_length = l.length.value_or(size);
      h.protocol = protocol_of(kProtocolIpv6);
      h.checksum = uint16_t{0};
      h.checksum = l.checksum ? Be16(*l.checksum)
                              : checksum_finish(checksum_add(
                                    0, whole.first(std::min<std::size_t>(
                                           whole.size(), std::max(20u, h.header_length())))));
      break;
    }
    case Kind::kIpv6: {
      auto& h = at<Ipv6Header>(bytes, l);
      h.payload_length = l.length.value_or(static_cast<uint16_t>(size - sizeof(Ipv6Header)));
      h.next_header = protocol_of(kProtocolNoNext);
      break;
    }
    case Kind::kUdp: {
      auto& h = at<UdpHeader>(bytes, l);
      h.length = l.length.value_or(size);
      h.checksum = uint16_t{0};
      h.checksum = l.checksum ? Be16(*l.checksum)
                              : checksum_finish(checksum_add(pseudo_sum(kProtocolUdp), whole));
      // Zero would say that there is none (RFC 768).
      if (!l.checksum && h.checksum.raw() == 0) h.checksum = uint16_t{0xffff};
      break;
    }
    case Kind::kGre: {
      auto& h = at<GreHeader>(bytes, l);
      h.protocol = type_of(next);
      if ((h.flags.value() & kGreChecksum) == 0) break;
      auto& field = *reinterpret_cast<Be16*>(bytes.data() + l.offset + sizeof(GreHeader));
      field = uint16_t{0};
      field = l.checksum ? Be16(*l.checksum) : checksum_finish(checksum_add(0, whole));
      break;
    }
    case Kind::kOptions:
      at<Ipv6OptionsHeader>(bytes, l).next_header = protocol_of(kProtocolNoNext);
      break;
    case Kind::kIcmpv4: {
      auto& h = at<IcmpHeader>(bytes, l);
      h.checksum = l.checksum ? Be16(*l.checksum) : checksum_finish(checksum_add(0, whole));
      break;
    }
    case Kind::kIcmpv6: {
      auto& h = at<IcmpHeader>(bytes, l);
      h.checksum = l.checksum ? Be16(*l.checksum)
                              : checksum_finish(checksum_add(pseudo_sum(kProtocolIcmpv6), whole));
      break;
    }
    case Kind::kArp:
    case Kind::kData:
      break;
  }
}

Bytes PacketBuilder::build() const {
  Bytes bytes = bytes_;
  for (std::size_t i = layers_.size(); i-- > 0;) finish(bytes, i);
  if (bytes.size() < pad_to_) bytes.resize(pad_to_);
  return bytes;
}

}  // namespace simplon::test
