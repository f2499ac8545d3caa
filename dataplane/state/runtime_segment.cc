// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/state/runtime_segment.h"

#include <ctime>
#include <fstream>

namespace simplon {
namespace {

constexpr uint64_t align_to_page(uint64_t bytes) {
  return (bytes + kSegmentPage - 1) / kSegmentPage * kSegmentPage;
}

uint64_t events_offset(uint32_t slot_capacity) {
  return kSegmentPage + align_to_page(uint64_t{slot_capacity} * sizeof(TunnelRuntime));
}

void describe(RuntimeHeader& h, uint32_t slot_capacity) {
  std::memcpy(h.magic, kRuntimeMagic, sizeof h.magic);
  h.abi_major = kRuntimeAbiMajor;
  h.header_size = sizeof(RuntimeHeader);
  h.total_size = RuntimeSegment::size_of(slot_capacity);
  h.slot_capacity = slot_capacity;
  h.event_ring_size = kEventRingSize;
  h.records_offset = kSegmentPage;
  h.events_offset = events_offset(slot_capacity);
}

std::string compare(const RuntimeHeader& found, const RuntimeHeader& expected) {
  std::string refusal = compare_segments(found, expected, "runtime");
  if (!refusal.empty()) return refusal;
  if (found.slot_capacity != expected.slot_capacity) {
    return "made for " + std::to_string(found.slot_capacity) + " slots, now there are " +
           std::to_string(expected.slot_capacity);
  }
  if (found.header_size != expected.header_size || found.total_size != expected.total_size ||
      found.event_ring_size != expected.event_ring_size ||
      found.records_offset != expected.records_offset ||
      found.events_offset != expected.events_offset) {
    return "another layout";
  }
  return {};
}

}  // namespace

BootTime BootTime::read() {
  BootTime boot;
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  boot.now_s = static_cast<uint32_t>(now.tv_sec);
  std::string text;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> text;
  boot.boot_id = 14695981039346656037u;  // FNV-1a
  for (const char c : text)
    boot.boot_id = (boot.boot_id ^ static_cast<uint8_t>(c)) * 1099511628211u;
  return boot;
}

uint64_t RuntimeSegment::size_of(uint32_t slot_capacity) {
  return events_offset(slot_capacity) + kEventRingSize * sizeof(TunnelEvent);
}

std::optional<RuntimeSegment> RuntimeSegment::open(const std::string& directory,
                                                   uint32_t slot_capacity, const BootTime& boot,
                                                   std::string& error) {
  RuntimeHeader expected{};
  describe(expected, slot_capacity);
  SegmentFile::Shape shape;
  shape.name = kFileName;
  shape.size = expected.total_size;
  shape.allocated = expected.total_size;
  shape.refusal = [&expected](const std::byte* start) {
    return compare(*reinterpret_cast<const RuntimeHeader*>(start), expected);
  };
  shape.initialize = [&](std::byte* start) {
    initialize_segment<RuntimeHeader>(start, [&](RuntimeHeader& h) {
      describe(h, slot_capacity);
      h.boot_id = boot.boot_id;
    });
  };
  auto file = SegmentFile::open(directory, shape, error);
  if (!file) return std::nullopt;
  RuntimeSegment segment;
  segment.file_ = std::move(*file);
  if (segment.origin() == Origin::kReopened) segment.take_over(boot);
  return segment;
}

void RuntimeSegment::take_over(const BootTime& boot) {
  RuntimeTable runtime = table();
  rebooted_ = header().boot_id != boot.boot_id;
  for (uint32_t slot = 0; slot < runtime.capacity(); ++slot) {
    if (runtime.repair(slot)) ++repaired_;
    if (rebooted_) runtime.restart_clock(slot, boot.now_s);
  }
  header().boot_id = boot.boot_id;
}

std::span<TunnelRuntime> RuntimeSegment::records() const {
  return {reinterpret_cast<TunnelRuntime*>(file_.data() + header().records_offset),
          header().slot_capacity};
}

std::span<TunnelEvent> RuntimeSegment::ring() const {
  return {reinterpret_cast<TunnelEvent*>(file_.data() + header().events_offset),
          header().event_ring_size};
}

RuntimeTable RuntimeSegment::table() const {
  return RuntimeTable(records());
}

EventRing RuntimeSegment::event_ring() const {
  return EventRing(header(), ring());
}

EventReader RuntimeSegment::events() const {
  return EventReader(header(), ring());
}

}  // namespace simplon
