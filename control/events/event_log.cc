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

EventLog::Group::Group(std::size_t count, std::function<v1::WatchResponse(std::size_t)> make)
    : make_(std::move(make)), time_(timestamp_now()), events_(count) {}

EventLog::Event EventLog::Group::event(std::size_t index) {
  Slot& slot = events_[index];
  std::call_once(slot.once, [&] {
    v1::WatchResponse event = make_(index);
    *event.mutable_time() = time_;
    event.set_sequence(first_sequence + index);
    slot.event = std::make_shared<const v1::WatchResponse>(std::move(event));
  });
  return slot.event;
}

void EventLog::append(v1::WatchResponse event) {
  append(std::make_shared<Group>(1, [event = std::move(event)](std::size_t) { return event; }));
}

void EventLog::append(std::size_t count, std::function<v1::WatchResponse(std::size_t)> make) {
  if (count > 0) append(std::make_shared<Group>(count, std::move(make)));
}

void EventLog::append(std::shared_ptr<Group> group) {
  bool too_many = false;
  {
    const std::lock_guard lock(mutex_);
    group->first_sequence = last_sequence_ + 1;
    last_sequence_ += group->size();
    groups_.push_back(std::move(group));
    while (groups_.front()->first_sequence + groups_.front()->size() <= oldest()) {
      old_.push_back(std::move(groups_.front()));
      groups_.pop_front();
    }
    too_many = old_.size() > kMaxOld;
  }
  changed_.notify_all();
  if (too_many) free_old();
}

void EventLog::free_old() {
  std::vector<std::shared_ptr<Group>> old;  // freed without the lock
  const std::lock_guard lock(mutex_);
  old.swap(old_);
}

void EventLog::skip(uint64_t count) {
  const std::lock_guard lock(mutex_);
  last_sequence_ += count;
  groups_.clear();
}

// With mutex_ held. Of what is kept; behind the last one, if that is nothing.
uint64_t EventLog::oldest() const {
  if (groups_.empty()) return last_sequence_ + 1;
  const uint64_t room = last_sequence_ + 1 - std::min<uint64_t>(capacity_, last_sequence_);
  return std::max(groups_.front()->first_sequence, room);
}

uint64_t EventLog::last_sequence() const {
  const std::lock_guard lock(mutex_);
  return last_sequence_;
}

EventLog::Batch EventLog::read(uint64_t sequence, std::size_t limit,
                               std::chrono::milliseconds timeout) {
  Batch batch;
  std::vector<std::shared_ptr<Group>> groups;
  uint64_t first = 0;
  uint64_t last = 0;
  {
    std::unique_lock lock(mutex_);
    if (sequence < first_sequence_ || sequence > last_sequence_) {
      batch.missed = ~uint64_t{0};
      sequence = oldest() - 1;
      timeout = std::chrono::milliseconds(0);  // the gap itself is news
    }
    changed_.wait_for(lock, timeout, [&] { return closed_ || last_sequence_ > sequence; });
    batch.closed = closed_;
    if (batch.missed == 0 && sequence + 1 < oldest()) batch.missed = oldest() - 1 - sequence;
    first = std::max(sequence + 1, oldest());
    batch.after = first - 1;
    last = std::min<uint64_t>(last_sequence_, first - 1 + limit);
    const auto holds_first = std::ranges::upper_bound(
        groups_, first, {}, [](const std::shared_ptr<Group>& g) { return g->first_sequence; });
    for (auto it = holds_first == groups_.begin() ? holds_first : std::prev(holds_first);
         it != groups_.end() && (*it)->first_sequence <= last; ++it) {
      groups.push_back(*it);
    }
  }
  // Whoever comes first makes an event for all.
  for (const std::shared_ptr<Group>& group : groups) {
    for (uint64_t at = std::max(first, group->first_sequence);
         at <= last && at < group->first_sequence + group->size(); ++at) {
      batch.events.push_back(group->event(at - group->first_sequence));
    }
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
