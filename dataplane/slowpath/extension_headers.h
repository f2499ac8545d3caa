// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The chain of IPv6 extension headers (RFC 8200 4, docs/protocols.md §4.7). Never reads past the
// packet, never more than kMaxExtensionHeaders. Any thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace simplon {

// Longer chains are dropped: nobody sends them in good faith (RFC 8504 5.3).
inline constexpr unsigned kMaxExtensionHeaders = 8;

inline constexpr uint8_t kProtocolAuthentication = 51;

// `offset` may equal the packet's length. `later_fragment`: what stands there is not the beginning
// of the upper layer.
struct UpperLayer {
  uint8_t protocol = 0;
  std::size_t offset = 0;
  bool later_fragment = false;
};

// What a packet in transit carries, for the rules of RFC 4443 2.4(e). `packet` begins with its IPv6
// header, 40 bytes at least. Nothing if the chain is cut off or too long.
std::optional<UpperLayer> find_upper_layer(std::span<const uint8_t> packet);

// The chain of a packet addressed to the PoP, processed as its destination must.
struct DeliveredChain {
  enum class Verdict : uint8_t {
    kDeliver,
    kDiscard,           // silently
    kParameterProblem,  // discard, and say so (RFC 4443 3.4)
  };
  Verdict verdict = Verdict::kDiscard;
  uint8_t code = 0;      // of the parameter problem
  uint32_t pointer = 0;  // of the parameter problem
  // Of kParameterProblem: owed for a multicast destination too (RFC 4443 2.4(e.3)).
  bool even_multicast = false;

  uint8_t protocol = 0;       // of kDeliver
  std::size_t offset = 0;     // of kDeliver
  bool had_fragment = false;  // of kDeliver: behind an atomic fragment header (RFC 6946)
};

DeliveredChain process_chain(std::span<const uint8_t> packet);

}  // namespace simplon
