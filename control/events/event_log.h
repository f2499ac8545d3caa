// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The last events, for watchers. One bounded ring that all watchers read at their own pace: who
// falls off its end is told so. Thread: any.

#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
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
  // `count` events that `make(i)` makes, but not before somebody reads them: mostly nobody does.
  // It is called in any thread, and must say the same whenever it is asked. No more than there is
  // room for.
  void append(std::size_t count, std::function<v1::WatchResponse(std::size_t)> make);
  // Counts events that are not worth keeping: every watcher gets a gap over them.
  void skip(uint64_t count);

  // Frees what has fallen off the ring. For threads that nobody waits for: append() leaves it to
  // them, unless it is too much.
  void free_old();

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
  // Events that were appended together.
  class Group {
   public:
    Group(std::size_t count, std::function<v1::WatchResponse(std::size_t)> make);
    std::size_t size() const { return events_.size(); }
    Event event(std::size_t index);

    uint64_t first_sequence = 0;

   private:
    struct Slot {
      std::once_flag once;
      Event event;
    };
    const std::function<v1::WatchResponse(std::size_t)> make_;
    const google::protobuf::Timestamp time_;
    std::vector<Slot> events_;
  };

  void append(std::shared_ptr<Group> group);
  uint64_t oldest() const;

  static constexpr std::size_t kMaxOld = 8;  // groups

  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  // The first one may reach back further than the ring does.
  std::deque<std::shared_ptr<Group>> groups_;
  std::vector<std::shared_ptr<Group>> old_;  // fell off it
  const uint64_t first_sequence_;            // numbers up to here are of earlier processes
  uint64_t last_sequence_;
  bool closed_ = false;
};

}  // namespace simplon::control
