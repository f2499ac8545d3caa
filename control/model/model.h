// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The configuration in memory, indexed so that a change of one tunnel among a million costs the
// same as among ten. Holds accepted configuration only: checks come before. Stored without
// output-only fields, but with secrets (those of accounts as MD5); render() adds the former and
// takes the latter out.
//
// Thread: not synchronised. The engine guards it (readers share, the engine's thread writes).

#pragma once

#include <absl/container/btree_map.h>
#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/config/context.h"
#include "control/config/outer_address.h"
#include "control/model/pool_plan.h"
#include "control/model/remote_index.h"
#include "control/table/build_snapshot.h"
#include "dataplane/net/address.h"
#include "proto/link/snapshot_format.h"
#include "simplon/v1/common.pb.h"
#include "simplon/v1/config.pb.h"

namespace simplon::control {

// TunnelSlot::incarnation of one slot.
struct SlotIncarnation {
  uint32_t slot;
  uint8_t incarnation;  // 0..127

  friend bool operator==(const SlotIncarnation&, const SlotIncarnation&) = default;
};

class Model {
 public:
  Model();

  // Replaces everything. `incarnations`: by slot, as they were last made durable; slots beyond the
  // end have 0.
  void load(v1::Config config, std::vector<uint8_t> incarnations = {});

  // ---- Incarnations. What the dataplane has learned in a slot is believed only under the number
  // it was learned under. The number grows when a tunnel leaves its slot, or changes its type so
  // that its endpoint means nothing any more; 127 is followed by 0. It outlives the tunnel, so that
  // the next one in the slot, however much later, inherits nothing.

  uint8_t incarnation(uint32_t slot) const {
    return slot < incarnations_.size() ? incarnations_[slot] : uint8_t{0};
  }
  // By slot, without the zeros at the end.
  std::span<const uint8_t> incarnations() const { return incarnations_; }

  // Tunnels and accounts, with their secrets, in no particular order; pools by name.
  const v1::Config& config() const { return config_; }
  const PoolPlan& plan() const { return *plan_; }
  // As it is now, for whoever needs it when the model is not held still any more.
  std::shared_ptr<const PoolPlan> shared_plan() const { return plan_; }
  // For the checks of one tunnel.
  const ConfigContext& context() const { return *context_; }
  // Ready to be sealed into a snapshot of what the model holds.
  const SnapshotBuilder& builder() const { return *builder_; }
  std::size_t tunnel_count() const { return by_id_.size(); }
  std::size_t disabled_count() const { return disabled_; }
  std::size_t account_count() const { return by_account_name_.size(); }

  const v1::Tunnel* find(uint32_t id) const;
  // As find() != nullptr, with less of a search.
  bool has(uint32_t id) const { return slot_of(id).has_value(); }
  // Of the tunnel; nullopt: there is none.
  std::optional<uint32_t> slot_of(uint32_t id) const { return context_->slot_of(id); }
  const v1::Tunnel* at_slot(uint32_t slot) const;
  const v1::Pool* find_pool(std::string_view name) const;

  // With `secret_md5` if it has a secret; null: none. Valid until the model changes.
  const v1::Account* find_account(std::string_view name) const;
  // Tunnels of the account, by id.
  std::vector<uint32_t> tunnels_of(std::string_view account) const;
  std::size_t tunnel_count_of(std::string_view account) const;

  // By name, from the first that is not before `from`, until `visit` returns false.
  template <typename Visit>
  void visit_accounts_from(std::string_view from, Visit&& visit) const {
    for (auto it = by_account_name_.lower_bound(from); it != by_account_name_.end(); ++it) {
      if (!visit(config_.accounts(int(it->second)))) return;
    }
  }

  // By id, from the first that is at least `from`, until `visit` returns false.
  template <typename Visit>
  void visit_from(uint32_t from, Visit&& visit) const {
    for (auto it = by_id_.lower_bound(from); it != by_id_.end(); ++it) {
      if (!visit(config_.tunnels(int(it->second)))) return;
    }
  }

  // The same with ids; the tunnels themselves, which lie all over the memory, are not touched.
  template <typename Visit>
  void visit_ids_from(uint32_t from, Visit&& visit) const {
    for (auto it = by_id_.lower_bound(from); it != by_id_.end(); ++it) {
      if (!visit(it->first)) return;
    }
  }

  // 0: there is no tunnel.
  uint32_t highest_id() const { return by_id_.empty() ? 0 : by_id_.rbegin()->first; }

  // The lowest slot a new tunnel can have; kNoSlot: all are taken.
  uint32_t lowest_free_slot() { return context_->lowest_free_slot(); }

  // The tunnel an inner address or part of a prefix belongs to; null: none. `hi`: upper half of an
  // IPv6 address, or ipv4_pool_key() of an IPv4 one.
  struct Owner {
    const v1::Tunnel* tunnel = nullptr;
    v1::Pool::Kind kind = v1::Pool::KIND_UNSPECIFIED;
  };
  Owner owner(uint64_t hi) const;
  // Tunnels with anything inside [first, last], at most `limit`, each once.
  std::vector<Owner> owners(HiRange range, std::size_t limit) const;
  // Tunnels whose outer address this is (IPv4 as ::ffff:a.b.c.d), at most `limit`, by id.
  std::vector<const v1::Tunnel*> with_remote(const Ipv6Address& remote, std::size_t limit) const;
  uint32_t units_used(const PoolRange& pool) const;

  // Applies accepted changes, whose old values are what the model holds, as one step. revert()
  // undoes them, incarnations included. Returns the slots whose incarnation changed, each once: to
  // be made durable together with the changes, before any dataplane sees them.
  std::vector<SlotIncarnation> apply(std::span<const v1::Change> changes);
  // The same of the change that puts a tunnel there, with what it compiles to.
  std::vector<SlotIncarnation> apply(const v1::Change& change, const CompiledTunnel& compiled);
  // The same of a tunnel that was not there: no slot is left.
  void create(std::unique_ptr<v1::Tunnel> tunnel, const CompiledTunnel& compiled);
  void revert(std::span<const v1::Change> changes);

 private:
  struct Delegation {
    uint64_t last;
    uint32_t id;
  };

  // Whose the slot's unit in the pool is: nobody's if the tunnel does not carry the pool's family.
  const v1::Tunnel* owner_of_slot(const PoolRange& range, uint32_t slot) const;
  void step(std::span<const v1::Change> changes, bool forward,
            const CompiledTunnel* compiled = nullptr);
  std::vector<SlotIncarnation> advance_slots(std::span<const v1::Change> changes);
  void advance(uint32_t slot, int by);
  void index(const v1::Tunnel& tunnel, uint32_t position);
  void index_slot(const v1::Tunnel& tunnel, uint32_t position);
  void unindex(const v1::Tunnel& tunnel);
  void insert(const v1::Tunnel& tunnel);
  void erase(uint32_t id);
  void put_account(const v1::Account& account);
  void erase_account(std::string_view name);
  void set_pool(const v1::Pool* old, const v1::Pool* next);
  void rebuild_compiled();
  void add_compiled(const v1::Tunnel& tunnel);
  void add_compiled(const CompiledTunnel& compiled);
  void remove_compiled(const v1::Tunnel& tunnel);

  v1::Config config_;
  std::shared_ptr<const PoolPlan> plan_;
  std::unique_ptr<ConfigContext> context_;
  std::unique_ptr<SnapshotBuilder> builder_;
  absl::btree_map<uint32_t, uint32_t> by_id_;  // to the position in config_.tunnels()
  std::vector<uint32_t> by_slot_;  // position, or kNoSlot; as long as the highest slot needs
  RemoteIndex by_remote_;
  absl::btree_map<uint64_t, Delegation> delegations_;  // by first /64; never overlapping
  absl::btree_map<std::string, uint32_t, std::less<>> by_account_name_;  // to the position
  // By account; those that own none are not there.
  absl::flat_hash_map<std::string, absl::btree_set<uint32_t>> owned_;
  std::vector<uint8_t> incarnations_;
  std::size_t disabled_ = 0;
};

}  // namespace simplon::control
