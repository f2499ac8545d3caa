// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// An ICMPv6 echo request (RFC 4443 section 4.1) from one end of a tunnel to the other, made by hand
// for those who encapsulate it themselves.

#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/net/address.h"
#include "dataplane/net/headers.h"

namespace simplon::client {

struct EchoPacket {
  Ipv6Header ip;
  IcmpHeader icmp;  // `rest`: identifier and sequence number
  std::array<uint8_t, 16> data;
};
static_assert(sizeof(EchoPacket) == 64);

inline std::span<const uint8_t> bytes_of(const EchoPacket& packet) {
  return {reinterpret_cast<const uint8_t*>(&packet), sizeof packet};
}

// `source`, `destination`: inner addresses.
EchoPacket make_echo_request(const Ipv6Address& source, const Ipv6Address& destination,
                             Be32 identifier_and_sequence, const std::array<uint8_t, 16>& data);

}  // namespace simplon::client
