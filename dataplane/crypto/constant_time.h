// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace simplon {

// Are they equal; how long the answer takes depends on the length only. Any thread.
inline bool equal_in_constant_time(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  if (a.size() != b.size()) return false;
  uint8_t differs = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    differs = static_cast<uint8_t>(differs | (a[i] ^ b[i]));
    // The compiler may not stop at the first difference.
    asm volatile("" : "+r"(differs));
  }
  return differs == 0;
}

}  // namespace simplon
