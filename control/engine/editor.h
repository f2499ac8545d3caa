// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The edits of one call, made on the model at once so that later edits of the call see them. The
// engine's thread only.

#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/violation.h"
#include "control/engine/new_tunnel.h"
#include "control/model/model.h"
#include "control/store/store.h"
#include "simplon/v1/common.pb.h"

namespace simplon::control {

class Editor {
 public:
  Editor(Model& model, uint64_t revision, std::optional<PendingConfirmation> pending)
      : model_(model), revision_(revision), pending_(pending) {}

  const Model& model() const { return model_; }
  uint64_t revision() const { return revision_; }  // before this call

  const std::optional<PendingConfirmation>& pending() const { return pending_; }

  // Each edit is checked, and refused with INVALID_ARGUMENT naming the fields. `prefix` is put in
  // front of their paths. The resource is normalised first; equal to what is there means no change.

  // A tunnel without a slot keeps the one it has, or takes the lowest free one; id 0 takes the next
  // after the highest. Returns the id.
  absl::StatusOr<uint32_t> put_tunnel(const v1::Tunnel& tunnel, std::string_view prefix);
  // The same of a tunnel whose id, if it has one, is nobody's. The prefix is asked for where there
  // are faults.
  absl::Status create_tunnel(NewTunnel tunnel, const std::function<std::string()>& prefix);
  // So many changes are to come.
  void reserve(std::size_t changes);
  absl::Status erase_tunnel(uint32_t id);
  absl::Status put_pool(v1::Pool pool, std::string_view prefix);
  absl::Status erase_pool(std::string_view name);
  absl::Status put_pop(v1::Pop pop, std::string_view prefix);
  absl::Status put_account(v1::Account account, std::string_view prefix);
  // FAILED_PRECONDITION while it owns tunnels, unless `force`: then they are nobody's from now on.
  absl::Status erase_account(std::string_view name, bool force);

  // All at once, as one step: the configuration must have been validated and normalised, except
  // that tunnels may lack a slot: they keep the one they have, or take a free one. Likewise
  // tunnels and accounts keep the secrets that are not given, unless this is a rollback.
  absl::Status replace(v1::Config config);

  const std::vector<v1::Change>& changes() const { return changes_; }
  std::vector<v1::Change> take_changes() { return std::move(changes_); }
  // Slots whose incarnation changed with them.
  const std::vector<uint32_t>& renewed_slots() const { return renewed_slots_; }
  void undo();

  // For the revision's record: this call restores that revision.
  std::optional<uint64_t> rollback_to;
  // Awaits confirmation from this call on.
  std::optional<int64_t> confirm_deadline_unix_ns;

 private:
  void apply(std::vector<v1::Change> step);
  void apply(v1::Change change, const CompiledTunnel& compiled);
  absl::Status faults_of(const v1::Tunnel& given, uint32_t id, uint32_t slot, uint32_t replaced,
                         std::string_view prefix) const;
  bool knows_account(const v1::Tunnel& tunnel) const;
  enum class Tunnels { kCheck, kUnaffected };
  absl::Status check_settings(const v1::Config& next, std::string_view prefix,
                              std::string_view collection, Tunnels tunnels = Tunnels::kCheck);

  Model& model_;
  const uint64_t revision_;
  const std::optional<PendingConfirmation> pending_;
  std::vector<v1::Change> changes_;
  std::vector<uint32_t> renewed_slots_;
  std::vector<std::size_t> steps_;  // where in changes_ each step begins
};

}  // namespace simplon::control
