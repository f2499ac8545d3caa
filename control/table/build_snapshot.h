// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// From a valid configuration to a sealed snapshot in a memfd, ready to be handed to the dataplane.

#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <chrono>
#include <cstdint>
#include <mutex>
#include <span>
#include <vector>

#include "control/config/context.h"
#include "control/config/validate.h"
#include "control/table/outer_index.h"
#include "control/table/password_arena.h"
#include "control/table/unique_fd.h"
#include "dataplane/net/address.h"
#include "proto/link/snapshot_format.h"
#include "simplon/v1/config.pb.h"

namespace simplon::control {

struct SnapshotBuildOptions {
  uint64_t generation = 0;  // never 0
  uint64_t revision = 0;
  // Puts the snapshot in huge pages if enough are free.
  bool huge_pages = false;
  // Reads the result back as the dataplane will. Costs about as much as building it.
  bool self_check = true;
};

struct SealedSnapshot {
  UniqueFd fd;
  uint64_t size = 0;  // bytes
  uint64_t generation = 0;
  uint64_t revision = 0;
  uint32_t slot_capacity = 0;
  uint32_t tunnel_count = 0;
  bool huge_pages = false;

  // How long the steps took.
  std::chrono::nanoseconds fill_time{};   // sorting, copying, checksums
  std::chrono::nanoseconds seal_time{};   // unmapping and sealing
  std::chrono::nanoseconds check_time{};  // self_check
};

// The content of a snapshot while it is made: plain arrays that follow the context's tunnels, so
// that a change costs what it costs, and the next snapshot only the copy and its checksums. Holds
// passwords in clear text.
class SnapshotBuilder {
 public:
  // For the PoP and pools of `context`; new ones need a new builder.
  explicit SnapshotBuilder(const ConfigContext& context);

  // `incarnation`: another one than the slot had while it was last another tunnel's.
  void add(const CompiledTunnel& tunnel, uint8_t incarnation = 0);
  void remove(const CompiledTunnel& tunnel);

  uint32_t tunnel_count() const { return tunnel_count_; }

  // UNAVAILABLE when memory is short; INTERNAL when the self-check fails, which is a bug of ours.
  // Thread: several may seal at once, while none changes anything.
  absl::StatusOr<SealedSnapshot> seal(const SnapshotBuildOptions& options) const;

 private:
  void add_cold(const CompiledTunnel& tunnel);
  void remove_cold(uint32_t slot);
  void map_units(const UnitRange& units, uint32_t slot);

  PopRecord pop_;
  std::vector<PoolRecord> pools_;  // a delegated one maps its units up to the last that is in use
  std::vector<Ipv6Address> refused_endpoints_;
  std::vector<TunnelSlot> slots_;
  std::vector<uint32_t> unit_to_slot_;  // of all units, mapped or not
  std::vector<TunnelCold> cold_;        // without holes, in no particular order
  PasswordArena passwords_;
  mutable std::mutex outer_index_mutex_;
  mutable OuterIndex outer_index_;  // brings itself up to date when it is read
  uint32_t tunnel_count_ = 0;
};

// All in one: INVALID_ARGUMENT for a configuration with violations. `incarnations`: of each slot;
// slots beyond the end have 0.
absl::StatusOr<SealedSnapshot> build_snapshot(const v1::Config& config,
                                              const SnapshotBuildOptions& options,
                                              std::span<const uint8_t> incarnations = {});
absl::StatusOr<SealedSnapshot> build_snapshot(const v1::Config& config, uint64_t generation,
                                              uint64_t revision);

}  // namespace simplon::control
