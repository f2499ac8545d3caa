// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What the client demands of an IPv6 packet that came out of the tunnel, before the kernel sees it,
// and why a packet from the PoP was not taken. Any thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/net/address.h"
#include "dataplane/net/ecn.h"

namespace simplon::client {

enum class Refusal : uint8_t {
  kNone,
  kNotFromPop,   // outer source
  kTooShort,     // for its headers
  kNotAyiya,     // first bytes, operation or next header
  kIdentity,     // not the PoP's
  kClock,        // more than 120 s apart
  kSignature,    // of another password
  kNotIpv6,      // inside
  kInnerLength,  // does not fit what carried it
  kInnerSource,  // ours, or nobody's
  kInnerDestination,
  kCongestion,  // outer mark on a packet that cannot carry it (RFC 6040 4.2)
};
inline constexpr std::size_t kRefusals = static_cast<std::size_t>(Refusal::kCongestion) + 1;

// What is wrong, for people, as the end of a sentence: "packets from the PoP ...". With what to do,
// where there is something.
std::string_view explain(Refusal refusal);

struct Opened {
  Refusal refusal = Refusal::kNone;
  // The inner packet, in the buffer of the outer one; empty: there was none to deliver.
  std::span<uint8_t> packet;
  // kClock: how many seconds the PoP's clock is ahead of ours.
  int32_t skew_s = 0;
};

// May the packet that `carried` begins with be handed to the kernel? `client`: our own address
// inside, which only somebody who lies sends from. What is behind the packet's end is cut off.
Opened open_inner(std::span<uint8_t> carried, const Ipv6Address& client);

// Moves the outer header's mark into the inner one; false: the packet must not be delivered.
bool take_congestion_mark(std::span<uint8_t> packet, uint8_t outer_tos);

// TOS of the outer header that carries `packet`, a whole IPv6 packet: its ECN field and no DSCP
// (docs/protocols.md §2.3, normal mode).
uint8_t outer_tos_for(std::span<const uint8_t> packet);

// Is it worth sending? Not IPv6, or for neighbours on a link that the tunnel has none of.
bool is_for_the_tunnel(std::span<const uint8_t> packet);

}  // namespace simplon::client
