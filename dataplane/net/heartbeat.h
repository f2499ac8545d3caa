// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The heartbeat datagram (docs/protocols.md §7.1). Parsing neither allocates nor copies the text.
// Any thread.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "dataplane/net/address.h"

namespace simplon {

inline constexpr uint16_t kHeartbeatPort = 3740;
inline constexpr std::size_t kHeartbeatMaximum = 255;  // bytes of UDP payload
inline constexpr std::size_t kMd5Size = 16;

struct Heartbeat {
  Ipv6Address identity;
  // The address the client says it sends from, IPv4-mapped for IPv4; unspecified: it said
  // "sender".
  Ipv6Address sender;
  uint64_t epoch = 0;  // seconds since 1970, as written
  // From the first byte to the space before the digest, as sent: this and the password are hashed.
  // Points into the datagram.
  std::string_view signed_text;
  std::array<uint8_t, kMd5Size> digest{};
};

// Nothing: no heartbeat. `datagram`: the UDP payload.
std::optional<Heartbeat> parse_heartbeat(std::span<const uint8_t> datagram);

// How far the client's clock is ahead of `now_s`, seconds since 1970. Clients with clocks of 32
// bits are compared modulo 2^32, so that their wrap in 2106 does no harm.
constexpr int64_t heartbeat_skew(uint64_t epoch, uint64_t now_s) {
  if (epoch >> 32 == 0) {
    return static_cast<int32_t>(static_cast<uint32_t>(epoch) - static_cast<uint32_t>(now_s));
  }
  return static_cast<int64_t>(epoch - now_s);
}

}  // namespace simplon
