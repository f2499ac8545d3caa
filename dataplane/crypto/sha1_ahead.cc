// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Four rounds are one instruction, which the unit for it begins every other cycle of the core; the
// next four of the same message have to wait for six. So it takes four messages to keep the unit
// busy, but with the sixteen words of each there is no room for them in the registers. Here the
// schedule is not worked out beside the rounds it is for but a block ahead, of one lane after the
// other, and put into memory: what is left are two registers a lane.

#include "dataplane/crypto/sha1_ahead.h"

#include <immintrin.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "dataplane/crypto/sha1_engines.h"

namespace simplon {
namespace {

#define SIMPLON_SHA [[gnu::target("sha,sse4.1"), gnu::always_inline]] inline

using Lane = Sha1Ahead::Lane;
using Jobs = std::span<const Sha1Job>;
constexpr int kWidth = Sha1Ahead::kWidth;
constexpr int kSteps = 20;  // of four rounds

// What is added in the rounds of a block: words of FIPS 180-4 6.1.2 four to a vector, the first on
// top.
struct Schedule {
  __m128i vectors[kSteps];
};
// The four before the one that is worked on, by their number modulo four.
using Latest = __m128i[4];

// A, B, C, D from the top; E in the top word, rotated back except between two blocks.
struct State {
  __m128i abcd[kWidth];
  __m128i e[kWidth];
};
using Blocks = const uint8_t* [kWidth];

SIMPLON_SHA __m128i reversed(__m128i bytes) {
  return _mm_shuffle_epi8(bytes, _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f));
}

template <int kNumber>
SIMPLON_SHA void schedule(Latest& latest, const uint8_t* block, Schedule& to) {
  __m128i& vector = latest[kNumber % 4];
  if constexpr (kNumber < 4) {
    vector = reversed(_mm_loadu_si128(reinterpret_cast<const __m128i*>(block + 16 * kNumber)));
  } else {
    vector = _mm_sha1msg1_epu32(vector, latest[(kNumber + 1) % 4]);
    vector = _mm_xor_si128(vector, latest[(kNumber + 2) % 4]);
    vector = _mm_sha1msg2_epu32(vector, latest[(kNumber + 3) % 4]);
  }
  // Here and not where the compiler would like to have it: rounds and schedule keep different units
  // busy, evenly in the order written.
  asm volatile("" : "+x"(vector));
  to.vectors[kNumber] = vector;
}

template <int... kNumbers>
SIMPLON_SHA void schedule_all(const uint8_t* block, Schedule& to,
                              std::integer_sequence<int, kNumbers...>) {
  Latest latest;
  (schedule<kNumbers>(latest, block, to), ...);
}

// What a step schedules of the next blocks: a vector for each lane there is, so that all of them
// are done with the rounds.
template <int kFirst, int... kNumbers>
SIMPLON_SHA void schedule_some(Latest& latest, const Blocks& blocks, Schedule* next,
                               std::integer_sequence<int, kNumbers...>) {
  (schedule<(kFirst + kNumbers) % kSteps>(latest, blocks[(kFirst + kNumbers) / kSteps],
                                          next[(kFirst + kNumbers) / kSteps]),
   ...);
}

template <int kStep>
SIMPLON_SHA void step(State& s, const Schedule* now) {
  __m128i e[kWidth];
#pragma GCC unroll 4
  for (int i = 0; i < kWidth; ++i) {
    const __m128i words = now[i].vectors[kStep];
    e[i] = kStep == 0 ? _mm_add_epi32(s.e[i], words) : _mm_sha1nexte_epu32(s.e[i], words);
  }
#pragma GCC unroll 4
  for (int i = 0; i < kWidth; ++i) {
    s.e[i] = s.abcd[i];
    s.abcd[i] = _mm_sha1rnds4_epu32(s.abcd[i], e[i], kStep / 5);
  }
}

template <int... kNumbers>
SIMPLON_SHA void all_steps(State& s, const Schedule* now, const Blocks& blocks, Schedule* next,
                           std::integer_sequence<int, kNumbers...>) {
  Latest latest;
  ((step<kNumbers>(s, now), schedule_some<kNumbers * kWidth>(
                                latest, blocks, next, std::make_integer_sequence<int, kWidth>{})),
   ...);
}

// A block of each lane by `now`, while those at `blocks` are scheduled into `next`.
SIMPLON_SHA void compress(State& state, const Schedule* now, const Blocks& blocks, Schedule* next) {
  State s = state;
  all_steps(s, now, blocks, next, std::make_integer_sequence<int, kSteps>{});
#pragma GCC unroll 4
  for (int i = 0; i < kWidth; ++i) {
    state.e[i] = _mm_sha1nexte_epu32(s.e[i], state.e[i]);
    state.abcd[i] = _mm_add_epi32(state.abcd[i], s.abcd[i]);
  }
}

[[gnu::target("sha,sse4.1")]] void schedule_first(const uint8_t* block, Schedule& to) {
  schedule_all(block, to, std::make_integer_sequence<int, kSteps>{});
}

SIMPLON_SHA void start(State& state, int lane) {
  state.abcd[lane] =
      _mm_set_epi32(static_cast<int>(kSha1Start[0]), static_cast<int>(kSha1Start[1]),
                    static_cast<int>(kSha1Start[2]), static_cast<int>(kSha1Start[3]));
  state.e[lane] = _mm_set_epi32(static_cast<int>(kSha1Start[4]), 0, 0, 0);
}

SIMPLON_SHA void take_state(const State& state, int lane, Sha1Lane& message) {
  const __m128i abcd = _mm_shuffle_epi32(state.abcd[lane], 0x1b);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(message.state.data()), abcd);
  message.state[4] = static_cast<uint32_t>(_mm_extract_epi32(state.e[lane], 3));
}

[[gnu::always_inline]] inline void begin(Sha1Lane& message, Jobs& jobs) {
  message.begin(jobs.front());
  if (jobs.size() > kWidth) message.ahead = jobs[kWidth].message;
  jobs = jobs.subspan(1);
}

// Counts the block that has been scheduled as taken. What is to be scheduled meanwhile.
[[gnu::always_inline]] inline const uint8_t* take_block(Lane& lane, bool may_be_early, Jobs& jobs) {
  Sha1Lane& message = *lane.message;
  message.fetch_ahead(message.next);
  ++message.next;
  const std::size_t left = message.left();
  // Between two blocks the processor has time to begin two messages; for four it would make the
  // rounds wait. Not where a lane could run out of messages meanwhile.
  const bool early = may_be_early && left == 1 && jobs.size() >= 2 * kWidth;
  if ((early || left == 0) && !lane.followed && !jobs.empty()) {
    begin(*lane.following, jobs);
    lane.followed = true;
  }
  if (left != 0) return message.block(message.next);
  // With nothing to follow: what may be read, and nobody looks at.
  return lane.followed ? lane.following->block(0) : message.block(message.next - 1);
}

SIMPLON_SHA void put_digest(const State& state, int lane, uint8_t* digest) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(digest), reversed(state.abcd[lane]));
  const auto e = static_cast<uint32_t>(_mm_extract_epi32(state.e[lane], 3));
  const uint32_t last = __builtin_bswap32(e);
  std::memcpy(digest + sizeof state.abcd[lane], &last, sizeof last);
}

// Writes the digest of a message that is done and takes the next one. False: there is none.
SIMPLON_SHA bool go_on(Lane& lane, State& state, int index) {
  if (lane.message->left() != 0) return true;
  put_digest(state, index, lane.message->digest());
  if (!lane.followed) {
    lane.message = nullptr;
    return false;
  }
  std::swap(lane.message, lane.following);
  lane.followed = false;
  start(state, index);
  return true;
}

// Until there is nothing to take for one of them.
[[gnu::target("sha,sse4.1")]] void run_lanes(std::array<Lane, kWidth>& lanes, Jobs jobs) {
  State state;
  Schedule schedules[2][kWidth];
  Schedule* now = schedules[0];
  Schedule* next = schedules[1];
#pragma GCC unroll 4
  for (int i = 0; i < kWidth; ++i) {
    start(state, i);
    schedule_first(lanes[i].message->block(0), now[i]);
  }
  for (bool all = true; all;) {
    Blocks blocks;
#pragma GCC unroll 4
    for (int i = 0; i < kWidth; ++i) blocks[i] = take_block(lanes[i], i % 2 == 0, jobs);
    compress(state, now, blocks, next);
    std::swap(now, next);
#pragma GCC unroll 4
    for (int i = 0; i < kWidth; ++i) all &= go_on(lanes[i], state, i);
  }
#pragma GCC unroll 4
  for (int i = 0; i < kWidth; ++i) {
    if (lanes[i].message != nullptr) take_state(state, i, *lanes[i].message);
  }
}

}  // namespace

bool has_sha1_ahead() {
  return has_sha1_instructions();
}

Sha1Ahead::Sha1Ahead() {
  for (std::size_t i = 0; i < kWidth; ++i) lanes_[i] = {nullptr, &memory_[kWidth + i], false};
}

std::span<Sha1Lane*> Sha1Ahead::run(Jobs jobs) {
  const std::size_t used = std::min<std::size_t>(jobs.size(), kWidth);
  for (std::size_t i = 0; i < used; ++i) {
    lanes_[i].message = &memory_[i];
    begin(*lanes_[i].message, jobs);
  }
  if (used == kWidth) run_lanes(lanes_, jobs);
  std::size_t count = 0;
  for (const Lane& lane : lanes_) {
    if (lane.message != nullptr) unfinished_[count++] = lane.message;
  }
  return std::span(unfinished_).first(count);
}

}  // namespace simplon
