// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/events/event_log.h"

#include <algorithm>

#include "control/clock.h"

namespace simplon::control {
namespace {

// Numbers go on growing across a restart without being stored: they begin at the time.
uint64_t starting_sequence() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return uint64_t(std::chrono::duration_cast<std::chrono::milliseconds>(now).count()) << 20;
}

}  // namespace

EventLog::EventLog(std::size_t capacity)
    : capacity_(capacity), first_sequence_(starting_sequence()), last_sequence_(first_sequence_) {}

void EventLog::append(v1::WatchResponse event) {
  *event.mutable_time() = timestamp_now();
  {
    const std::lock_guard lock(mutex_);
    event.set_sequence(++last_sequence_);
    events_.push_back(std::make_shared<const v1::WatchResponse>(std::move(event)));
    if (events_.size() > capacity_) events_.pop_front();
  }
  changed_.notify_all();
}

void EventLog::skip(uint64_t count) {
  const std::lock_guard lock(mutex_);
  last_sequence_ += count;
  events_.clear();
}

uint64_t EventLog::last_sequence() const {
  const std::lock_guard lock(mutex_);
  return last_sequence_;
}

EventLog::Batch EventLog::read(uint64_t sequence, std::size_t limit,
                               std::chrono::milliseconds timeout) {
  std::unique_lock lock(mutex_);
  Batch batch;
  if (sequence < first_sequence_ || sequence > last_sequence_) {
    batch.missed = ~uint64_t{0};
    sequence = events_.empty() ? last_sequence_ : events_.front()->sequence() - 1;
    timeout = std::chrono::milliseconds(0);  // the gap itself is news
  }
  changed_.wait_for(lock, timeout, [&] { return closed_ || last_sequence_ > sequence; });
  batch.closed = closed_;
  const uint64_t oldest = events_.empty() ? last_sequence_ + 1 : events_.front()->sequence();
  if (batch.missed == 0 && sequence + 1 < oldest) batch.missed = oldest - 1 - sequence;
  const uint64_t first = std::max(sequence + 1, oldest);
  batch.after = first - 1;
  for (uint64_t next = first; next <= last_sequence_ && batch.events.size() < limit; ++next) {
    batch.events.push_back(events_[next - oldest]);
  }
  return batch;
}

void EventLog::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  changed_.notify_all();
}

}  // namespace simplon::control
