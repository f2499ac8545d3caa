// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/state/segment.h"

#include <cstddef>
#include <vector>

#include "dataplane/state/conservation.h"

namespace simplon {
namespace {

uint64_t worker_counters_size(uint32_t columns) {
  return uint64_t{columns} * kWorkerCounterCapacity * sizeof(uint64_t);
}

void describe(SegmentHeader& h, uint32_t worker_count, uint32_t slot_capacity) {
  std::memcpy(h.magic, kCountersMagic, sizeof h.magic);
  h.abi_major = kSegmentAbiMajor;
  h.header_size = sizeof(SegmentHeader);
  h.column_count = worker_count + 1;
  h.slot_capacity = slot_capacity;
  h.worker_counters_offset = kSegmentPage;
  h.tunnel_counters_offset = kSegmentPage + worker_counters_size(h.column_count);
  h.total_size = CountersSegment::size_of(worker_count, slot_capacity);
  h.counter_list_hash = counter_list_hash();
}

// Why a segment of another process cannot be gone on with; empty: it can.
std::string compare(const SegmentHeader& found, const SegmentHeader& expected) {
  std::string refusal = compare_segments(found, expected, "counters");
  if (!refusal.empty()) return refusal;
  if (found.column_count != expected.column_count) {
    return "made for " + std::to_string(found.column_count - 1) + " workers, now there are " +
           std::to_string(expected.column_count - 1);
  }
  if (found.slot_capacity != expected.slot_capacity) {
    return "made for " + std::to_string(found.slot_capacity) + " slots, now there are " +
           std::to_string(expected.slot_capacity);
  }
  if (found.counter_list_hash != expected.counter_list_hash) return "another list of counters";
  if (found.header_size != expected.header_size || found.total_size != expected.total_size ||
      found.worker_counters_offset != expected.worker_counters_offset ||
      found.tunnel_counters_offset != expected.tunnel_counters_offset) {
    return "another layout";
  }
  return {};
}

}  // namespace

uint64_t CountersSegment::size_of(uint32_t worker_count, uint32_t slot_capacity) {
  const uint32_t columns = worker_count + 1;
  return kSegmentPage + worker_counters_size(columns) +
         uint64_t{columns} * slot_capacity * sizeof(TunnelCounters);
}

std::optional<CountersSegment> CountersSegment::open(const std::string& directory,
                                                     uint32_t worker_count, uint32_t slot_capacity,
                                                     std::string& error) {
  const auto describe_this = [=](SegmentHeader& h) { describe(h, worker_count, slot_capacity); };
  SegmentHeader expected{};
  describe_this(expected);
  SegmentFile::Shape shape;
  shape.name = kFileName;
  shape.size = expected.total_size;
  // The counters of tunnels stay sparse: most slots have none, or are never used.
  shape.allocated = expected.tunnel_counters_offset;
  shape.refusal = [&expected](const std::byte* start) {
    return compare(*reinterpret_cast<const SegmentHeader*>(start), expected);
  };
  shape.initialize = [&](std::byte* start) {
    initialize_segment<SegmentHeader>(start, describe_this);
  };
  auto file = SegmentFile::open(directory, shape, error);
  if (!file) return std::nullopt;
  CountersSegment segment;
  segment.file_ = std::move(*file);
  if (segment.origin() == Origin::kReopened) segment.settle_accounts();
  return segment;
}

// A process that died took along the packets it held. Totals must not go back, so they are booked
// as dropped, and nothing is held any more.
void CountersSegment::settle_accounts() {
  std::vector<const uint64_t*> columns;
  for (uint32_t c = 0; c < column_count(); ++c) columns.push_back(worker_counters(c));
  const Conservation books = conservation(columns);
  WorkerCounters slow_path(worker_counters(column_count() - 1));
  uint64_t in_rings = 0;
  for (uint32_t c = 0; c < column_count(); ++c) {
    WorkerCounters column(worker_counters(c));
    in_rings += column.get(WorkerCounter::kPunted) - column.get(WorkerCounter::kPuntsTaken);
    column.set(WorkerCounter::kHeldReassembly, 0);
    column.set(WorkerCounter::kHeldNeighbor, 0);
    column.set(WorkerCounter::kHeldTx, 0);
  }
  slow_path.add(WorkerCounter::kPuntsTaken, in_rings);
  // A worker counts a packet in before it counts it out, so this is not negative.
  const int64_t lost = books.imbalance() + static_cast<int64_t>(books.held);
  if (lost > 0) {
    lost_packets_ = static_cast<uint64_t>(lost);
    slow_path.drop(DropReason::kLostInCrash, lost_packets_);
  }
}

uint64_t* CountersSegment::worker_counters(uint32_t column) const {
  std::byte* base = file_.data() + header().worker_counters_offset;  // page-aligned
  return reinterpret_cast<uint64_t*>(base) + std::size_t{column} * kWorkerCounterCapacity;
}

TunnelCounters* CountersSegment::tunnel_counters(uint32_t column) const {
  std::byte* base = file_.data() + header().tunnel_counters_offset;
  return reinterpret_cast<TunnelCounters*>(base) + std::size_t{column} * header().slot_capacity;
}

}  // namespace simplon
