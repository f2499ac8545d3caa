// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The counters segment from its owner's side (proto/link/segment_format.h): a file in the state
// directory that outlives the process. Manager thread; the arrays are written by the thread that
// owns the column.

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dataplane/state/segment_file.h"
#include "dataplane/state/worker_counters.h"
#include "proto/link/segment_format.h"

namespace simplon {

class CountersSegment {
 public:
  using Origin = SegmentFile::Origin;

  static constexpr const char* kFileName = "counters";

  // Opens DIRECTORY/counters and goes on counting, if it was written by a process of the same
  // layout and counter list; else moves it aside and creates a new one (SegmentFile::open).
  // Nullopt: `error` says what failed.
  static std::optional<CountersSegment> open(const std::string& directory, uint32_t worker_count,
                                             uint32_t slot_capacity, std::string& error);

  // Bytes of the file; it is sparse, only what is counted takes memory.
  static uint64_t size_of(uint32_t worker_count, uint32_t slot_capacity);

  Origin origin() const { return file_.origin(); }
  // Why the file that was there was not taken; for kReplaced.
  const std::string& refusal() const { return file_.refusal(); }
  // Packets a process that died had in its hands; booked as drops `lost-in-crash` when reopened.
  uint64_t lost_packets() const { return lost_packets_; }

  // Worker i's column is i, the slow path's the last.
  uint32_t column_count() const { return header().column_count; }
  uint32_t slot_capacity() const { return header().slot_capacity; }
  uint64_t* worker_counters(uint32_t column) const;
  TunnelCounters* tunnel_counters(uint32_t column) const;

  // For readers in other processes.
  int read_only_fd() const { return file_.read_only_fd(); }

 private:
  CountersSegment() = default;
  const SegmentHeader& header() const {
    return *reinterpret_cast<const SegmentHeader*>(file_.data());
  }
  void settle_accounts();

  SegmentFile file_;
  uint64_t lost_packets_ = 0;
};

}  // namespace simplon
