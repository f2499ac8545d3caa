// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Neighbour solicitations and advertisements (RFC 4861 4.3, 4.4): layout, checks, making. Any
// thread.

#pragma once

#include <optional>
#include <span>

#include "dataplane/net/headers.h"
#include "dataplane/pipeline/packet.h"

namespace simplon {

struct NeighborMessage {
  uint8_t type;
  uint8_t code;
  Be16 checksum;
  Be32 flags;
  Ipv6Address target;
};
static_assert(sizeof(NeighborMessage) == 24 && alignof(NeighborMessage) == 1);

inline constexpr uint32_t kNdRouter = 0x80000000;
inline constexpr uint32_t kNdSolicited = 0x40000000;
inline constexpr uint32_t kNdOverride = 0x20000000;

inline constexpr uint8_t kNdHopLimit = 255;

struct NeighborDiscovery {
  uint32_t flags = 0;
  Ipv6Address target;
  std::optional<MacAddress> source_mac;  // source link-layer address option
  std::optional<MacAddress> target_mac;  // target link-layer address option
};

// ff02::1:ffXX:XXXX (RFC 4291 2.7.1).
Ipv6Address solicited_node_group(const Ipv6Address& target);

inline constexpr Ipv6Address kAllNodes = Ipv6Address::from_halves(0xff02'0000'0000'0000, 1);

// The checks of RFC 4861 7.1.1 and 7.1.2, checksum apart. `message` is the ICMPv6 message. Nothing:
// to be discarded.
std::optional<NeighborDiscovery> parse_solicitation(const Ipv6Header& ip,
                                                    std::span<const uint8_t> message);
std::optional<NeighborDiscovery> parse_advertisement(const Ipv6Header& ip,
                                                     std::span<const uint8_t> message);

// Writes a whole IPv6 packet to the start of an empty buffer; `mac`, if any, as the link-layer
// address option that goes with the type.
void make_neighbor_message(Packet& packet, const Ipv6Address& source,
                           const Ipv6Address& destination, uint8_t type, uint32_t flags,
                           const Ipv6Address& target, const std::optional<MacAddress>& mac);

}  // namespace simplon
