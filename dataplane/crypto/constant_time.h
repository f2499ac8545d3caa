// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
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

// The same for digests of SHA-1, once a packet: in three words.
inline bool same_20_bytes(const uint8_t* a, const uint8_t* b) {
  struct Words {
    uint64_t first;
    uint64_t second;
  };
  Words x;
  Words y;
  std::memcpy(&x, a, sizeof x);
  std::memcpy(&y, b, sizeof y);
  uint32_t x_last;
  uint32_t y_last;
  std::memcpy(&x_last, a + sizeof x, sizeof x_last);
  std::memcpy(&y_last, b + sizeof y, sizeof y_last);
  uint64_t differs = (x.first ^ y.first) | (x.second ^ y.second) | uint64_t{x_last ^ y_last};
  // Nor may it find out that the words could be looked at one by one.
  asm volatile("" : "+r"(differs));
  return differs == 0;
}

}  // namespace simplon
