// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/crypto/sha1_paired.h"

#include <cpuid.h>
#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <type_traits>
#include <utility>

namespace simplon {
namespace {

#define SIMPLON_SHA [[gnu::target("sha,sse4.1"), gnu::always_inline]] inline

constexpr std::size_t kBlock = 64;

// A, B, C, D from the top, and E in the top word.
struct State {
  __m128i abcd;
  __m128i e;
};

// What is left of one message: whole blocks where it lies, then its end with the padding.
struct Lane {
  State state;
  const uint8_t* at = nullptr;
  std::size_t blocks = 0;  // at `at`; 0: the lane is empty
  std::size_t end_blocks = 0;
  uint8_t* digest = nullptr;
  alignas(16) uint8_t end[2 * kBlock];
};

// One block of each of kLanes messages. A single one leaves the unit idle for half of the time:
// each step waits for the one before.
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
#pragma GCC unroll 2
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
[[gnu::target("sha,sse4.1")]] void compress(Lane* const* lanes, std::size_t blocks) {
  const __m128i swap = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
  State state[kLanes];
  const uint8_t* at[kLanes];
  for (int i = 0; i < kLanes; ++i) {
    state[i] = lanes[i]->state;
    at[i] = lanes[i]->at;
  }
  for (std::size_t n = 0; n < blocks; ++n) {
    Work<kLanes> w;
    for (int i = 0; i < kLanes; ++i) {
      w.abcd[i] = state[i].abcd;
      w.e[i] = state[i].e;
      for (int k = 0; k < 4; ++k) {
        const auto* words = reinterpret_cast<const __m128i*>(at[i] + 16 * k);
        w.words[i][k] = _mm_shuffle_epi8(_mm_loadu_si128(words), swap);
      }
      at[i] += kBlock;
    }
    all_steps(w, std::make_integer_sequence<int, 20>{});
    for (int i = 0; i < kLanes; ++i) {
      state[i].e = _mm_sha1nexte_epu32(w.e[i], state[i].e);
      state[i].abcd = _mm_add_epi32(state[i].abcd, w.abcd[i]);
    }
  }
  for (int i = 0; i < kLanes; ++i) {
    lanes[i]->state = state[i];
    lanes[i]->at = at[i];
    lanes[i]->blocks -= blocks;
  }
}

// Less than a block. In pieces of fixed sizes, which are a move each.
void copy_rest(uint8_t* to, const uint8_t* from, std::size_t size) {
  const auto piece = [&]<std::size_t kSize>(std::integral_constant<std::size_t, kSize>) {
    if ((size & kSize) == 0) return;
    std::memcpy(to, from, kSize);
    to += kSize;
    from += kSize;
  };
  piece(std::integral_constant<std::size_t, 32>{});
  piece(std::integral_constant<std::size_t, 16>{});
  piece(std::integral_constant<std::size_t, 8>{});
  piece(std::integral_constant<std::size_t, 4>{});
  piece(std::integral_constant<std::size_t, 2>{});
  piece(std::integral_constant<std::size_t, 1>{});
}

[[gnu::target("sha,sse4.1")]] void begin(Lane& lane, const Sha1Job& job) {
  lane.state.abcd = _mm_set_epi32(0x67452301, static_cast<int>(0xefcdab89),
                                  static_cast<int>(0x98badcfe), 0x10325476);
  lane.state.e = _mm_set_epi32(static_cast<int>(0xc3d2e1f0), 0, 0, 0);
  lane.digest = job.digest;
  lane.at = job.message;
  lane.blocks = job.length / kBlock;
  // The end is put together long before it is read: its bytes are in the cache by then.
  const std::size_t rest = job.length % kBlock;
  lane.end_blocks = rest + 9 <= kBlock ? 1 : 2;
  for (std::size_t i = 0; i < sizeof lane.end; i += 16) {
    _mm_store_si128(reinterpret_cast<__m128i*>(lane.end + i), _mm_setzero_si128());
  }
  copy_rest(lane.end, job.message + job.length - rest, rest);
  lane.end[rest] = 0x80;
  const uint64_t bits = __builtin_bswap64(uint64_t{job.length} * 8);
  std::memcpy(lane.end + lane.end_blocks * kBlock - sizeof bits, &bits, sizeof bits);
}

[[gnu::target("sha,sse4.1")]] void finish(Lane& lane) {
  const __m128i swap = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
  const __m128i abcd = _mm_shuffle_epi8(lane.state.abcd, swap);
  std::memcpy(lane.digest, &abcd, sizeof abcd);
  const uint32_t e = __builtin_bswap32(static_cast<uint32_t>(_mm_extract_epi32(lane.state.e, 3)));
  std::memcpy(lane.digest + sizeof abcd, &e, sizeof e);
}

// Keeps both lanes at work until the jobs run out.
class Driver {
 public:
  explicit Driver(std::span<const Sha1Job> jobs) : jobs_(jobs) {
    for (Lane& lane : lanes_) advance(lane);
  }

  void run() {
    while (lanes_[0].blocks != 0 && lanes_[1].blocks != 0) {
      Lane* const both[] = {&lanes_[0], &lanes_[1]};
      compress<2>(both, std::min(lanes_[0].blocks, lanes_[1].blocks));
      for (Lane& lane : lanes_) {
        if (lane.blocks == 0) advance(lane);
      }
    }
    for (Lane& lane : lanes_) {
      while (lane.blocks != 0) {
        Lane* const one[] = {&lane};
        compress<1>(one, lane.blocks);
        advance(lane);
      }
    }
  }

 private:
  // The blocks that lie together are done: on to the end of the message, or to the next one.
  void advance(Lane& lane) {
    while (lane.blocks == 0) {
      if (lane.end_blocks != 0) {
        lane.at = lane.end;
        lane.blocks = std::exchange(lane.end_blocks, 0);
        return;
      }
      if (lane.digest != nullptr) finish(lane);
      lane.digest = nullptr;
      if (jobs_.empty()) return;
      begin(lane, jobs_[0]);
      jobs_ = jobs_.subspan(1);
    }
  }

  std::span<const Sha1Job> jobs_;
  Lane lanes_[2];
};

}  // namespace

bool has_sha_instructions() {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  return (b & (1u << 29)) != 0 && __builtin_cpu_supports("sse4.1");
}

void sha1_paired(std::span<const Sha1Job> jobs) {
  Driver(jobs).run();
}

}  // namespace simplon
