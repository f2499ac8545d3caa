// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The ledger segment from its owner's side (proto/link/segment_format.h). Manager thread; each
// column is written by its own thread.

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "dataplane/state/error_ledger.h"
#include "dataplane/state/segment_file.h"
#include "proto/link/segment_format.h"

namespace simplon {

class LedgerSegment {
 public:
  using Origin = SegmentFile::Origin;

  static constexpr const char* kFileName = "ledger";
  static constexpr uint32_t kDefaultSets = 4096;  // 3 MiB a column

  // Goes on with DIRECTORY/ledger if it has the same layout and counter list, without the records a
  // killed process was writing; else moves it aside and creates a new one. `sets_per_column`: a
  // power of two.
  static std::optional<LedgerSegment> open(const std::string& directory, uint32_t worker_count,
                                           std::string& error,
                                           uint32_t sets_per_column = kDefaultSets);

  // Bytes of the file, all of them allocated: every dropped packet may write.
  static uint64_t size_of(uint32_t worker_count, uint32_t sets_per_column = kDefaultSets);

  Origin origin() const { return file_.origin(); }
  const std::string& refusal() const { return file_.refusal(); }
  // Records a process died writing, cleared when reopened: they may hold bytes of two tunnels.
  uint32_t repaired() const { return repaired_; }

  // Worker i's column is i, the slow path's the last.
  uint32_t column_count() const { return header().column_count; }
  std::span<LedgerRecord> column(uint32_t column) const;
  ErrorLedger ledger(uint32_t c) const { return ErrorLedger(column(c)); }

  int read_only_fd() const { return file_.read_only_fd(); }

 private:
  LedgerSegment() = default;
  const LedgerHeader& header() const {
    return *reinterpret_cast<const LedgerHeader*>(file_.data());
  }
  void repair();

  SegmentFile file_;
  uint32_t repaired_ = 0;
};

}  // namespace simplon
