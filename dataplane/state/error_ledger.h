// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Per tunnel and reason: how often, when last, from where, and the last such packet
// (proto/link/segment_format.h). Each worker writes a column of its own, as with counters; a reader
// adds the columns up. Bounded: where a set of records is full the one unused for longest makes
// room.

#pragma once

#include <cstdint>
#include <span>

#include "dataplane/net/address.h"
#include "proto/link/segment_format.h"
#include "proto/link/snapshot_format.h"

namespace simplon {

// What is booked. `packet`: from its outermost IP header, as received.
struct LedgerEntry {
  uint32_t slot = kNoSlot;
  uint8_t incarnation = 0;
  uint8_t reason = 0;  // DropReason or LedgerNote
  int64_t detail = 0;
  std::span<const uint8_t> packet;
};

// One column's writer. One thread. Without memory it books nothing.
class ErrorLedger {
 public:
  // Time, source and bytes are taken at most this often per record; counts are exact.
  static constexpr uint64_t kSampleNs = 10'000'000;

  ErrorLedger() = default;
  // `records`: sets of kLedgerWays, a power of two of them; of the caller.
  explicit ErrorLedger(std::span<LedgerRecord> records)
      : records_(records.data()), sets_(static_cast<uint32_t>(records.size() / kLedgerWays)) {}

  void book(const LedgerEntry& entry, uint64_t unix_ns);

 private:
  LedgerRecord& find(const LedgerEntry& entry);

  LedgerRecord* records_ = nullptr;
  uint32_t sets_ = 0;
};

// A record as it was at one moment, read from another thread or process. False: it was being
// written, or is unused.
bool read_ledger_record(const LedgerRecord& record, LedgerRecord& copy);

// Before any writer runs: clears a record that a process died writing. True: it was one.
bool repair_ledger_record(LedgerRecord& record);

}  // namespace simplon
