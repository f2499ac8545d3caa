// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// IPv4 options (RFC 791 3.1), of outer and inner headers alike. Internal to the pipeline.

#pragma once

#include <cstdint>
#include <span>

namespace simplon {

enum class Ipv4Options : uint8_t { kFine, kSourceRoute, kMalformed };

// `options`: what is between the first 20 bytes and the header length.
inline Ipv4Options check_ipv4_options(std::span<const uint8_t> options) {
  constexpr uint8_t kEnd = 0;
  constexpr uint8_t kNoOperation = 1;
  constexpr uint8_t kLooseSourceRoute = 131;
  constexpr uint8_t kStrictSourceRoute = 137;
  while (!options.empty()) {
    if (options[0] == kEnd) break;
    if (options[0] == kNoOperation) {
      options = options.subspan(1);
      continue;
    }
    if (options[0] == kLooseSourceRoute || options[0] == kStrictSourceRoute) {
      return Ipv4Options::kSourceRoute;
    }
    if (options.size() < 2 || options[1] < 2 || options[1] > options.size()) {
      return Ipv4Options::kMalformed;
    }
    options = options.subspan(options[1]);
  }
  return Ipv4Options::kFine;
}

}  // namespace simplon
