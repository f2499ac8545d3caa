// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What the ICMPv4 messages the PoP makes have in common (RFC 792, RFC 1812 4.3.2). Any thread.

#pragma once

#include <cstddef>
#include <cstdint>

#include "dataplane/net/checksum.h"
#include "dataplane/net/headers.h"

namespace simplon {

inline constexpr uint8_t kIcmpv4SourceQuench = 4;
inline constexpr uint8_t kIcmpv4Redirect = 5;
inline constexpr uint8_t kIcmpv4TimeExceeded = 11;
inline constexpr uint8_t kIcmpv4ParameterProblem = 12;

// RFC 1812 4.3.2.5: errors go with precedence internetwork control.
inline constexpr uint8_t kIcmpv4ErrorTos = 0xc0;
// RFC 1812 4.3.2.3: quote as much as fits into a datagram of 576 bytes.
inline constexpr std::size_t kIcmpv4ErrorMaximum = 576;

constexpr bool is_icmpv4_error(uint8_t type) {
  return type == kIcmpv4Unreachable || type == kIcmpv4SourceQuench || type == kIcmpv4Redirect ||
         type == kIcmpv4TimeExceeded || type == kIcmpv4ParameterProblem;
}

// Atomic: identification 0 and DF (RFC 6864 4.1).
inline Ipv4Header make_icmpv4_header(std::size_t total, uint8_t tos, Ipv4Address source,
                                     Ipv4Address destination) {
  constexpr uint8_t kTtl = 64;
  Ipv4Header header{
      .version_ihl = 0x45,
      .tos = tos,
      .total_length = static_cast<uint16_t>(total),
      .id = uint16_t{0},
      .flags_fragment = kIpv4DontFragment,
      .ttl = kTtl,
      .protocol = kProtocolIcmpv4,
      .checksum = uint16_t{0},
      .source = source,
      .destination = destination,
  };
  header.checksum = ipv4_header_checksum(header);
  return header;
}

}  // namespace simplon
