// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/extension_headers.h"

#include "dataplane/net/headers.h"

namespace simplon {
namespace {

// Offsets in the fixed header.
constexpr std::size_t kNextHeaderOffset = 6;

constexpr uint8_t kProblemField = 0;
constexpr uint8_t kProblemNextHeader = 1;
constexpr uint8_t kProblemOption = 2;

constexpr uint8_t kOptionPad1 = 0;
constexpr uint8_t kOptionPadN = 1;

struct FragmentHeader {
  uint8_t next_header;
  uint8_t reserved;
  Be16 offset_more;  // 13 bits offset in units of 8 bytes, 2 reserved, M

  bool is_later() const { return (offset_more.value() & 0xfff8) != 0; }
  bool is_atomic() const { return (offset_more.value() & 0xfff9) == 0; }
};

bool is_extension(uint8_t protocol) {
  return protocol == kProtocolHopByHop || protocol == kProtocolRouting ||
         protocol == kProtocolFragment || protocol == kProtocolDestinationOptions ||
         protocol == kProtocolAuthentication;
}

// Bytes of the extension header at the start of `rest`, or 0 if it is cut off.
std::size_t extension_length(uint8_t protocol, std::span<const uint8_t> rest) {
  if (rest.size() < 8) return 0;
  std::size_t length = 8;
  if (protocol == kProtocolAuthentication) {
    length = (std::size_t{rest[1]} + 2) * 4;  // RFC 4302 2.2
    if (length < 12) return 0;
  } else if (protocol != kProtocolFragment) {
    length = (std::size_t{rest[1]} + 1) * 8;
  }
  return length <= rest.size() ? length : 0;
}

DeliveredChain problem(uint8_t code, std::size_t pointer, bool even_multicast = false) {
  DeliveredChain chain;
  chain.verdict = DeliveredChain::Verdict::kParameterProblem;
  chain.code = code;
  chain.pointer = static_cast<uint32_t>(pointer);
  chain.even_multicast = even_multicast;
  return chain;
}

// The options of one hop-by-hop or destination options header that stands at `at`. Nothing: go on.
std::optional<DeliveredChain> process_options(std::span<const uint8_t> packet, std::size_t at,
                                              std::size_t length) {
  const std::size_t end = at + length;
  for (std::size_t o = at + 2; o < end;) {
    const uint8_t type = packet[o];
    if (type == kOptionPad1) {
      ++o;
      continue;
    }
    if (end - o < 2 || packet[o + 1] > end - o - 2) return DeliveredChain{};
    if (type != kOptionPadN) {
      // No option asks anything of a host that only answers; the upper bits say what to do with
      // those it does not know (RFC 8200 4.2).
      switch (type >> 6) {
        case 0:
          break;
        case 1:
          return DeliveredChain{};
        case 2:
          return problem(kProblemOption, o, true);
        default:
          return problem(kProblemOption, o);
      }
    }
    o += std::size_t{packet[o + 1]} + 2;
  }
  return std::nullopt;
}

}  // namespace

std::optional<UpperLayer> find_upper_layer(std::span<const uint8_t> packet) {
  UpperLayer found{packet[kNextHeaderOffset], sizeof(Ipv6Header)};
  for (unsigned n = 0; is_extension(found.protocol); ++n) {
    if (n == kMaxExtensionHeaders) return std::nullopt;
    const auto rest = packet.subspan(found.offset);
    const std::size_t length = extension_length(found.protocol, rest);
    if (length == 0) return std::nullopt;
    const bool fragment = found.protocol == kProtocolFragment;
    found.protocol = rest[0];
    found.offset += length;
    if (fragment && reinterpret_cast<const FragmentHeader*>(rest.data())->is_later()) {
      found.later_fragment = true;
      return found;
    }
  }
  return found;
}

DeliveredChain process_chain(std::span<const uint8_t> packet) {
  DeliveredChain chain;
  chain.verdict = DeliveredChain::Verdict::kDeliver;
  chain.protocol = packet[kNextHeaderOffset];
  chain.offset = sizeof(Ipv6Header);
  std::size_t named_at = kNextHeaderOffset;  // the field that named chain.protocol
  for (unsigned n = 0; is_extension(chain.protocol); ++n) {
    const std::size_t at = chain.offset;
    const auto rest = packet.subspan(at);
    const std::size_t length = extension_length(chain.protocol, rest);
    if (n == kMaxExtensionHeaders || length == 0) return {};
    if (chain.protocol == kProtocolHopByHop || chain.protocol == kProtocolDestinationOptions) {
      if (chain.protocol == kProtocolHopByHop && n != 0) {
        return problem(kProblemNextHeader, named_at);
      }
      if (const auto refused = process_options(packet, at, length)) return *refused;
    } else if (chain.protocol == kProtocolRouting) {
      // No routing type is served. With segments left it must be refused at the type's byte (RFC
      // 8200 4.4, and RFC 5095 3 for type 0), without it is as if absent.
      if (rest[3] != 0) return problem(kProblemField, at + 2);
    } else if (chain.protocol == kProtocolFragment) {
      if (!reinterpret_cast<const FragmentHeader*>(rest.data())->is_atomic()) return {};
      chain.had_fragment = true;
    }
    named_at = at;
    chain.protocol = rest[0];
    chain.offset += length;
  }
  return chain;
}

}  // namespace simplon
