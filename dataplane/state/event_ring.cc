// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/state/event_ring.h"

#include <algorithm>
#include <atomic>
#include <cstddef>

#include "dataplane/state/shared_words.h"

namespace simplon {
namespace {

// `number` comes first and is the version of the rest.
static_assert(offsetof(TunnelEvent, number) == 0);
constexpr std::size_t kBody = sizeof(TunnelEvent) - sizeof(uint64_t);

std::byte* body_of(TunnelEvent& event) {
  return reinterpret_cast<std::byte*>(&event) + sizeof(uint64_t);
}
const std::byte* body_of(const TunnelEvent& event) {
  return reinterpret_cast<const std::byte*>(&event) + sizeof(uint64_t);
}

}  // namespace

void EventRing::publish(TunnelEvent event) {
  const uint64_t number = header_->newest_event.load(std::memory_order_relaxed) + 1;
  TunnelEvent& place = events_[(number - 1) & (events_.size() - 1)];
  const std::atomic_ref<uint64_t> version(place.number);
  version.store(0, std::memory_order_relaxed);
  store_words(body_of(place), body_of(event), kBody);
  // Pairs with the acquire in EventReader::read().
  version.store(number, std::memory_order_release);
  // Pairs with the acquire in EventReader::newest().
  header_->newest_event.store(number, std::memory_order_release);
}

bool EventReader::read(uint64_t number, TunnelEvent& copy) const {
  const TunnelEvent& place = events_[(number - 1) & (events_.size() - 1)];
  const std::atomic_ref<uint64_t> version(const_cast<uint64_t&>(place.number));
  if (version.load(std::memory_order_acquire) != number) return false;
  load_words(body_of(copy), body_of(place), kBody);
  copy.number = number;
  return version.load(std::memory_order_relaxed) == number;
}

EventReader::Result EventReader::read_after(uint64_t after, std::span<TunnelEvent> out) const {
  Result result;
  result.last = after;
  const uint64_t newest_number = newest();
  if (after >= newest_number) return result;
  uint64_t next = after + 1;
  const uint64_t oldest = newest_number - std::min<uint64_t>(newest_number, events_.size()) + 1;
  if (next < oldest) {
    result.lost = oldest - next;
    next = oldest;
  }
  while (next <= newest_number && result.count < out.size()) {
    if (read(next, out[result.count])) {
      ++result.count;
    } else if (result.count == 0) {
      ++result.lost;  // the writer has come round
    } else {
      break;  // the next call says so: what is lost lies before the first
    }
    result.last = next++;
  }
  return result;
}

}  // namespace simplon
