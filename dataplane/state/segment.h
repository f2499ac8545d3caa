// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The counters segment from its owner's side (proto/link/segment_format.h): a file in the state
// directory that outlives the process. Manager thread; the arrays are written by the thread that
// owns the column.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "dataplane/state/file_descriptor.h"
#include "dataplane/state/worker_counters.h"
#include "proto/link/segment_format.h"

namespace simplon {

class CountersSegment {
 public:
  enum class Origin { kCreated, kReopened, kReplaced };

  static constexpr const char* kFileName = "counters";

  // Opens DIRECTORY/counters and goes on counting, if it was written by a process of the same
  // layout and counter list; else moves it aside as counters.old and creates a new one. A reader
  // that has the old file mapped keeps it: no file is ever truncated or overwritten. Nullopt:
  // `error` says what failed.
  static std::optional<CountersSegment> open(const std::string& directory, uint32_t worker_count,
                                             uint32_t slot_capacity, std::string& error);

  CountersSegment(CountersSegment&& other) noexcept;
  CountersSegment& operator=(CountersSegment&& other) noexcept;
  ~CountersSegment();

  // Bytes of the file; it is sparse, only what is counted takes memory.
  static uint64_t size_of(uint32_t worker_count, uint32_t slot_capacity);

  Origin origin() const { return origin_; }
  // Why the file that was there was not taken; for kReplaced.
  const std::string& refusal() const { return refusal_; }
  // Packets a process that died had in its hands; booked as drops `lost-in-crash` when reopened.
  uint64_t lost_packets() const { return lost_packets_; }

  // Worker i's column is i, the slow path's the last.
  uint32_t column_count() const { return header_->column_count; }
  uint32_t slot_capacity() const { return header_->slot_capacity; }
  uint64_t* worker_counters(uint32_t column) const;
  TunnelCounters* tunnel_counters(uint32_t column) const;

  // For readers in other processes.
  int read_only_fd() const { return read_only_fd_.get(); }

 private:
  CountersSegment() = default;
  static std::optional<CountersSegment> reopen(const std::string& path,
                                               const SegmentHeader& expected, std::string& refusal);
  static std::optional<CountersSegment> create(const std::string& path,
                                               const SegmentHeader& expected, std::string& error);
  bool map(int fd, uint64_t size, std::string& error);
  void settle_accounts();

  SegmentHeader* header_ = nullptr;  // start of the mapping
  uint64_t size_ = 0;
  FileDescriptor read_only_fd_;
  Origin origin_ = Origin::kCreated;
  std::string refusal_;
  uint64_t lost_packets_ = 0;
};

}  // namespace simplon
