// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The Internet checksum (RFC 1071). Sums are kept in the byte order of memory, which the one's
// complement sum allows, so nothing is swapped. Any thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "dataplane/net/headers.h"

namespace simplon {

// Adds the bytes to a running sum. Only the last span of a packet may have an odd length.
uint64_t checksum_add(uint64_t sum, std::span<const uint8_t> bytes);

constexpr uint16_t checksum_fold(uint64_t sum) {
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffffffff) + (sum >> 32);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

// The field to write for a sum over the packet with a zero checksum field.
inline Be16 checksum_finish(uint64_t sum) {
  return Be16::from_raw(static_cast<uint16_t>(~checksum_fold(sum)));
}

// Checksum field for a header of 20 bytes without options, whatever the field holds now. Summed
// from the fields as values: loading words over fields just stored would stall on store forwarding.
inline Be16 ipv4_header_checksum(const Ipv4Header& h) {
  uint64_t sum = h.version_ihl | uint32_t{h.tos} << 8;
  sum += uint32_t{h.total_length.raw()} + h.id.raw() + h.flags_fragment.raw();
  sum += h.ttl | uint32_t{h.protocol} << 8;
  sum += uint64_t{h.source.raw()} + h.destination.raw();
  return checksum_finish(sum);
}

// True if a received header without options sums up.
inline bool ipv4_header_valid(const Ipv4Header& h) {
  uint32_t w[5];
  std::memcpy(w, &h, sizeof(w));
  return checksum_fold(uint64_t{w[0]} + w[1] + w[2] + w[3] + w[4]) == 0xffff;
}

// True if a received header (20..60 bytes, options included) sums up.
inline bool ipv4_header_valid(std::span<const uint8_t> header) {
  return checksum_fold(checksum_add(0, header)) == 0xffff;
}

// Sum of the pseudo header of RFC 8200 8.1. `length` is that of the upper-layer packet.
uint64_t ipv6_pseudo_sum(const Ipv6Address& source, const Ipv6Address& destination, uint32_t length,
                         uint8_t protocol);

// The same of IPv4 (RFC 768).
uint64_t ipv4_pseudo_sum(Ipv4Address source, Ipv4Address destination, uint16_t length,
                         uint8_t protocol);

// The field after a word that it covers has changed (RFC 1624 equation 3).
inline Be16 checksum_adjust(Be16 field, Be16 before, Be16 after) {
  return checksum_finish(uint64_t{static_cast<uint16_t>(~field.raw())} +
                         static_cast<uint16_t>(~before.raw()) + after.raw());
}

// Over a whole ICMPv6 message whose checksum field is as received: true if it sums up.
bool icmpv6_valid(const Ipv6Header& ip, std::span<const uint8_t> message);
// The field for a message whose checksum field is zero.
Be16 icmpv6_checksum(const Ipv6Header& ip, std::span<const uint8_t> message);

}  // namespace simplon
