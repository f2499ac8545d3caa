// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/state/event_ring.h"

#include <array>
#include <memory>
#include <thread>
#include <vector>

#include "dataplane/state/note_queue.h"
#include "tests/support/catch.h"

namespace simplon {
namespace {

struct Bed {
  RuntimeHeader header{};
  std::array<TunnelEvent, 8> events{};
  EventRing ring{header, events};
  EventReader reader{header, events};
  std::array<TunnelEvent, 100> out{};

  void publish(uint32_t count) {
    for (uint32_t i = 0; i < count; ++i) {
      TunnelEvent event{};
      event.slot = static_cast<uint32_t>(reader.newest() + 1);
      ring.publish(event);
    }
  }
  // Numbers and what belongs to them are in order from `first` on.
  void check(std::size_t count, uint64_t first) const {
    for (std::size_t i = 0; i < count; ++i) {
      CHECK(out[i].number == first + i);
      CHECK(out[i].slot == first + i);
    }
  }
};

TEST_CASE("events are numbered from one and read in order, a few at a time") {
  Bed bed;
  CHECK(bed.reader.newest() == 0);
  CHECK(bed.reader.read_after(0, bed.out).count == 0);
  bed.publish(5);
  auto result = bed.reader.read_after(0, std::span(bed.out).first(3));
  REQUIRE(result.count == 3);
  CHECK(result.lost == 0);
  CHECK(result.last == 3);
  bed.check(3, 1);
  result = bed.reader.read_after(result.last, bed.out);
  REQUIRE(result.count == 2);
  bed.check(2, 4);
  CHECK(result.last == 5);
  CHECK(bed.reader.read_after(5, bed.out).count == 0);
}

TEST_CASE("a reader the ring has overrun is told how many it missed") {
  Bed bed;
  bed.publish(8);
  auto result = bed.reader.read_after(0, bed.out);
  CHECK(result.count == 8);
  CHECK(result.lost == 0);
  bed.publish(12);  // 20 in all, 13..20 are there
  result = bed.reader.read_after(8, bed.out);
  CHECK(result.lost == 4);
  REQUIRE(result.count == 8);
  bed.check(8, 13);
  result = bed.reader.read_after(2, std::span(bed.out).first(1));
  CHECK(result.lost == 10);
  CHECK(result.count == 1);
  CHECK(result.last == 13);
}

TEST_CASE("a number from another instance yields nothing") {
  Bed bed;
  bed.publish(3);
  const auto result = bed.reader.read_after(1000, bed.out);
  CHECK(result.count == 0);
  CHECK(result.lost == 0);
}

TEST_CASE("an event a process died writing is lost, and the next one takes its place and number") {
  Bed bed;
  bed.publish(9);
  // Number 10 was to replace number 2.
  bed.events[1].number = 0;
  bed.events[1].slot = 777;
  auto result = bed.reader.read_after(0, bed.out);
  CHECK(result.lost == 2);
  REQUIRE(result.count == 7);
  bed.check(7, 3);

  EventRing successor{bed.header, bed.events};
  TunnelEvent event{};
  event.slot = 10;
  successor.publish(event);
  result = bed.reader.read_after(9, bed.out);
  REQUIRE(result.count == 1);
  bed.check(1, 10);
}

TEST_CASE("an event that is overwritten while it is read ends the answer before the gap") {
  Bed bed;
  bed.publish(8);
  bed.events[4].number = 13;  // as if the writer had come round in between
  auto result = bed.reader.read_after(0, bed.out);
  REQUIRE(result.count == 4);
  CHECK(result.last == 4);
  result = bed.reader.read_after(4, bed.out);
  CHECK(result.lost == 1);
  REQUIRE(result.count == 3);
  CHECK(bed.out[0].number == 6);
}

TEST_CASE("a note queue keeps order, and loses what does not fit") {
  const auto queue = std::make_unique<NoteQueue>();
  TunnelEvent event{};
  CHECK_FALSE(queue->pop(event));
  for (uint32_t round = 0; round < 3; ++round) {
    for (uint32_t i = 0; i < NoteQueue::kSize; ++i) {
      event.slot = i;
      REQUIRE(queue->push(event));
    }
    CHECK_FALSE(queue->push(event));
    for (uint32_t i = 0; i < NoteQueue::kSize; ++i) {
      REQUIRE(queue->pop(event));
      CHECK(event.slot == i);
    }
    CHECK_FALSE(queue->pop(event));
  }
}

}  // namespace
}  // namespace simplon
