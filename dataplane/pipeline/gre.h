// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// GRE headers (RFC 2784, RFC 2890, docs/protocols.md §11.1). Internal to the pipeline.

#pragma once

#include <bit>
#include <cstdint>
#include <optional>

#include "dataplane/net/headers.h"
#include "proto/link/snapshot_format.h"

namespace simplon {

constexpr std::size_t gre_header_size(uint16_t flags) {
  const unsigned fields =
      std::popcount(static_cast<unsigned>(flags & (kGreChecksum | kGreKey | kGreSequence)));
  return sizeof(GreHeader) + fields * kGreFieldSize;
}

// Flags of the header the PoP sends.
constexpr uint16_t gre_flags(const TunnelSlot& slot) {
  return static_cast<uint16_t>(((slot.flags & kTunnelGreChecksum) != 0 ? kGreChecksum : 0) |
                               ((slot.flags & kTunnelGreKey) != 0 ? kGreKey : 0) |
                               ((slot.flags & kTunnelGreSequence) != 0 ? kGreSequence : 0));
}

// Of a header that has been found complete.
inline std::optional<uint32_t> gre_key(const uint8_t* header) {
  const uint16_t flags = reinterpret_cast<const GreHeader*>(header)->flags.value();
  if ((flags & kGreKey) == 0) return std::nullopt;
  const std::size_t before =
      sizeof(GreHeader) + ((flags & kGreChecksum) != 0 ? kGreFieldSize : std::size_t{0});
  return reinterpret_cast<const Be32*>(header + before)->value();
}

}  // namespace simplon
