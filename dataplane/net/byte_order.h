// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <cstring>

namespace simplon {

static_assert(std::endian::native == std::endian::little,
              "the formats assume a little-endian host");

constexpr uint16_t byte_swap(uint16_t v) {
  return __builtin_bswap16(v);
}
constexpr uint32_t byte_swap(uint32_t v) {
  return __builtin_bswap32(v);
}
constexpr uint64_t byte_swap(uint64_t v) {
  return __builtin_bswap64(v);
}

// An integer as it stands in a packet: network byte order, no alignment. Header structs made of
// these have alignment 1 and can be laid over any byte of a frame.
template <std::unsigned_integral T>
class BigEndian {
 public:
  BigEndian() = default;
  constexpr BigEndian(T host)  // NOLINT(google-explicit-constructor): a field is assigned its value
      : bytes_(std::bit_cast<Bytes>(byte_swap(host))) {}

  constexpr T value() const { return byte_swap(raw()); }

  // The bytes as a native integer: for comparing and for one's complement sums, where byte order
  // does not matter.
  constexpr T raw() const { return std::bit_cast<T>(bytes_); }
  static constexpr BigEndian from_raw(T raw) { return BigEndian(byte_swap(raw)); }

  friend constexpr bool operator==(BigEndian, BigEndian) = default;

 private:
  struct Bytes {
    uint8_t b[sizeof(T)];
    friend constexpr bool operator==(const Bytes&, const Bytes&) = default;
  };
  Bytes bytes_;
};

using Be16 = BigEndian<uint16_t>;
using Be32 = BigEndian<uint32_t>;
using Be64 = BigEndian<uint64_t>;
static_assert(sizeof(Be16) == 2 && alignof(Be16) == 1);
static_assert(sizeof(Be32) == 4 && alignof(Be32) == 1);
static_assert(sizeof(Be64) == 8 && alignof(Be64) == 1);

}  // namespace simplon
