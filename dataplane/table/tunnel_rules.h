// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What the kinds of tunnels can do and what they cost. One definition for the configuration's
// checks and the snapshot's. Any thread.

#pragma once

#include <cstdint>

#include "proto/link/snapshot_format.h"

namespace simplon {

inline constexpr uint32_t kCommonLinkMtu = 1500;
inline constexpr uint32_t kMinTunnelMtu = 1280;  // RFC 8200 section 5

inline constexpr uint32_t kMinBeatTimeout = 10;  // seconds
inline constexpr uint32_t kMaxBeatTimeout = 3600;

// Kinds through which IPv4 can be carried, so that they may own IPv4 prefixes.
constexpr bool carries_ipv4(TunnelKind k) {
  return takes_ayiya(k) || k == TunnelKind::kGre || k == TunnelKind::kIpv6Tunnel;
}

// Bytes of all headers outside the inner packet. Of a dynamic tunnel: the least it can have, as its
// endpoint may change (docs/protocols.md §10.2).
constexpr uint32_t outer_overhead(const TunnelSlot& slot, bool ipv6_remote) {
  constexpr uint32_t kIpv4 = 20;
  constexpr uint32_t kIpv6 = 40;
  switch (static_cast<TunnelKind>(slot.kind)) {
    case TunnelKind::kUnused:
    case TunnelKind::kProto41:
    case TunnelKind::kHeartbeat:
    case TunnelKind::kDynamic:
      return kIpv4;
    case TunnelKind::kAyiya:
      return kIpv4 + 8 + 44;  // UDP, AYIYA with SHA-1
    case TunnelKind::kGre: {
      uint32_t gre = 4;
      for (const uint8_t option : {kTunnelGreKey, kTunnelGreChecksum, kTunnelGreSequence}) {
        if ((slot.flags & option) != 0) gre += 4;
      }
      return (ipv6_remote ? kIpv6 : kIpv4) + gre;
    }
    case TunnelKind::kIpv6Tunnel:
      return kIpv6 + (slot.encapsulation_limit != 0 ? 8 : 0);
  }
  return kIpv4;
}

}  // namespace simplon
