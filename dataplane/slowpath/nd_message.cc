// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/nd_message.h"

#include "dataplane/net/checksum.h"
#include "dataplane/slowpath/link_frame.h"

namespace simplon {
namespace {

constexpr uint8_t kOptionSourceMac = 1;
constexpr uint8_t kOptionTargetMac = 2;

struct LinkLayerOption {
  uint8_t type;
  uint8_t length;  // in units of 8 bytes
  MacAddress mac;
};
static_assert(sizeof(LinkLayerOption) == 8);

bool parse_options(std::span<const uint8_t> options, NeighborDiscovery& found) {
  while (!options.empty()) {
    if (options.size() < 2) return false;
    const std::size_t length = std::size_t{options[1]} * 8;
    if (length == 0 || length > options.size()) return false;  // RFC 4861 4.6
    const uint8_t type = options[0];
    if ((type == kOptionSourceMac || type == kOptionTargetMac) && length == 8) {
      const MacAddress mac = reinterpret_cast<const LinkLayerOption*>(options.data())->mac;
      // A group's address here would make the PoP multiply packets.
      if (!is_station_mac(mac)) return false;
      (type == kOptionSourceMac ? found.source_mac : found.target_mac) = mac;
    }
    options = options.subspan(length);
  }
  return true;
}

std::optional<NeighborDiscovery> parse(const Ipv6Header& ip, std::span<const uint8_t> message) {
  if (message.size() < sizeof(NeighborMessage) || ip.hop_limit != kNdHopLimit) return std::nullopt;
  const auto* header = reinterpret_cast<const NeighborMessage*>(message.data());
  if (header->code != 0 || header->target.is_multicast()) return std::nullopt;
  NeighborDiscovery found;
  found.flags = header->flags.value();
  found.target = header->target;
  if (!parse_options(message.subspan(sizeof(NeighborMessage)), found)) return std::nullopt;
  return found;
}

}  // namespace

Ipv6Address solicited_node_group(const Ipv6Address& target) {
  return Ipv6Address::from_halves(0xff02'0000'0000'0000, 0x1'ff00'0000 | (target.lo() & 0xffffff));
}

std::optional<NeighborDiscovery> parse_solicitation(const Ipv6Header& ip,
                                                    std::span<const uint8_t> message) {
  auto found = parse(ip, message);
  if (found && ip.source.is_unspecified() &&
      (ip.destination != solicited_node_group(found->target) || found->source_mac)) {
    return std::nullopt;
  }
  return found;
}

std::optional<NeighborDiscovery> parse_advertisement(const Ipv6Header& ip,
                                                     std::span<const uint8_t> message) {
  auto found = parse(ip, message);
  if (found && ip.destination.is_multicast() && (found->flags & kNdSolicited) != 0) {
    return std::nullopt;
  }
  return found;
}

void make_neighbor_message(Packet& packet, const Ipv6Address& source,
                           const Ipv6Address& destination, uint8_t type, uint32_t flags,
                           const Ipv6Address& target, const std::optional<MacAddress>& mac) {
  const std::size_t size = sizeof(NeighborMessage) + (mac ? sizeof(LinkLayerOption) : 0);
  const std::size_t total = sizeof(Ipv6Header) + size;
  packet.length = static_cast<uint16_t>(total);
  packet.tailroom = static_cast<uint16_t>(packet.tailroom - total);
  packet.network = 0;
  packet.inner = 0;
  packet.inner_length = static_cast<uint16_t>(total);
  auto* ip = packet.at<Ipv6Header>(0);
  *ip = {
      .version_class_flow = uint32_t{6} << 28,
      .payload_length = static_cast<uint16_t>(size),
      .next_header = kProtocolIcmpv6,
      .hop_limit = kNdHopLimit,
      .source = source,
      .destination = destination,
  };
  auto* message = packet.at<NeighborMessage>(sizeof(Ipv6Header));
  *message = {.type = type, .code = 0, .checksum = uint16_t{0}, .flags = flags, .target = target};
  if (mac) {
    *packet.at<LinkLayerOption>(sizeof(Ipv6Header) + sizeof(NeighborMessage)) = {
        .type = type == kIcmpv6NeighborSolicitation ? kOptionSourceMac : kOptionTargetMac,
        .length = 1,
        .mac = *mac};
  }
  message->checksum = icmpv6_checksum(*ip, {packet.at<uint8_t>(sizeof(Ipv6Header)), size});
}

}  // namespace simplon
