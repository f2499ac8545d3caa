// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/state/ledger_segment.h"

#include "dataplane/state/worker_counters.h"

namespace simplon {
namespace {

void describe(LedgerHeader& h, uint32_t worker_count, uint32_t sets_per_column) {
  std::memcpy(h.magic, kLedgerMagic, sizeof h.magic);
  h.abi_major = kLedgerAbiMajor;
  h.header_size = sizeof(LedgerHeader);
  h.total_size = LedgerSegment::size_of(worker_count, sets_per_column);
  h.column_count = worker_count + 1;
  h.sets_per_column = sets_per_column;
  h.records_offset = kSegmentPage;
  h.counter_list_hash = counter_list_hash();
}

std::string compare(const LedgerHeader& found, const LedgerHeader& expected) {
  std::string refusal = compare_segments(found, expected, "ledger");
  if (!refusal.empty()) return refusal;
  if (found.column_count != expected.column_count) {
    return "made for " + std::to_string(found.column_count - 1) + " workers, now there are " +
           std::to_string(expected.column_count - 1);
  }
  if (found.counter_list_hash != expected.counter_list_hash) return "another list of counters";
  if (found.header_size != expected.header_size || found.total_size != expected.total_size ||
      found.sets_per_column != expected.sets_per_column ||
      found.records_offset != expected.records_offset) {
    return "another layout";
  }
  return {};
}

}  // namespace

uint64_t LedgerSegment::size_of(uint32_t worker_count, uint32_t sets_per_column) {
  return kSegmentPage +
         (uint64_t{worker_count} + 1) * sets_per_column * kLedgerWays * sizeof(LedgerRecord);
}

std::optional<LedgerSegment> LedgerSegment::open(const std::string& directory,
                                                 uint32_t worker_count, std::string& error,
                                                 uint32_t sets_per_column) {
  const auto describe_this = [=](LedgerHeader& h) { describe(h, worker_count, sets_per_column); };
  LedgerHeader expected{};
  describe_this(expected);
  SegmentFile::Shape shape;
  shape.name = kFileName;
  shape.size = expected.total_size;
  shape.allocated = expected.total_size;
  shape.refusal = [&expected](const std::byte* start) {
    return compare(*reinterpret_cast<const LedgerHeader*>(start), expected);
  };
  shape.initialize = [&](std::byte* start) {
    initialize_segment<LedgerHeader>(start, describe_this);
  };
  auto file = SegmentFile::open(directory, shape, error);
  if (!file) return std::nullopt;
  LedgerSegment segment;
  segment.file_ = std::move(*file);
  if (segment.origin() == Origin::kReopened) segment.repair();
  return segment;
}

void LedgerSegment::repair() {
  for (uint32_t c = 0; c < column_count(); ++c) {
    for (LedgerRecord& record : column(c)) {
      if (repair_ledger_record(record)) ++repaired_;
    }
  }
}

std::span<LedgerRecord> LedgerSegment::column(uint32_t column) const {
  const std::size_t records = std::size_t{header().sets_per_column} * kLedgerWays;
  return {
      reinterpret_cast<LedgerRecord*>(file_.data() + header().records_offset) + column * records,
      records};
}

}  // namespace simplon
