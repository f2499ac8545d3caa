// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Frames the slow path addresses itself: answers to the station that asked, and the messages of ARP
// and neighbour discovery. Everything else leaves through the pipeline.

#pragma once

#include <cstdint>

#include "dataplane/pipeline/link_table.h"
#include "dataplane/pipeline/packet.h"

namespace simplon {

inline constexpr MacAddress kBroadcastMac{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

// Ethernet without its frame check sequence; what is shorter is padded.
inline constexpr std::size_t kMinimumFrame = 60;

inline bool is_group_mac(const MacAddress& mac) {
  return (mac[0] & 1) != 0;
}

// A station's address: neither a group's nor all zeros.
bool is_station_mac(const MacAddress& mac);

// RFC 2464 7: 33:33 and the last four bytes of the group.
MacAddress multicast_mac(const Ipv6Address& group);

// Puts the link header of `link` before what stands at `packet.network`, in place of whatever
// stands there, pads a short frame and sets the port. Needs link.link_header() bytes before
// `packet.network`, headroom included.
void frame(Packet& packet, const LinkInterface& link, const MacAddress& destination,
           uint16_t ether_type);

}  // namespace simplon
