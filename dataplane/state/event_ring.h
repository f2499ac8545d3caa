// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The last events, in the runtime segment (proto/link/segment_format.h): one writer, any number of
// readers in any process that neither wait for it nor disturb it.

#pragma once

#include <cstdint>
#include <span>

#include "dataplane/state/event_sink.h"
#include "proto/link/segment_format.h"

namespace simplon {

// The slow path's end. The memory is the caller's; a ring that a killed process left is gone on
// with, an event it had not finished never was.
class EventRing final : public EventSink {
 public:
  EventRing(RuntimeHeader& header, std::span<TunnelEvent> events)
      : header_(&header), events_(events) {}

  void publish(TunnelEvent event) override;

 private:
  RuntimeHeader* header_;
  std::span<TunnelEvent> events_;  // a power of two
};

// Any thread or process that has the segment mapped.
class EventReader {
 public:
  // `events`: header.event_ring_size of them, which the caller has checked to be a power of two.
  EventReader(const RuntimeHeader& header, std::span<const TunnelEvent> events)
      : header_(&header), events_(events) {}

  struct Result {
    std::size_t count = 0;  // of `out` that were filled in, oldest first
    uint64_t lost = 0;      // overwritten before they could be read, older than the first one
    uint64_t last = 0;      // number to go on after
  };

  uint64_t newest() const { return header_->newest_event.load(std::memory_order_acquire); }

  // The events after number `after`, as far as they fit. Of an `after` this ring has not reached
  // (it belongs to another instance) there are none.
  Result read_after(uint64_t after, std::span<TunnelEvent> out) const;

 private:
  bool read(uint64_t number, TunnelEvent& copy) const;

  const RuntimeHeader* header_;
  std::span<const TunnelEvent> events_;
};

}  // namespace simplon
