// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The dataplane's counters segment, mapped read-only. Reading asks nothing of the workers. The
// mapping keeps its last values when the dataplane that made it is gone. Thread: any.

#pragma once

#include <absl/status/statusor.h>

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

#include "control/table/unique_fd.h"
#include "proto/link/segment_format.h"

namespace simplon::control {

// in_packets, in_bytes, out_packets, out_bytes
using TunnelSums = std::array<uint64_t, 4>;

class CounterSegment {
 public:
  // Checks header and sizes; the error says what does not fit.
  static absl::StatusOr<std::shared_ptr<const CounterSegment>> map(UniqueFd fd);
  ~CounterSegment();
  CounterSegment(const CounterSegment&) = delete;
  CounterSegment& operator=(const CounterSegment&) = delete;

  uint64_t instance_id() const { return header().instance_id; }
  uint32_t columns() const { return header().column_count; }  // workers, then the slow path
  uint32_t slot_capacity() const { return header().slot_capacity; }

  // Sums over columns; zero for a slot beyond the capacity.
  TunnelSums tunnel(uint32_t slot) const;

  // kWorkerCounterCapacity counters.
  const uint64_t* column(uint32_t index) const;
  std::vector<const uint64_t*> all_columns() const;

 private:
  CounterSegment(const char* data, std::size_t size) : data_(data), size_(size) {}
  const SegmentHeader& header() const { return *reinterpret_cast<const SegmentHeader*>(data_); }

  const char* data_;
  std::size_t size_;
};

}  // namespace simplon::control
