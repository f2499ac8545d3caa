// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/model/model.h"

#include <algorithm>

#include "control/config/validate.h"
#include "control/model/diff.h"
#include "control/text/absl_text.h"

namespace simplon::control {
namespace {

template <typename Resource>
int position_of(const google::protobuf::RepeatedPtrField<Resource>& resources,
                std::string_view name) {
  for (int i = 0; i < resources.size(); ++i) {
    if (resources[i].name() == name) return i;
  }
  return -1;
}

// Does what was learned about a tunnel's endpoint still mean the same? A tunnel that takes more
// than before loses nothing.
bool keeps_endpoint(v1::Tunnel::Type from, v1::Tunnel::Type to) {
  return from == to || (is_dynamic_type(from) && to == v1::Tunnel::DYNAMIC_ENDPOINT);
}

// The slot whose tunnel goes with the change; kNoSlot: none.
uint32_t slot_left(const v1::Change& change) {
  if (!change.has_old() || !change.old().has_tunnel()) return kNoSlot;
  const v1::Tunnel& old = change.old().tunnel();
  if (!change.has_new_() || !change.new_().has_tunnel()) return old.slot();
  const v1::Tunnel& next = change.new_().tunnel();
  const bool stays = next.slot() == old.slot() && keeps_endpoint(old.type(), next.type());
  return stays ? kNoSlot : old.slot();
}

// Calls `use` with the key range of each prefix given to the tunnel.
template <typename Use>
void each_delegation(const v1::Tunnel& tunnel, Use&& use) {
  for (const std::string& text : tunnel.delegated_prefixes()) {
    const auto prefix = Ipv6Prefix::parse(text);
    if (const auto range = prefix ? hi_range(*prefix) : std::nullopt) use(*range);
  }
  for (const std::string& text : tunnel.ipv4_prefixes()) {
    if (const auto prefix = Ipv4Prefix::parse(text)) use(hi_range(*prefix));
  }
}

}  // namespace

Model::Model() : plan_(std::make_shared<const PoolPlan>()) {
  rebuild_compiled();
}

void Model::load(v1::Config config, std::vector<uint8_t> incarnations) {
  config_ = std::move(config);
  incarnations_ = std::move(incarnations);
  plan_ = std::make_shared<const PoolPlan>(config_);
  by_id_.clear();
  by_slot_.clear();
  by_remote_.clear();
  delegations_.clear();
  by_account_name_.clear();
  owned_.clear();
  disabled_ = 0;
  for (int i = 0; i < config_.tunnels_size(); ++i) {
    by_id_.emplace(config_.tunnels(i).id(), uint32_t(i));
    index(config_.tunnels(i), uint32_t(i));
  }
  for (int i = 0; i < config_.accounts_size(); ++i) {
    by_account_name_.emplace(config_.accounts(i).name(), uint32_t(i));
  }
  rebuild_compiled();
}

void Model::rebuild_compiled() {
  Violations violations;  // none: what the model holds was accepted
  context_ = std::make_unique<ConfigContext>(config_.pop(), config_.pools(), violations);
  builder_ = std::make_unique<SnapshotBuilder>(*context_);
  for (const v1::Tunnel& tunnel : config_.tunnels()) add_compiled(tunnel);
}

void Model::add_compiled(const v1::Tunnel& tunnel) {
  add_compiled(compile_valid_tunnel(tunnel, *context_));
}

void Model::add_compiled(const CompiledTunnel& compiled) {
  context_->add(compiled);
  builder_->add(compiled, incarnation(compiled.slot));
}

void Model::remove_compiled(const v1::Tunnel& tunnel) {
  const CompiledTunnel compiled = compile_valid_tunnel(tunnel, *context_);
  context_->remove(compiled);
  builder_->remove(compiled);
}

const v1::Tunnel* Model::find(uint32_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : &config_.tunnels(int(found->second));
}

const v1::Tunnel* Model::at_slot(uint32_t slot) const {
  if (slot >= by_slot_.size() || by_slot_[slot] == kNoSlot) return nullptr;
  return &config_.tunnels(int(by_slot_[slot]));
}

const v1::Pool* Model::find_pool(std::string_view name) const {
  const int position = position_of(config_.pools(), name);
  return position < 0 ? nullptr : &config_.pools(position);
}

const v1::Account* Model::find_account(std::string_view name) const {
  const auto found = by_account_name_.find(name);
  return found == by_account_name_.end() ? nullptr : &config_.accounts(int(found->second));
}

std::vector<uint32_t> Model::tunnels_of(std::string_view account) const {
  const auto found = owned_.find(ToAbsl(account));
  if (found == owned_.end()) return {};
  return {found->second.begin(), found->second.end()};
}

std::size_t Model::tunnel_count_of(std::string_view account) const {
  const auto found = owned_.find(ToAbsl(account));
  return found == owned_.end() ? 0 : found->second.size();
}

Model::Owner Model::owner(uint64_t hi) const {
  const PoolRange* range = plan_->find(hi);
  if (range == nullptr) return {};
  if (range->kind != v1::Pool::DELEGATED) {
    return {owner_of_slot(*range, range->slot_of(hi)), range->kind};
  }
  auto found = delegations_.upper_bound(hi);
  if (found == delegations_.begin()) return {};
  --found;
  if (found->second.last < hi) return {};
  return {find(found->second.id), range->kind};
}

const v1::Tunnel* Model::owner_of_slot(const PoolRange& range, uint32_t slot) const {
  const v1::Tunnel* tunnel = at_slot(slot);
  const bool reachable =
      tunnel != nullptr && (!range.ipv4 || carries_ipv4(kind_of(tunnel->type())));
  return reachable ? tunnel : nullptr;
}

std::vector<Model::Owner> Model::owners(HiRange wanted, std::size_t limit) const {
  std::vector<Owner> owners;
  const auto add = [&](const v1::Tunnel* tunnel, v1::Pool::Kind kind) {
    const bool known =
        std::ranges::any_of(owners, [&](const Owner& o) { return o.tunnel == tunnel; });
    if (tunnel != nullptr && !known) owners.push_back({tunnel, kind});
    return owners.size() < limit;
  };
  for (const PoolRange& range : plan_->ranges()) {
    const uint64_t first = std::max(wanted.first, range.base);
    const uint64_t last = std::min(wanted.last, range.base | ~range.mask);
    if (first > last) continue;
    if (range.kind == v1::Pool::DELEGATED) {
      auto it = delegations_.upper_bound(first);
      if (it != delegations_.begin() && std::prev(it)->second.last >= first) --it;
      for (; it != delegations_.end() && it->first <= last; ++it) {
        if (!add(find(it->second.id), range.kind)) return owners;
      }
      continue;
    }
    for (uint64_t slot = range.slot_of(first); slot <= range.slot_of(last); ++slot) {
      if (!add(owner_of_slot(range, uint32_t(slot)), range.kind)) return owners;
    }
  }
  return owners;
}

std::vector<const v1::Tunnel*> Model::with_remote(const Ipv6Address& remote,
                                                  std::size_t limit) const {
  std::vector<const v1::Tunnel*> tunnels;
  for (const uint32_t id : by_remote_.find(remote, limit)) tunnels.push_back(find(id));
  return tunnels;
}

uint32_t Model::units_used(const PoolRange& pool) const {
  uint64_t used = 0;
  if (pool.kind == v1::Pool::DELEGATED) {
    for (auto it = delegations_.lower_bound(pool.base);
         it != delegations_.end() && pool.contains(it->first); ++it) {
      used += ((it->second.last - it->first) >> pool.shift) + 1;
    }
    return uint32_t(used);
  }
  const uint64_t end = std::min<uint64_t>(pool.first_slot + pool.units, by_slot_.size());
  for (uint64_t slot = pool.first_slot; slot < end; ++slot) {
    used += owner_of_slot(pool, uint32_t(slot)) != nullptr;
  }
  return uint32_t(used);
}

void Model::index(const v1::Tunnel& tunnel, uint32_t position) {
  if (const auto remote = parse_outer_address(tunnel.remote())) {
    by_remote_.add(*remote, tunnel.id());
  }
  each_delegation(tunnel, [&](const HiRange& range) {
    delegations_[range.first] = {range.last, tunnel.id()};
  });
  index_slot(tunnel, position);
}

// And what else needs no text to be read.
void Model::index_slot(const v1::Tunnel& tunnel, uint32_t position) {
  const uint32_t slot = tunnel.slot();
  if (slot >= by_slot_.size()) by_slot_.resize(slot + 1, kNoSlot);
  by_slot_[slot] = position;
  if (!tunnel.account().empty()) owned_[tunnel.account()].insert(tunnel.id());
  disabled_ += tunnel.admin_state() == v1::Tunnel::DISABLED;
}

void Model::unindex(const v1::Tunnel& tunnel) {
  const uint32_t slot = tunnel.slot();
  by_slot_[slot] = kNoSlot;
  if (const auto remote = parse_outer_address(tunnel.remote())) {
    by_remote_.remove(*remote, tunnel.id());
  }
  each_delegation(tunnel, [&](const HiRange& range) { delegations_.erase(range.first); });
  if (const auto owned = owned_.find(tunnel.account()); owned != owned_.end()) {
    owned->second.erase(tunnel.id());
    if (owned->second.empty()) owned_.erase(owned);
  }
  disabled_ -= tunnel.admin_state() == v1::Tunnel::DISABLED;
}

void Model::insert(const v1::Tunnel& tunnel) {
  const auto found = by_id_.find(tunnel.id());
  if (found != by_id_.end()) {
    *config_.mutable_tunnels(int(found->second)) = tunnel;
    index(tunnel, found->second);
    return;
  }
  const auto position = uint32_t(config_.tunnels_size());
  *config_.add_tunnels() = tunnel;
  by_id_.emplace(tunnel.id(), position);
  index(tunnel, position);
}

void Model::erase(uint32_t id) {
  const auto found = by_id_.find(id);
  const uint32_t position = found->second;
  by_id_.erase(found);
  const auto last = uint32_t(config_.tunnels_size() - 1);
  if (position != last) {
    config_.mutable_tunnels()->SwapElements(int(position), int(last));
    const v1::Tunnel& moved = config_.tunnels(int(position));
    by_id_[moved.id()] = position;
    // In the middle of a step the moved tunnel may be out of the index, its slot even another's.
    if (moved.slot() < by_slot_.size() && by_slot_[moved.slot()] == last) {
      by_slot_[moved.slot()] = position;
    }
  }
  config_.mutable_tunnels()->RemoveLast();
}

void Model::put_account(const v1::Account& account) {
  const auto [found, fresh] =
      by_account_name_.try_emplace(account.name(), uint32_t(config_.accounts_size()));
  (fresh ? *config_.add_accounts() : *config_.mutable_accounts(int(found->second))) = account;
}

void Model::erase_account(std::string_view name) {
  const auto found = by_account_name_.find(name);
  const uint32_t position = found->second;
  by_account_name_.erase(found);
  const auto last = uint32_t(config_.accounts_size() - 1);
  if (position != last) {
    config_.mutable_accounts()->SwapElements(int(position), int(last));
    by_account_name_[config_.accounts(int(position)).name()] = position;
  }
  config_.mutable_accounts()->RemoveLast();
}

void Model::set_pool(const v1::Pool* old, const v1::Pool* next) {
  auto* pools = config_.mutable_pools();
  if (old != nullptr) pools->DeleteSubrange(position_of(*pools, old->name()), 1);
  if (next == nullptr) return;
  *pools->Add() = *next;
  for (int i = pools->size() - 1; i > 0 && (*pools)[i].name() < (*pools)[i - 1].name(); --i) {
    pools->SwapElements(i, i - 1);
  }
}

void Model::step(std::span<const v1::Change> changes, bool forward,
                 const CompiledTunnel* compiled) {
  const auto before = [&](const v1::Change& c) {
    const bool there = forward ? c.has_old() : c.has_new_();
    return there ? (forward ? &c.old() : &c.new_()) : nullptr;
  };
  const auto after = [&](const v1::Change& c) {
    const bool there = forward ? c.has_new_() : c.has_old();
    return there ? (forward ? &c.new_() : &c.old()) : nullptr;
  };
  // All old values leave the indices before new ones enter: two tunnels may swap a prefix.
  for (const v1::Change& change : changes) {
    const v1::Resource* old = before(change);
    if (old == nullptr || !old->has_tunnel()) continue;
    remove_compiled(old->tunnel());
    unindex(old->tunnel());
    if (after(change) == nullptr) erase(old->tunnel().id());
  }
  bool settings_changed = false;
  for (const v1::Change& change : changes) {
    const v1::Resource* old = before(change);
    const v1::Resource* next = after(change);
    if (old == nullptr && next == nullptr) continue;  // a change of nothing
    const v1::Resource& any = next != nullptr ? *next : *old;
    if (any.has_tunnel() && next != nullptr) insert(next->tunnel());
    if (any.has_account() && next != nullptr) put_account(next->account());
    if (any.has_account() && next == nullptr) erase_account(old->account().name());
    if (any.has_pool()) {
      set_pool(old != nullptr ? &old->pool() : nullptr, next != nullptr ? &next->pool() : nullptr);
      settings_changed = true;
    }
    if (any.has_pop()) {
      if (next != nullptr) {
        *config_.mutable_pop() = next->pop();
      } else {
        config_.clear_pop();
      }
      // Compiling a million tunnels again takes seconds.
      settings_changed = settings_changed || concerns_dataplane(change);
    }
  }
  if (settings_changed) {
    plan_ = std::make_shared<const PoolPlan>(config_);
    rebuild_compiled();
    return;
  }
  if (compiled != nullptr) return add_compiled(*compiled);
  for (const v1::Change& change : changes) {
    const v1::Resource* next = after(change);
    if (next != nullptr && next->has_tunnel()) {
      add_compiled(next->tunnel());
    }
  }
}

void Model::advance(uint32_t slot, int by) {
  if (slot >= incarnations_.size()) incarnations_.resize(slot + std::size_t{1});
  incarnations_[slot] = uint8_t((incarnations_[slot] + by) & 0x7f);
}

std::vector<SlotIncarnation> Model::advance_slots(std::span<const v1::Change> changes) {
  std::vector<SlotIncarnation> advanced;
  for (const v1::Change& change : changes) {
    const uint32_t slot = slot_left(change);
    if (slot == kNoSlot) continue;
    advance(slot, 1);
    advanced.push_back({slot, incarnations_[slot]});
  }
  return advanced;
}

std::vector<SlotIncarnation> Model::apply(std::span<const v1::Change> changes) {
  auto advanced = advance_slots(changes);
  step(changes, true);
  return advanced;
}

std::vector<SlotIncarnation> Model::apply(const v1::Change& change,
                                          const CompiledTunnel& compiled) {
  auto advanced = advance_slots({&change, 1});
  step({&change, 1}, true, &compiled);
  return advanced;
}

void Model::create(std::unique_ptr<v1::Tunnel> tunnel, const CompiledTunnel& compiled) {
  const uint32_t id = tunnel->id();
  const auto position = uint32_t(config_.tunnels_size());
  // Mostly it is the highest so far.
  by_id_.emplace_hint(by_id_.end(), id, position);
  if (!tunnel->remote().empty()) {
    by_remote_.add(Ipv6Address::from_bytes(compiled.line.remote), id);
  }
  for (const KeyRange& range : compiled.delegated_keys) {
    delegations_.insert_or_assign(delegations_.end(), range.first, Delegation{range.last, id});
  }
  index_slot(*tunnel, position);
  config_.mutable_tunnels()->AddAllocated(tunnel.release());
  add_compiled(compiled);
}

void Model::revert(std::span<const v1::Change> changes) {
  for (const v1::Change& change : changes) {
    if (const uint32_t slot = slot_left(change); slot != kNoSlot) advance(slot, -1);
  }
  step(changes, false);
}

}  // namespace simplon::control
