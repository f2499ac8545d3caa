// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// SipHash-2-4 (Aumasson and Bernstein, 2012): a keyed hash nobody without the key can predict, fit
// for tags and for tables that strangers fill. Any thread.

#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

namespace simplon {

struct SipKey {
  uint64_t k0 = 0;
  uint64_t k1 = 0;
};

// Two halves out of one random number (splitmix64). `purpose` tells keys of one seed apart.
constexpr SipKey make_sip_key(uint64_t seed, uint64_t purpose) {
  const auto mix = [](uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  };
  const uint64_t first = mix(seed + 0x9e3779b97f4a7c15 * (2 * purpose + 1));
  return {first, mix(first + seed + 0x9e3779b97f4a7c15 * (2 * purpose + 2))};
}

inline uint64_t siphash(const SipKey& key, std::span<const uint8_t> bytes) {
  uint64_t v0 = key.k0 ^ 0x736f6d6570736575;
  uint64_t v1 = key.k1 ^ 0x646f72616e646f6d;
  uint64_t v2 = key.k0 ^ 0x6c7967656e657261;
  uint64_t v3 = key.k1 ^ 0x7465646279746573;
  const auto round = [&] {
    v0 += v1;
    v1 = std::rotl(v1, 13) ^ v0;
    v0 = std::rotl(v0, 32);
    v2 += v3;
    v3 = std::rotl(v3, 16) ^ v2;
    v0 += v3;
    v3 = std::rotl(v3, 21) ^ v0;
    v2 += v1;
    v1 = std::rotl(v1, 17) ^ v2;
    v2 = std::rotl(v2, 32);
  };
  const auto absorb = [&](uint64_t word) {
    v3 ^= word;
    round();
    round();
    v0 ^= word;
  };
  std::size_t at = 0;
  for (; at + 8 <= bytes.size(); at += 8) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + at, sizeof word);
    absorb(word);
  }
  uint64_t last = uint64_t{bytes.size() & 0xff} << 56;
  for (std::size_t i = 0; at + i < bytes.size(); ++i) last |= uint64_t{bytes[at + i]} << (8 * i);
  absorb(last);
  v2 ^= 0xff;
  for (int i = 0; i < 4; ++i) round();
  return v0 ^ v1 ^ v2 ^ v3;
}

// Of any object without padding.
template <typename T>
uint64_t siphash_of(const SipKey& key, const T& object) {
  static_assert(std::has_unique_object_representations_v<T>);
  return siphash(key, {reinterpret_cast<const uint8_t*>(&object), sizeof object});
}

}  // namespace simplon
