// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/table/crc32c.h"

#include <array>
#include <cstring>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace simplon {
namespace {

constexpr std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1) != 0 ? 0x82f63b78u : 0u);
    table[i] = c;
  }
  return table;
}
constexpr std::array<uint32_t, 256> kTable = make_table();

#if defined(__x86_64__)

// The instruction takes three cycles and a new one can begin in each: three streams at a time, of
// this many bytes each, are put together afterwards.
constexpr std::size_t kStream = 4096;

// What a register of the CRC becomes when kStream zero bytes follow, a table for each of its bytes:
// it is a linear function of the register.
using Shift = std::array<std::array<uint32_t, 256>, 4>;
constexpr Shift make_shift() {
  // Column i: what becomes of bit i. First of one zero bit, then squared to twice as many each
  // time.
  std::array<uint32_t, 32> columns{};
  columns[0] = 0x82f63b78u;
  for (std::size_t i = 1; i < 32; ++i) columns[i] = 1u << (i - 1);
  const auto apply = [](const std::array<uint32_t, 32>& m, uint32_t v) {
    uint32_t sum = 0;
    for (std::size_t i = 0; v != 0; ++i, v >>= 1) sum ^= (v & 1) != 0 ? m[i] : 0;
    return sum;
  };
  for (std::size_t bits = 1; bits < kStream * 8; bits *= 2) {
    std::array<uint32_t, 32> squared{};
    for (std::size_t i = 0; i < 32; ++i) squared[i] = apply(columns, columns[i]);
    columns = squared;
  }
  Shift shift{};
  for (uint32_t byte = 0; byte < 4; ++byte) {
    for (uint32_t v = 0; v < 256; ++v) shift[byte][v] = apply(columns, v << (8 * byte));
  }
  return shift;
}
constexpr Shift kShift = make_shift();

uint32_t shift_by_stream(uint32_t crc) {
  return kShift[0][crc & 0xff] ^ kShift[1][crc >> 8 & 0xff] ^ kShift[2][crc >> 16 & 0xff] ^
         kShift[3][crc >> 24];
}

uint64_t word_at(const uint8_t* p) {
  uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

[[gnu::target("sse4.2")]] uint32_t crc32c_sse42(const uint8_t* p, std::size_t size,
                                                uint32_t before) {
  uint64_t crc = ~before;
  for (; size >= 3 * kStream; size -= 3 * kStream, p += 3 * kStream) {
    uint64_t second = 0;
    uint64_t third = 0;
    for (std::size_t i = 0; i < kStream; i += 8) {
      crc = _mm_crc32_u64(crc, word_at(p + i));
      second = _mm_crc32_u64(second, word_at(p + kStream + i));
      third = _mm_crc32_u64(third, word_at(p + 2 * kStream + i));
    }
    crc = shift_by_stream(static_cast<uint32_t>(crc)) ^ second;
    crc = shift_by_stream(static_cast<uint32_t>(crc)) ^ third;
  }
  for (; size >= 8; size -= 8, p += 8) crc = _mm_crc32_u64(crc, word_at(p));
  auto narrow = static_cast<uint32_t>(crc);
  for (; size > 0; --size, ++p) narrow = _mm_crc32_u8(narrow, *p);
  return ~narrow;
}
#endif

}  // namespace

uint32_t crc32c_portable(const void* data, std::size_t size, uint32_t before) {
  const auto* p = static_cast<const uint8_t*>(data);
  uint32_t crc = ~before;
  for (; size > 0; --size, ++p) crc = (crc >> 8) ^ kTable[(crc ^ *p) & 0xff];
  return ~crc;
}

uint32_t crc32c(const void* data, std::size_t size, uint32_t before) {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2")) {
    return crc32c_sse42(static_cast<const uint8_t*>(data), size, before);
  }
#endif
  return crc32c_portable(data, size, before);
}

}  // namespace simplon
