// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The outermost IP header of a packet the slow path was given, whichever version. Any thread.

#pragma once

#include <optional>
#include <span>

#include "dataplane/pipeline/packet.h"
#include "dataplane/state/tunnel_runtime.h"

namespace simplon {

struct OuterHeader {
  Ipv6Address source;       // IPv4-mapped for IPv4
  Ipv6Address destination;  // the same
  uint8_t protocol = 0;     // of IPv6: next header
  std::size_t length = 0;   // of the packet by its own length field
};

// The IP packet at `packet.network`, header and length inside the buffer; else nothing.
std::optional<OuterHeader> outer_header(const Packet& packet);

// The UDP datagram at `packet.transport`, inside its IP packet; else nothing.
struct Datagram {
  uint16_t source_port = 0;
  uint16_t destination_port = 0;
  std::span<const uint8_t> payload;
};
std::optional<Datagram> udp_datagram(const Packet& packet);

// Does it come from where the tunnel ends: address, and in AYIYA port.
bool came_from(const Packet& packet, const Endpoint& endpoint);

}  // namespace simplon
