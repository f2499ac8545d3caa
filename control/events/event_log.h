// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The last events, for watchers. One bounded ring that all watchers read at their own pace: who
// falls off its end is told so. Thread: any.

#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "simplon/v1/watch_service.pb.h"

namespace simplon::control {

class EventLog {
 public:
  using Event = std::shared_ptr<const v1::WatchResponse>;
  static constexpr std::size_t kCapacity = 16384;

  explicit EventLog(std::size_t capacity = kCapacity);

  // Sets `sequence` and `time`.
  void append(v1::WatchResponse event);
  // Counts events that are not worth keeping: every watcher gets a gap over them.
  void skip(uint64_t count);

  // Of the last event; what comes later has higher numbers.
  uint64_t last_sequence() const;

  struct Batch {
    std::vector<Event> events;
    uint64_t missed =
        0;  // before the first of `events`; ~0: not known, the number is of another process
    uint64_t after = 0;  // the event before the first of `events`, or the last there is
    bool closed = false;
  };
  // Events after `sequence`, at most `limit`; waits up to `timeout` for the first.
  Batch read(uint64_t sequence, std::size_t limit, std::chrono::milliseconds timeout);

  // Wakes all readers for good.
  void close();

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Event> events_;
  const uint64_t first_sequence_;  // numbers up to here are of earlier processes
  uint64_t last_sequence_;
  bool closed_ = false;
};

}  // namespace simplon::control
