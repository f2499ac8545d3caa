// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Builds frames for tests, from the outside in:
//
//   PacketBuilder().ethernet(to, from).ipv4("198.51.100.10", "192.0.2.1").ttl(64)
//       .ipv6("2001:db8:1000::5", "2001:db8:aaaa::1").echo_request(1, 2, 100).build();
//
// Lengths, protocol numbers and checksums are filled in by build(), the innermost layer first,
// except for those a setter has fixed: that is how wrong ones are made. Setters change the layer
// added last; using one on a layer that has no such field is an error of the test
// (std::logic_error).

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "dataplane/net/headers.h"

namespace simplon::test {

using Bytes = std::vector<uint8_t>;

class PacketBuilder {
 public:
  // Layers.
  PacketBuilder& ethernet(const MacAddress& destination, const MacAddress& source);
  PacketBuilder& vlan(uint16_t id);
  PacketBuilder& arp(uint16_t operation, const MacAddress& sender_mac, std::string_view sender_ip,
                     const MacAddress& target_mac, std::string_view target_ip);
  PacketBuilder& ipv4(std::string_view source, std::string_view destination);
  PacketBuilder& ipv6(std::string_view source, std::string_view destination);
  PacketBuilder& udp(uint16_t source_port, uint16_t destination_port);
  // RFC 2784 and RFC 2890: flags follow from what is there.
  struct GreFields {
    bool checksum = false;
    std::optional<uint32_t> key = {};
    std::optional<uint32_t> sequence = {};
  };
  PacketBuilder& gre(const GreFields& fields);
  PacketBuilder& gre() { return gre(GreFields{}); }
  // Destination options with a tunnel encapsulation limit (RFC 2473), as Linux has them before what
  // it puts into IPv6. The layer before must be IPv6.
  PacketBuilder& encapsulation_limit(uint8_t value);
  PacketBuilder& icmpv4(uint8_t type, uint8_t code, uint32_t rest = 0);
  PacketBuilder& icmpv6(uint8_t type, uint8_t code, uint32_t rest = 0);
  PacketBuilder& echo_request(uint16_t id, uint16_t sequence, std::size_t payload_bytes);
  // Target and options of a neighbour solicitation or advertisement.
  PacketBuilder& neighbor_solicitation(std::string_view target);
  PacketBuilder& neighbor_advertisement(std::string_view target, uint32_t flags);
  PacketBuilder& link_layer_option(uint8_t type, const MacAddress& mac);
  // `count` bytes 0, 1, 2 ...
  PacketBuilder& payload(std::size_t count);
  PacketBuilder& raw(std::span<const uint8_t> bytes);

  // Fields of the layer added last.
  PacketBuilder& ttl(uint8_t value);            // hop limit of IPv6
  PacketBuilder& traffic_class(uint8_t value);  // TOS of IPv4
  PacketBuilder& id(uint16_t value);
  PacketBuilder& dont_fragment();
  PacketBuilder& fragment(uint16_t offset_bytes, bool more);
  PacketBuilder& options(std::span<const uint8_t> bytes);  // IPv4; a multiple of 4
  PacketBuilder& protocol(uint8_t value);                  // next header of IPv6
  PacketBuilder& version(uint8_t value);
  PacketBuilder& length(uint16_t value);    // IPv4 total length, IPv6 payload length, UDP length
  PacketBuilder& checksum(uint16_t value);  // IPv4, UDP, ICMP, GRE that has one

  // Zero bytes behind everything, outside all lengths.
  PacketBuilder& pad_to(std::size_t frame_bytes);

  Bytes build() const;

 private:
  enum class Kind : uint8_t {
    kEthernet,
    kVlan,
    kArp,
    kIpv4,
    kIpv6,
    kUdp,
    kGre,
    kOptions,
    kIcmpv4,
    kIcmpv6,
    kData
  };
  struct Layer {
    Kind kind;
    std::size_t offset;
    std::optional<uint16_t> length, checksum;
    std::optional<uint8_t> protocol;
  };

  Layer& add(Kind kind, std::size_t size);
  Layer& last(std::initializer_list<Kind> allowed, const char* setter);
  template <typename Header>
  static Header& at(Bytes& bytes, const Layer& layer) {
    return *reinterpret_cast<Header*>(bytes.data() + layer.offset);
  }
  void finish(Bytes& bytes, std::size_t index) const;

  Bytes bytes_;
  std::vector<Layer> layers_;
  std::size_t pad_to_ = 0;
};

}  // namespace simplon::test
