// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pipeline/encapsulation_limit.h"

#include <span>

namespace simplon {
namespace {

// Longer chains nobody sends in good faith (RFC 8504 5.3).
constexpr unsigned kMaxHeaders = 8;

bool has_options_layout(uint8_t protocol) {
  return protocol == kProtocolHopByHop || protocol == kProtocolRouting ||
         protocol == kProtocolDestinationOptions;
}

// Offset of the value in a destination options header, 0 for none.
std::size_t find_in_options(std::span<const uint8_t> header) {
  std::size_t at = sizeof(Ipv6OptionsHeader);
  while (at < header.size()) {
    if (header[at] == kIpv6OptionPad1) {
      ++at;
      continue;
    }
    if (at + 2 > header.size() || at + 2 + header[at + 1] > header.size()) break;
    if (header[at] == kIpv6OptionEncapsulationLimit && header[at + 1] == 1) return at + 2;
    at += std::size_t{header[at + 1]} + 2;
  }
  return 0;
}

[[gnu::noinline]] std::optional<EncapsulationLimit> walk(std::span<const uint8_t> packet,
                                                         uint8_t protocol) {
  std::size_t at = sizeof(Ipv6Header);
  for (unsigned n = 0; n < kMaxHeaders && has_options_layout(protocol); ++n) {
    if (packet.size() - at < kIpv6OptionsUnit) break;
    const auto* header = reinterpret_cast<const Ipv6OptionsHeader*>(&packet[at]);
    if (header->size() > packet.size() - at) break;
    if (protocol == kProtocolDestinationOptions) {
      const std::size_t value = find_in_options(packet.subspan(at, header->size()));
      if (value != 0)
        return EncapsulationLimit{packet[at + value], static_cast<uint16_t>(at + value)};
    }
    protocol = header->next_header;
    at += header->size();
  }
  return std::nullopt;
}

}  // namespace

std::optional<EncapsulationLimit> find_encapsulation_limit(const Packet& packet) {
  const uint8_t protocol = packet.at<Ipv6Header>(packet.inner)->next_header;
  if (!has_options_layout(protocol)) [[likely]]
    return std::nullopt;
  return walk({packet.at<uint8_t>(packet.inner), packet.inner_length}, protocol);
}

}  // namespace simplon
