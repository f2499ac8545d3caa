// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What a worker saw happen to tunnels, on its way to the slow path, which puts it among the events
// of the runtime segment.

#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "proto/link/segment_format.h"

namespace simplon {

// One producer, one consumer, bounded. What does not fit is lost: events are a courtesy, the state
// itself is in the runtime table.
class NoteQueue {
 public:
  static constexpr std::size_t kSize = 1024;

  // The worker's thread. False: full.
  bool push(const TunnelEvent& event) {
    const uint32_t head = head_.load(std::memory_order_relaxed);
    if (head - tail_.load(std::memory_order_acquire) == kSize) return false;
    events_[head % kSize] = event;
    head_.store(head + 1, std::memory_order_release);
    return true;
  }

  // The slow path's thread. False: empty.
  bool pop(TunnelEvent& event) {
    const uint32_t tail = tail_.load(std::memory_order_relaxed);
    if (tail == head_.load(std::memory_order_acquire)) return false;
    event = events_[tail % kSize];
    tail_.store(tail + 1, std::memory_order_release);
    return true;
  }

 private:
  alignas(64) std::atomic<uint32_t> head_{0};
  alignas(64) std::atomic<uint32_t> tail_{0};
  alignas(64) std::array<TunnelEvent, kSize> events_;
};

}  // namespace simplon
