// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// SHA-1 of several messages side by side, word by word in the lanes of a vector: written once, for
// any width. Internal to crypto. Whoever includes it says for which processor before:
//
//   #define SIMPLON_VECTORS [[gnu::target("avx2"), gnu::always_inline]] inline
//
// Vectors of the compiler's; it makes rotates and three-input operations of what is written here
// where the processor has them. No lambdas: they would not be for that processor.

#pragma once

#include <cstring>
#include <span>
#include <utility>

#include "dataplane/crypto/sha1_lane.h"

#ifndef SIMPLON_VECTORS
#define SIMPLON_VECTORS [[gnu::always_inline]] inline
#endif

namespace simplon {
namespace {

template <unsigned kLanes>
struct VectorTypes {
  using Words [[gnu::vector_size(4 * kLanes)]] = uint32_t;
  using Bytes [[gnu::vector_size(4 * kLanes)]] = uint8_t;
};
template <unsigned kLanes>
using Words = typename VectorTypes<kLanes>::Words;

template <int kBy, typename Vector>
SIMPLON_VECTORS Vector rotate(Vector x) {
  return (x << kBy) | (x >> (32 - kBy));
}

// One behind the other.
template <typename Vector, std::size_t... kIndexes>
SIMPLON_VECTORS auto join(Vector a, Vector b, std::index_sequence<kIndexes...>) {
  return __builtin_shufflevector(a, b, static_cast<int>(kIndexes)...);
}

// In every 128 bits: the lower or upper halves of `a` and `b`, alternating by `kWords` words.
template <unsigned kLanes, unsigned kWords, bool kUpper, std::size_t... kIndexes>
SIMPLON_VECTORS Words<kLanes> interleave(Words<kLanes> a, Words<kLanes> b,
                                         std::index_sequence<kIndexes...>) {
  return __builtin_shufflevector(
      a, b,
      static_cast<int>((kIndexes & ~3u) + (kUpper ? 2 : 0) +
                       (kWords == 1 ? (kIndexes & 3) / 2 : kIndexes & 1) +
                       ((kWords == 1 ? kIndexes & 1 : (kIndexes & 3) / 2) != 0 ? kLanes : 0))...);
}
template <unsigned kLanes, unsigned kWords, bool kUpper>
SIMPLON_VECTORS Words<kLanes> interleave(Words<kLanes> a, Words<kLanes> b) {
  return interleave<kLanes, kWords, kUpper>(a, b, std::make_index_sequence<kLanes>{});
}

template <unsigned kLanes, std::size_t... kIndexes>
SIMPLON_VECTORS Words<kLanes> swap_bytes(Words<kLanes> x, std::index_sequence<kIndexes...>) {
  const auto bytes = reinterpret_cast<typename VectorTypes<kLanes>::Bytes>(x);
  return reinterpret_cast<Words<kLanes>>(
      __builtin_shufflevector(bytes, bytes, static_cast<int>(kIndexes ^ 3u)...));
}

// 16 bytes of every fourth message beginning with `lane`, one behind the other: interleaved with
// those of the three next ones, lane i of the vectors is message i.
template <unsigned kLanes>
SIMPLON_VECTORS Words<kLanes> gather(const uint8_t* const* blocks, unsigned lane,
                                     std::size_t offset) {
  if constexpr (kLanes == 4) {
    Words<4> words;
    std::memcpy(&words, blocks[lane] + offset, sizeof words);
    return words;
  } else {
    return join(gather<kLanes / 2>(blocks, lane, offset),
                gather<kLanes / 2>(blocks, lane + kLanes / 2, offset),
                std::make_index_sequence<kLanes>{});
  }
}

// Word i of every message into words[i].
template <unsigned kLanes>
SIMPLON_VECTORS void load(const uint8_t* const* blocks, Words<kLanes>* words) {
#pragma GCC unroll 4
  for (unsigned quarter = 0; quarter < 4; ++quarter) {
    Words<kLanes> rows[4];
#pragma GCC unroll 4
    for (unsigned i = 0; i < 4; ++i) {
      rows[i] = swap_bytes<kLanes>(gather<kLanes>(blocks, i, 16 * quarter),
                                   std::make_index_sequence<4 * kLanes>{});
    }
    const Words<kLanes> a = interleave<kLanes, 1, false>(rows[0], rows[1]);
    const Words<kLanes> b = interleave<kLanes, 1, false>(rows[2], rows[3]);
    const Words<kLanes> c = interleave<kLanes, 1, true>(rows[0], rows[1]);
    const Words<kLanes> d = interleave<kLanes, 1, true>(rows[2], rows[3]);
    words[4 * quarter] = interleave<kLanes, 2, false>(a, b);
    words[4 * quarter + 1] = interleave<kLanes, 2, true>(a, b);
    words[4 * quarter + 2] = interleave<kLanes, 2, false>(c, d);
    words[4 * quarter + 3] = interleave<kLanes, 2, true>(c, d);
  }
}

// FIPS 180-4 6.1.2, with the five working variables changing places instead of values.
template <int kRound, typename Vector>
SIMPLON_VECTORS void round(Vector a, Vector& b, Vector c, Vector d, Vector& e, Vector* words) {
  constexpr uint32_t kConstants[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
  Vector word;
  if constexpr (kRound < 16) {
    word = words[kRound];
  } else {
    word = rotate<1>(words[(kRound + 13) % 16] ^ words[(kRound + 8) % 16] ^
                     words[(kRound + 2) % 16] ^ words[kRound % 16]);
    words[kRound % 16] = word;
  }
  e += word + kConstants[kRound / 20];
  if constexpr (kRound < 20) {
    e += d ^ (b & (c ^ d));
  } else if constexpr (kRound >= 40 && kRound < 60) {
    e += (b & c) | (d & (b | c));
  } else {
    e += b ^ c ^ d;
  }
  e += rotate<5>(a);
  b = rotate<30>(b);
}

template <typename Vector, int... kFives>
SIMPLON_VECTORS void all_rounds(Vector a, Vector b, Vector c, Vector d, Vector e, Vector* state,
                                Vector* words, std::integer_sequence<int, kFives...>) {
  ((round<5 * kFives>(a, b, c, d, e, words), round<5 * kFives + 1>(e, a, b, c, d, words),
    round<5 * kFives + 2>(d, e, a, b, c, words), round<5 * kFives + 3>(c, d, e, a, b, words),
    round<5 * kFives + 4>(b, c, d, e, a, words)),
   ...);
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
  state[4] += e;
}

template <unsigned kLanes>
SIMPLON_VECTORS void compress(std::span<Sha1Lane* const> lanes, std::size_t blocks) {
  using Vector = Words<kLanes>;
  // Lanes that are not in use do what the first does; nobody looks at it.
  Sha1Lane* used[kLanes];
  for (unsigned i = 0; i < kLanes; ++i) used[i] = lanes[i < lanes.size() ? i : 0];
  alignas(sizeof(Vector)) uint32_t transposed[5][kLanes];
  for (unsigned i = 0; i < kLanes; ++i) {
    for (unsigned k = 0; k < 5; ++k) transposed[k][i] = used[i]->state[k];
  }
  Vector state[5];
  std::memcpy(&state, transposed, sizeof state);
  for (std::size_t n = 0; n < blocks; ++n) {
    const uint8_t* at[kLanes];
    for (unsigned i = 0; i < kLanes; ++i) {
      at[i] = used[i]->block(used[i]->next + n);
      used[i]->fetch_ahead(used[i]->next + n);
    }
    Vector words[16];
    load<kLanes>(at, words);
    all_rounds(state[0], state[1], state[2], state[3], state[4], state, words,
               std::make_integer_sequence<int, 16>{});
  }
  std::memcpy(transposed, &state, sizeof state);
  for (unsigned i = 0; i < lanes.size(); ++i) {
    for (unsigned k = 0; k < 5; ++k) lanes[i]->state[k] = transposed[k][i];
  }
}

}  // namespace
}  // namespace simplon
