// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// SHA-1 by the processor's SHA instructions. One message alone leaves the unit idle for half of the
// time: each step waits for the one before. From the third on they wait for the unit.

#include <cpuid.h>
#include <immintrin.h>

#include <utility>

#include "dataplane/crypto/sha1_engines.h"

namespace simplon {
namespace {

#define SIMPLON_SHA [[gnu::target("sha,sse4.1"), gnu::always_inline]] inline

// A, B, C, D from the top, and E in the top word.
struct State {
  __m128i abcd;
  __m128i e;
};

template <int kLanes>
struct Work {
  __m128i abcd[kLanes];
  __m128i e[kLanes];
  __m128i words[kLanes][4];
};

// Rounds 4 * kStep to 4 * kStep + 3, and what they add to the message schedule.
template <int kStep, int kLanes>
SIMPLON_SHA void step(Work<kLanes>& w) {
  constexpr int kNow = kStep % 4;
#pragma GCC unroll 3
  for (int i = 0; i < kLanes; ++i) {
    __m128i* words = w.words[i];
    const __m128i e =
        kStep == 0 ? _mm_add_epi32(w.e[i], words[0]) : _mm_sha1nexte_epu32(w.e[i], words[kNow]);
    w.e[i] = w.abcd[i];
    if constexpr (kStep >= 3 && kStep < 19) {
      words[(kStep + 1) % 4] = _mm_sha1msg2_epu32(words[(kStep + 1) % 4], words[kNow]);
    }
    w.abcd[i] = _mm_sha1rnds4_epu32(w.abcd[i], e, kStep / 5);
    if constexpr (kStep >= 1 && kStep < 17) {
      words[(kStep + 3) % 4] = _mm_sha1msg1_epu32(words[(kStep + 3) % 4], words[kNow]);
    }
    if constexpr (kStep >= 2 && kStep < 18) {
      words[(kStep + 2) % 4] = _mm_xor_si128(words[(kStep + 2) % 4], words[kNow]);
    }
  }
}

template <int kLanes, int... kSteps>
SIMPLON_SHA void all_steps(Work<kLanes>& w, std::integer_sequence<int, kSteps...>) {
  (step<kSteps>(w), ...);
}

template <int kLanes>
[[gnu::target("sha,sse4.1")]] void compress(Sha1Lane* const* lanes, std::size_t blocks) {
  const __m128i swap = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
  State state[kLanes];
  for (int i = 0; i < kLanes; ++i) {
    const std::array<uint32_t, 5>& from = lanes[i]->state;
    const __m128i abcd = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from.data()));
    state[i] = {_mm_shuffle_epi32(abcd, 0x1b), _mm_set_epi32(static_cast<int>(from[4]), 0, 0, 0)};
  }
  for (std::size_t n = 0; n < blocks; ++n) {
    Work<kLanes> w;
    for (int i = 0; i < kLanes; ++i) {
      w.abcd[i] = state[i].abcd;
      w.e[i] = state[i].e;
      const uint8_t* block = lanes[i]->block(lanes[i]->next + n);
      lanes[i]->fetch_ahead(lanes[i]->next + n);
      for (int k = 0; k < 4; ++k) {
        const auto* words = reinterpret_cast<const __m128i*>(block + 16 * k);
        w.words[i][k] = _mm_shuffle_epi8(_mm_loadu_si128(words), swap);
      }
    }
    all_steps(w, std::make_integer_sequence<int, 20>{});
    for (int i = 0; i < kLanes; ++i) {
      state[i].e = _mm_sha1nexte_epu32(w.e[i], state[i].e);
      state[i].abcd = _mm_add_epi32(state[i].abcd, w.abcd[i]);
    }
  }
  for (int i = 0; i < kLanes; ++i) {
    std::array<uint32_t, 5>& to = lanes[i]->state;
    const __m128i abcd = _mm_shuffle_epi32(state[i].abcd, 0x1b);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to.data()), abcd);
    to[4] = static_cast<uint32_t>(_mm_extract_epi32(state[i].e, 3));
  }
}

}  // namespace

bool has_sha1_instructions() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  return (b & (1u << 29)) != 0 && __builtin_cpu_supports("sse4.1");
}

void sha1_instructions(std::span<Sha1Lane* const> lanes, std::size_t blocks) {
  switch (lanes.size()) {
    case 3:
      compress<3>(lanes.data(), blocks);
      return;
    case 2:
      compress<2>(lanes.data(), blocks);
      return;
    default:
      compress<1>(lanes.data(), blocks);
  }
}

}  // namespace simplon
