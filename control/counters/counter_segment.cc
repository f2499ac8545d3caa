// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/counters/counter_segment.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <atomic>
#include <cerrno>
#include <cstring>

#include "control/text/absl_text.h"
#include "dataplane/state/errno_text.h"
#include "dataplane/state/worker_counters.h"
#include "proto/link/snapshot_format.h"

namespace simplon::control {
namespace {

absl::Status unusable(std::string_view why) {
  return absl::FailedPreconditionError(ToAbsl(
      fmt::format("counters segment: {}; are control and dataplane of the same release?", why)));
}

bool fits(uint64_t total, uint64_t offset, uint64_t count, uint64_t size) {
  return offset <= total && count <= (total - offset) / size && offset % 8 == 0;
}

// What is wrong with it; empty: nothing.
std::string_view fault_of(const SegmentHeader& h, std::size_t size) {
  // Acquire pairs with the creator's release: what follows the flag is complete.
  if (h.ready.load(std::memory_order_acquire) == 0) return "is not ready";
  if (std::memcmp(h.magic, kCountersMagic, sizeof h.magic) != 0) return "has another magic";
  if (h.abi_major != kSegmentAbiMajor) return "has another ABI";
  if (h.total_size > size) return "is shorter than it says";
  if (h.slot_capacity > kMaxSlots) return "has too many slots";
  if (h.column_count == 0 || h.column_count > kMaxWorkers + 1) return "has too many columns";
  if (h.counter_list_hash != counter_list_hash()) return "counts other things";
  const uint64_t columns = h.column_count;
  if (!fits(h.total_size, h.worker_counters_offset, columns * kWorkerCounterCapacity, 8) ||
      !fits(h.total_size, h.tunnel_counters_offset, columns * h.slot_capacity,
            sizeof(TunnelCounters))) {
    return "is shorter than its tables";
  }
  return {};
}

}  // namespace

absl::StatusOr<std::shared_ptr<const CounterSegment>> CounterSegment::map(UniqueFd fd) {
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return unusable(errno_text());
  if (info.st_size < off_t(sizeof(SegmentHeader))) return unusable("is shorter than its header");
  const auto size = std::size_t(info.st_size);
  void* data = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return unusable(errno_text());
  std::shared_ptr<const CounterSegment> segment(
      new CounterSegment(static_cast<const char*>(data), size));
  if (const auto fault = fault_of(segment->header(), size); !fault.empty()) return unusable(fault);
  return segment;
}

CounterSegment::~CounterSegment() {
  munmap(const_cast<char*>(data_), size_);
}

TunnelSums CounterSegment::tunnel(uint32_t slot) const {
  TunnelSums sums{};
  if (slot >= header().slot_capacity) return sums;
  const auto* table =
      reinterpret_cast<const TunnelCounters*>(data_ + header().tunnel_counters_offset);
  for (uint32_t column = 0; column < header().column_count; ++column) {
    const TunnelCounters& c = table[std::size_t(column) * header().slot_capacity + slot];
    sums[0] += counter_load(c.in_packets);
    sums[1] += counter_load(c.in_bytes);
    sums[2] += counter_load(c.out_packets);
    sums[3] += counter_load(c.out_bytes);
  }
  return sums;
}

const uint64_t* CounterSegment::column(uint32_t index) const {
  return reinterpret_cast<const uint64_t*>(data_ + header().worker_counters_offset) +
         std::size_t(index) * kWorkerCounterCapacity;
}

std::vector<const uint64_t*> CounterSegment::all_columns() const {
  std::vector<const uint64_t*> columns;
  for (uint32_t i = 0; i < header().column_count; ++i) columns.push_back(column(i));
  return columns;
}

}  // namespace simplon::control
