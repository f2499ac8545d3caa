// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Whose outer packet an ICMP error is about (docs/protocols.md §5.2). Nothing is changed by such an
// error, however it came about: anybody can forge one. Slow-path thread.

#pragma once

#include <cstdint>
#include <span>

#include "dataplane/slowpath/owners.h"

namespace simplon {

struct Quote {
  bool ours = false;  // a tunnel packet that one of our addresses sent
  // The tunnel it was sent for; kNoSlot: not known, or it may be one of several.
  uint32_t slot = kNoSlot;
};

// `quoted`: what stands behind the ICMP header, from an IPv4 header (in ICMPv4) or an IPv6 header.
Quote read_quote(const ForwardingTable& table, const Owners& owners,
                 std::span<const uint8_t> quoted);

}  // namespace simplon
