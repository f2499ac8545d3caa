// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The checks behind SnapshotView: internal to this directory.

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

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

// The part about slots and all that refers to them: slots, cold, passwords, unit_to_slot,
// outer_index and refused_endpoints. The PoP and the pools must have been found good.
std::optional<SnapshotError> validate_tunnels(const SnapshotParts& parts);

// ---- For the checks themselves.

inline SnapshotError snapshot_error(SnapshotSectionType section, uint64_t index,
                                    std::string reason) {
  return {section, index, std::move(reason)};
}

inline bool all_zero(const void* data, std::size_t size) {
  const auto* p = static_cast<const unsigned char*>(data);
  uint64_t any = 0;
  for (; size >= 8; size -= 8, p += 8) {
    uint64_t word;
    std::memcpy(&word, p, 8);
    any |= word;
  }
  for (; size > 0; --size, ++p) any |= *p;
  return any == 0;
}

inline bool all_zero(std::span<const std::byte> bytes) {
  return all_zero(bytes.data(), bytes.size());
}

}  // namespace simplon
