// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Explicit congestion notification across a tunnel (RFC 6040).

#pragma once

#include <cstdint>

namespace simplon {

enum class Ecn : uint8_t { kNotEct = 0, kEct1 = 1, kEct0 = 2, kCe = 3 };

struct EcnDecap {
  Ecn inner;
  bool drop;     // outer CE on a packet whose inner header cannot carry it
  bool unusual;  // a combination RFC 6040 4.2 asks to log
};

// RFC 6040 figure 4, the default decapsulation.
constexpr EcnDecap ecn_decapsulate(Ecn inner, Ecn outer) {
  switch (inner) {
    case Ecn::kNotEct:
      return {inner, outer == Ecn::kCe,
              outer == Ecn::kEct0 || outer == Ecn::kEct1 || outer == Ecn::kCe};
    case Ecn::kEct0:
      if (outer == Ecn::kCe) return {Ecn::kCe, false, false};
      if (outer == Ecn::kEct1) return {Ecn::kEct1, false, false};
      return {inner, false, false};
    case Ecn::kEct1:
      if (outer == Ecn::kCe) return {Ecn::kCe, false, false};
      return {inner, false, outer == Ecn::kEct0};
    case Ecn::kCe:
      return {inner, false, outer == Ecn::kEct1};
  }
  return {inner, false, false};
}

}  // namespace simplon
