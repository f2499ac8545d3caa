// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The error ledger, read from shared memory (proto/link/segment_format.h): what went wrong with
// which tunnel, each worker's column added up. Thread: any.

#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "control/runtime/mapped_segment.h"
#include "dataplane/net/address.h"
#include "proto/link/segment_format.h"

namespace simplon::control {

// One reason of one tunnel, over all columns. What comes of one packet is of the newest sample.
struct TunnelFault {
  uint8_t reason = 0;  // DropReason or LedgerNote
  uint64_t count = 0;
  uint64_t last_unix_ns = 0;
  int64_t detail = 0;
  Ipv6Address source;
  uint16_t source_port = 0;
  uint16_t original_length = 0;
  std::string packet;

  void add(const LedgerRecord& record);
};

class LedgerReader {
 public:
  static absl::StatusOr<std::shared_ptr<const LedgerReader>> map(UniqueFd fd);

  uint64_t instance_id() const { return header().instance_id; }

  // Of one tunnel, most recent first.
  std::vector<TunnelFault> faults(uint32_t slot, uint8_t incarnation) const;
  // Every record in use, one column after the other.
  void visit(const std::function<void(const LedgerRecord&)>& visit) const;

 private:
  explicit LedgerReader(MappedSegment mapping) : mapping_(std::move(mapping)) {}
  const LedgerHeader& header() const {
    return *reinterpret_cast<const LedgerHeader*>(mapping_.data());
  }
  const LedgerRecord* records() const {
    return reinterpret_cast<const LedgerRecord*>(mapping_.data() + header().records_offset);
  }

  MappedSegment mapping_;
};

// What a reason of the ledger is called, for people and programs.
struct FaultName {
  std::string_view name;      // of the drop reason, or `icmpv4-error-received` and the like
  std::string_view category;  // of the drop reason, or `event`
  std::string_view help;
};
// Of what this program does not know: an empty name.
FaultName name_of_fault(uint8_t reason);

}  // namespace simplon::control
