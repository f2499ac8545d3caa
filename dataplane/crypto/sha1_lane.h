// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// One message on its way through an engine that takes several side by side, and who keeps their
// lanes filled. Internal to crypto.

#pragma once

#include <emmintrin.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "dataplane/crypto/sha1_batch.h"

namespace simplon {

inline constexpr std::size_t kSha1Block = 64;
inline constexpr uint32_t kSha1Start[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
                                           0xc3d2e1f0};

// Blocks of a message with its padding.
constexpr std::size_t sha1_blocks(std::size_t length) {
  return (length + 9 + kSha1Block - 1) / kSha1Block;
}

class Sha1Lane {
 public:
  std::array<uint32_t, 5> state;
  std::size_t next = 0;  // block
  // The message this lane will take then, perhaps: its blocks are fetched while this one's are
  // hashed.
  const uint8_t* ahead = nullptr;

  void begin(const Sha1Job& job) {
    std::memcpy(state.data(), kSha1Start, sizeof kSha1Start);
    next = 0;
    digest_ = job.digest;
    whole_ = job.length / kSha1Block;
    count_ = sha1_blocks(job.length);
    message_ = job.message;
    ahead = message_;
    put_end(job);
    first_ = message_;
    if (whole_ == 0) {
      first_ = tail();
      if (job.key != nullptr) std::memcpy(tail() + kSha1KeyOffset, job.key, kSha1Size);
    } else if (job.key != nullptr) {
      put_first(job);
      first_ = buffer_;
    }
  }

  std::size_t left() const { return count_ - next; }
  uint8_t* digest() const { return digest_; }
  // The one that is `next`, and those behind it. Without branches: the lanes of a group may be at
  // different places.
  const uint8_t* block(std::size_t n) const {
    const uintptr_t middle = reinterpret_cast<uintptr_t>(message_) + n * kSha1Block;
    const uintptr_t end = reinterpret_cast<uintptr_t>(tail()) + (n - whole_) * kSha1Block;
    const auto* at = reinterpret_cast<const uint8_t*>(n < whole_ ? middle : end);
    return n == 0 ? first_ : at;
  }

  // Starts fetching what will stand in that place then.
  [[gnu::always_inline]] void fetch_ahead(std::size_t n) const {
    __builtin_prefetch(
        reinterpret_cast<const void*>(reinterpret_cast<uintptr_t>(ahead) + n * kSha1Block));
  }

  void finish() const {
    for (std::size_t i = 0; i < state.size(); ++i) {
      const uint32_t word = __builtin_bswap32(state[i]);
      std::memcpy(digest_ + sizeof word * i, &word, sizeof word);
    }
  }

 private:
  // What is behind the last whole block, and the padding. Put together long before it is read: its
  // bytes are in the cache by then.
  void put_end(const Sha1Job& job) {
    const std::size_t rest = job.length % kSha1Block;
    if (whole_ != 0 && rest != 0) {
      // Without branches: with it comes what is before it, which lands before the end.
      copy_block(tail() + rest - kSha1Block, job.message + job.length - kSha1Block);
    } else if (whole_ == 0 && rest != 0) {
      std::memcpy(tail(), job.message, rest);
    }
    for (std::size_t i = 0; i < kSha1Block; i += 16) {
      _mm_storeu_si128(reinterpret_cast<__m128i*>(tail() + rest + i), _mm_setzero_si128());
    }
    tail()[rest] = 0x80;
    const uint64_t bits = __builtin_bswap64(uint64_t{job.length} * 8);
    std::memcpy(tail() + (count_ - whole_) * kSha1Block - sizeof bits, &bits, sizeof bits);
  }

  static void copy_block(uint8_t* to, const uint8_t* from) {
    for (std::size_t i = 0; i < kSha1Block; i += 16) {
      const __m128i piece = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from + i));
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + i), piece);
    }
  }

  uint8_t* tail() { return buffer_ + 2 * kSha1Block; }
  const uint8_t* tail() const { return buffer_ + 2 * kSha1Block; }

  // Read at once, 16 bytes at a time; so it is written that way: loads that want the bytes of
  // several stores would wait for all of them.
  void put_first(const Sha1Job& job) {
    static_assert(kSha1KeyOffset == 24 && kSha1Size == 20);
    const auto load = [](const uint8_t* from) {
      return _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
    };
    const auto load_8 = [](const uint8_t* from) {
      return _mm_loadl_epi64(reinterpret_cast<const __m128i*>(from));
    };
    const auto load_4 = [](const uint8_t* from) {
      uint32_t word;
      std::memcpy(&word, from, sizeof word);
      return _mm_cvtsi32_si128(static_cast<int>(word));
    };
    const uint8_t* key = job.key;
    const __m128i last = _mm_unpacklo_epi32(load_4(key + 16), load_4(job.message + 44));
    auto* to = reinterpret_cast<__m128i*>(buffer_);
    _mm_store_si128(to, load(job.message));
    _mm_store_si128(to + 1, _mm_unpacklo_epi64(load_8(job.message + 16), load_8(key)));
    _mm_store_si128(to + 2, _mm_unpacklo_epi64(load_8(key + 8), last));
    _mm_store_si128(to + 3, load(job.message + 48));
  }

  std::size_t count_ = 0;  // blocks in all
  std::size_t whole_ = 0;  // of the message itself
  const uint8_t* message_ = nullptr;
  const uint8_t* first_ = nullptr;
  uint8_t* digest_ = nullptr;
  // The first block, where a key belongs into it; what put_end() may overwrite; the end.
  alignas(16) uint8_t buffer_[4 * kSha1Block];
};

// As many blocks of each as all of them have. `engine(lanes, blocks)` counts none as done.
template <typename Engine>
void advance_together(std::span<Sha1Lane*> lanes, Engine engine) {
  std::size_t blocks = lanes[0]->left();
  for (const Sha1Lane* lane : lanes) blocks = std::min(blocks, lane->left());
  engine(lanes, blocks);
  for (Sha1Lane* lane : lanes) lane->next += blocks;
}

// The lanes of an engine that takes at most kWidth at a time.
template <std::size_t kWidth>
class Sha1Lanes {
 public:
  Sha1Lanes() {
    for (std::size_t i = 0; i < kWidth; ++i) lanes_[i] = &memory_[i];
  }
  Sha1Lanes(const Sha1Lanes&) = delete;
  Sha1Lanes& operator=(const Sha1Lanes&) = delete;

  // Until fewer than `least` messages are unfinished (at most kWidth; 0: until all are done): those
  // are returned, and are of this object.
  template <typename Engine>
  std::span<Sha1Lane*> run(std::span<const Sha1Job> jobs, std::size_t least, Engine engine) {
    std::size_t active = 0;
    for (; active < kWidth && !jobs.empty(); ++active) fill(*lanes_[active], jobs);
    for (;;) {
      const std::span<Sha1Lane*> used = std::span(lanes_).first(active);
      if (active == 0 || active < least) return used;
      advance_together(used, engine);
      for (std::size_t i = active; i-- > 0;) {
        if (lanes_[i]->left() != 0) continue;
        lanes_[i]->finish();
        if (!jobs.empty()) {
          fill(*lanes_[i], jobs);
        } else {
          std::swap(lanes_[i], lanes_[--active]);
        }
      }
    }
  }

 private:
  static void fill(Sha1Lane& lane, std::span<const Sha1Job>& jobs) {
    lane.begin(jobs.front());
    if (jobs.size() > kWidth) lane.ahead = jobs[kWidth].message;
    jobs = jobs.subspan(1);
  }

  std::array<Sha1Lane*, kWidth> lanes_;
  std::array<Sha1Lane, kWidth> memory_;
};

}  // namespace simplon
