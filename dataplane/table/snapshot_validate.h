// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The checks behind SnapshotView: internal to this directory.

#pragma once

#include <cstddef>
#include <optional>
#include <span>

#include "dataplane/table/pool_index.h"
#include "dataplane/table/snapshot_view.h"

namespace simplon {

// Where the parts of a snapshot stand. Complete and correct only after validate_snapshot() returned
// no error.
struct SnapshotParts {
  const SnapshotHeader* header = nullptr;
  const PopRecord* pop = nullptr;
  std::span<const PoolRecord> pools;
  std::span<const TunnelSlot> slots;
  std::span<const uint32_t> unit_to_slot;
  std::span<const uint32_t> outer_index;
  std::span<const TunnelCold> cold;
  std::string_view passwords;
  std::span<const Ipv6Address> refused_endpoints;
  PoolIndex index;
};

// Checks every byte of `bytes` and fills in `parts`. The memory must not change meanwhile.
std::optional<SnapshotError> validate_snapshot(std::span<const std::byte> bytes,
                                               const SnapshotOpenOptions& options,
                                               SnapshotParts& parts);

// The rules for single records, for whoever builds them one by one.
std::optional<SnapshotError> validate_pop(const PopRecord& pop);
std::optional<SnapshotError> validate_pools(std::span<const PoolRecord> pools,
                                            std::size_t delegated_units);

}  // namespace simplon
