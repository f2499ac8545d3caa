// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Copies to and from memory that another thread or process reads or writes at the same time, under
// a version that tells a reader whether the copy is whole. Word by word, because a plain copy would
// be a data race; release and acquire on each, because together with the version's own order that
// is what a fence would give, and ThreadSanitizer understands it. On x86 all are plain moves.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace simplon {

// Writer, after making the version invalid with a relaxed store: who reads one of these words sees
// that. `to`: 8-byte aligned.
inline void store_words(void* to, const void* from, std::size_t bytes) {
  auto* words = static_cast<uint64_t*>(to);
  for (std::size_t i = 0; i * sizeof(uint64_t) < bytes; ++i) {
    uint64_t word = 0;
    std::memcpy(&word, static_cast<const std::byte*>(from) + i * sizeof word, sizeof word);
    std::atomic_ref<uint64_t>(words[i]).store(word, std::memory_order_release);
  }
}

// Reader, before it looks at the version again with a relaxed load: that stays behind.
inline void load_words(void* to, const void* from, std::size_t bytes) {
  auto* words = static_cast<uint64_t*>(const_cast<void*>(from));
  for (std::size_t i = 0; i * sizeof(uint64_t) < bytes; ++i) {
    const uint64_t word = std::atomic_ref<uint64_t>(words[i]).load(std::memory_order_acquire);
    std::memcpy(static_cast<std::byte*>(to) + i * sizeof word, &word, sizeof word);
  }
}

}  // namespace simplon
