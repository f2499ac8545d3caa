// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/runtime/runtime_reader.h"

#include <time.h>

#include <bit>
#include <cstring>
#include <thread>
#include <utility>

#include "control/clock.h"
#include "proto/link/snapshot_format.h"

namespace simplon::control {
namespace {

constexpr std::string_view kName = "runtime";
// A writer needs some nanoseconds; one that died there leaves the record to its successor.
constexpr int kReadAttempts = 64;

// What is wrong with it; empty: nothing.
std::string_view fault_of(const RuntimeHeader& h, std::size_t size) {
  // Acquire pairs with the creator's release: what follows the flag is complete.
  if (h.ready.load(std::memory_order_acquire) == 0) return "is not ready";
  if (std::memcmp(h.magic, kRuntimeMagic, sizeof h.magic) != 0) return "has another magic";
  if (h.abi_major != kRuntimeAbiMajor) return "has another ABI";
  if (h.header_size != sizeof(RuntimeHeader)) return "has another header";
  if (h.total_size > size) return "is shorter than it says";
  if (h.slot_capacity > kMaxSlots) return "has too many slots";
  if (!std::has_single_bit(h.event_ring_size)) return "has a ring of events of an odd size";
  if (!MappedSegment::fits(h.total_size, h.records_offset, h.slot_capacity,
                           sizeof(TunnelRuntime)) ||
      !MappedSegment::fits(h.total_size, h.events_offset, h.event_ring_size, sizeof(TunnelEvent))) {
    return "is shorter than its tables";
  }
  return {};
}

}  // namespace

uint32_t boot_second_at(int64_t unix_ns) {
  constexpr int64_t kSecondNs = 1'000'000'000;
  timespec since_boot{};
  clock_gettime(CLOCK_BOOTTIME, &since_boot);
  const int64_t boot_unix_ns = unix_now_ns() - since_boot.tv_sec * kSecondNs - since_boot.tv_nsec;
  return uint32_t(unix_ns / kSecondNs - boot_unix_ns / kSecondNs);
}

absl::StatusOr<std::shared_ptr<const RuntimeReader>> RuntimeReader::map(UniqueFd fd) {
  auto mapping = MappedSegment::map(std::move(fd), kName, sizeof(RuntimeHeader));
  if (!mapping.ok()) return mapping.status();
  const auto& header = *reinterpret_cast<const RuntimeHeader*>(mapping->data());
  if (const auto fault = fault_of(header, mapping->size()); !fault.empty()) {
    return unusable_segment(kName, fault);
  }
  return std::shared_ptr<const RuntimeReader>(new RuntimeReader(*std::move(mapping)));
}

RuntimeReader::RuntimeReader(MappedSegment mapping) : mapping_(std::move(mapping)) {
  // The table's readers only load, and the mapping would not let them do more.
  auto* records = reinterpret_cast<TunnelRuntime*>(const_cast<char*>(mapping_.data()) +
                                                   header().records_offset);
  table_ = RuntimeTable(std::span(records, header().slot_capacity));
}

uint64_t RuntimeReader::word(uint32_t slot) const {
  if (slot >= header().slot_capacity) return 0;
  auto* records = reinterpret_cast<TunnelRuntime*>(const_cast<char*>(mapping_.data()) +
                                                   header().records_offset);
  return std::atomic_ref<uint64_t>(records[slot].endpoint).load(std::memory_order_acquire);
}

RuntimeReader::Learned RuntimeReader::learned(uint32_t slot, uint8_t incarnation) const {
  if (slot >= header().slot_capacity) return {};
  Learned learned;
  for (int attempt = 0; attempt < kReadAttempts; ++attempt) {
    learned.word = word(slot);
    if (endpoint_word::is_busy(learned.word)) {
      std::this_thread::yield();
      continue;
    }
    if (endpoint_word::incarnation(learned.word) != incarnation) return {};
    learned.endpoint = table_.load(slot, incarnation);
    learned.highest_epoch = table_.highest_epoch(slot, incarnation);
    learned.last_seen_s = table_.last_seen_s(slot, incarnation);
    if (word(slot) == learned.word) return learned;
  }
  return learned;
}

EventReader RuntimeReader::events() const {
  const auto* events =
      reinterpret_cast<const TunnelEvent*>(mapping_.data() + header().events_offset);
  return {header(), std::span(events, header().event_ring_size)};
}

}  // namespace simplon::control
