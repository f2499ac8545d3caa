// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What the dataplane has learned about dynamic tunnels, and its events, read from shared memory
// (proto/link/segment_format.h). Thread: any.

#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>

#include "control/runtime/mapped_segment.h"
#include "dataplane/state/event_ring.h"
#include "dataplane/state/tunnel_runtime.h"
#include "proto/link/segment_format.h"

namespace simplon::control {

class RuntimeReader {
 public:
  // FAILED_PRECONDITION where it is not a segment this program understands, whole and ready.
  static absl::StatusOr<std::shared_ptr<const RuntimeReader>> map(UniqueFd fd);

  uint64_t instance_id() const { return header().instance_id; }
  uint32_t slot_capacity() const { return header().slot_capacity; }

  // The endpoint word of a slot, as it is this moment; 0 beyond the capacity.
  uint64_t word(uint32_t slot) const;

  struct Learned {
    Endpoint endpoint;
    uint32_t highest_epoch = 0;
    uint32_t last_seen_s = 0;  // of CLOCK_BOOTTIME
    uint64_t word = 0;
  };
  // All zero for another incarnation. A record that is being written is read again.
  Learned learned(uint32_t slot, uint8_t incarnation) const;

  EventReader events() const;

 private:
  explicit RuntimeReader(MappedSegment mapping);
  const RuntimeHeader& header() const {
    return *reinterpret_cast<const RuntimeHeader*>(mapping_.data());
  }

  MappedSegment mapping_;
  RuntimeTable table_;
};

// The second of CLOCK_BOOTTIME, which the dataplane stamps signs of life with, that is the second
// of `unix_ns`. Their difference is the same whenever one asks, until a clock is set; that of two
// clocks read in whole seconds is not, since they do not tick together.
uint32_t boot_second_at(int64_t unix_ns);

}  // namespace simplon::control
