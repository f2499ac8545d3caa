// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/engine/editor.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "control/config/account.h"
#include "control/config/context.h"
#include "control/config/normalize.h"
#include "control/config/secret.h"
#include "control/config/validate.h"
#include "control/error/error.h"
#include "control/model/diff.h"
#include "control/model/merge.h"
#include "control/model/render.h"

namespace simplon::control {
namespace {

template <typename T>
bool same(const T& a, const T& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

absl::Status no_slot() {
  return make_error(absl::StatusCode::kResourceExhausted, "SLOTS_EXHAUSTED",
                    "every slot the LINK pools cover is taken; add a LINK pool or give a slot");
}

}  // namespace

void Editor::apply(std::vector<v1::Change> step) {
  for (const SlotIncarnation& renewed : model_.apply(step)) renewed_slots_.push_back(renewed.slot);
  steps_.push_back(changes_.size());
  std::ranges::move(step, std::back_inserter(changes_));
}

void Editor::apply(v1::Change change, const CompiledTunnel& compiled) {
  for (const SlotIncarnation& renewed : model_.apply(change, compiled)) {
    renewed_slots_.push_back(renewed.slot);
  }
  steps_.push_back(changes_.size());
  changes_.push_back(std::move(change));
}

void Editor::undo() {
  while (!steps_.empty()) {
    const std::span<const v1::Change> all(changes_);
    model_.revert(all.subspan(steps_.back()));
    changes_.resize(steps_.back());
    steps_.pop_back();
  }
  renewed_slots_.clear();
}

bool Editor::knows_account(const v1::Tunnel& tunnel) const {
  return tunnel.account().empty() || model_.find_account(tunnel.account()) != nullptr;
}

// What is wrong with a tunnel, in its own order and spelling.
absl::Status Editor::faults_of(const v1::Tunnel& given, uint32_t id, uint32_t slot,
                               uint32_t replaced, std::string_view prefix) const {
  v1::Tunnel tunnel = given;
  tunnel.set_id(id);
  tunnel.set_slot(slot);
  Violations faults;
  compile_tunnel(tunnel, model_.context(), faults, replaced);
  if (!knows_account(tunnel)) add_unknown_account(tunnel, faults);
  return invalid_fields(faults.list(), prefix);
}

absl::StatusOr<uint32_t> Editor::put_tunnel(const v1::Tunnel& given, std::string_view prefix) {
  const v1::Tunnel* old = given.id() == 0 ? nullptr : model_.find(given.id());
  if (old == nullptr) {
    NewTunnel fresh = make_ready(std::make_unique<v1::Tunnel>(given));
    auto status = create_tunnel(std::move(fresh), [&] { return std::string(prefix); });
    if (!status.ok()) return status;
    return changes_.back().new_().tunnel().id();
  }
  v1::Tunnel tunnel = given;
  normalize(tunnel);
  const uint32_t id = tunnel.id();
  if (!tunnel.has_slot()) {
    tunnel.set_slot(old->slot());
  } else if (old->slot() != tunnel.slot()) {
    return invalid_field(
        std::string(prefix) + "slot", "IMMUTABLE",
        fmt::format("is {} and never changes; delete the tunnel and create it anew", old->slot()));
  }
  Violations violations;
  const auto compiled = compile_tunnel(tunnel, model_.context(), violations, id);
  if (!compiled || !knows_account(tunnel)) return faults_of(given, id, tunnel.slot(), id, prefix);
  if (!same(*old, tunnel)) apply(make_change(old, &tunnel), *compiled);
  return id;
}

absl::Status Editor::create_tunnel(NewTunnel fresh, const std::function<std::string()>& prefix) {
  v1::Tunnel& tunnel = *fresh.change.mutable_new_()->mutable_tunnel();
  if (tunnel.id() == 0) {
    const uint32_t highest = model_.highest_id();
    if (highest == std::numeric_limits<uint32_t>::max()) {
      return invalid_field(prefix() + "id", "REQUIRED",
                           "the highest id is in use: say which one to take");
    }
    tunnel.set_id(highest + 1);
    fresh.copy->set_id(highest + 1);
    fresh.change.set_name(tunnel_name(highest + 1));
  }
  if (!tunnel.has_slot()) {
    const uint32_t slot = model_.lowest_free_slot();
    if (slot == kNoSlot) return no_slot();
    tunnel.set_slot(slot);
    fresh.copy->set_slot(slot);
  }
  Violations violations;
  const auto compiled = compile_tunnel(tunnel, model_.context(), violations);
  if (!compiled || !knows_account(tunnel)) {
    const v1::Tunnel& given = fresh.given != nullptr ? *fresh.given : tunnel;
    return faults_of(given, tunnel.id(), tunnel.slot(), 0, prefix());
  }
  model_.create(std::move(fresh.copy), *compiled);
  steps_.push_back(changes_.size());
  changes_.push_back(std::move(fresh.change));
  return absl::OkStatus();
}

void Editor::reserve(std::size_t changes) {
  changes_.reserve(changes_.size() + changes);
  steps_.reserve(steps_.size() + changes);
}

absl::Status Editor::erase_tunnel(uint32_t id) {
  const v1::Tunnel* old = model_.find(id);
  if (old == nullptr) return absl::NotFoundError("no such tunnel");
  apply({make_change(old, nullptr)});
  return absl::OkStatus();
}

// The PoP and the pools of `next` with the tunnels of the model. Paths of `collection` get `prefix`
// in its place.
absl::Status Editor::check_settings(const v1::Config& next, std::string_view prefix,
                                    std::string_view collection, Tunnels tunnels) {
  Violations violations;
  ConfigContext context(next.pop(), next.pools(), violations);
  if (violations.empty()) {
    if (tunnels == Tunnels::kUnaffected) return absl::OkStatus();
    // Only if the settings as such are good does it say anything when tunnels do not fit.
    model_.visit_from(0, [&](const v1::Tunnel& tunnel) {
      const auto compiled = compile_tunnel(tunnel, context, violations);
      if (compiled) {
        context.add(*compiled);
        return true;
      }
      return false;
    });
    if (violations.empty()) return absl::OkStatus();
    for (const v1::Tunnel& tunnel : model_.config().tunnels()) {
      const auto faults = validate_tunnel(tunnel, context, tunnel.id());
      if (faults.empty()) continue;
      return make_error(absl::StatusCode::kFailedPrecondition, "IN_USE",
                        fmt::format("{} needs it: {}: {}", tunnel_name(tunnel.id()),
                                    faults.front().field, faults.front().description),
                        {{"resource", tunnel_name(tunnel.id())},
                         {"field", faults.front().field},
                         {"violation", faults.front().reason}});
    }
  }
  auto faults = violations.take();
  for (FieldViolation& fault : faults) {
    if (!collection.empty() && fault.field.starts_with(collection)) {
      fault.field = std::string(prefix) + fault.field.substr(collection.size());
    }
  }
  return invalid_fields(faults);
}

absl::Status Editor::put_pool(v1::Pool pool, std::string_view prefix) {
  const v1::Pool* old = model_.find_pool(pool.name());
  v1::Config next;
  if (model_.config().has_pop()) *next.mutable_pop() = model_.config().pop();
  for (const v1::Pool& other : model_.config().pools()) {
    if (&other != old) *next.add_pools() = other;
  }
  // Last, so that a clash with another pool is this one's fault.
  const std::string own = fmt::format("pools[{}].", next.pools_size());
  *next.add_pools() = pool;
  if (auto status = check_settings(next, prefix, own); !status.ok()) return status;
  normalize(pool);
  strip_output(pool);
  if (old == nullptr || !same(*old, pool)) apply({make_change(old, &pool)});
  return absl::OkStatus();
}

absl::Status Editor::erase_pool(std::string_view name) {
  const v1::Pool* old = model_.find_pool(name);
  if (old == nullptr) return absl::NotFoundError("no such pool");
  v1::Config next;
  if (model_.config().has_pop()) *next.mutable_pop() = model_.config().pop();
  for (const v1::Pool& pool : model_.config().pools()) {
    if (pool.name() != name) *next.add_pools() = pool;
  }
  if (auto status = check_settings(next, {}, {}); !status.ok()) return status;
  apply({make_change(old, nullptr)});
  return absl::OkStatus();
}

absl::Status Editor::put_pop(v1::Pop pop, std::string_view prefix) {
  v1::Config next;
  *next.mutable_pop() = pop;
  *next.mutable_pools() = model_.config().pools();
  normalize(pop);
  strip_output(pop);
  const v1::Pop* old = model_.config().has_pop() ? &model_.config().pop() : nullptr;
  v1::Change change = make_change(old, &pop);
  // With a million tunnels to check again, `pop drain` would take seconds.
  const Tunnels tunnels = concerns_dataplane(change) ? Tunnels::kCheck : Tunnels::kUnaffected;
  if (auto s = check_settings(next, prefix, "pop.", tunnels); !s.ok()) return s;
  if (old == nullptr || !same(*old, pop)) apply({std::move(change)});
  return absl::OkStatus();
}

absl::Status Editor::put_account(v1::Account account, std::string_view prefix) {
  Violations violations;
  check_account(account, violations);
  if (!violations.empty()) return invalid_fields(violations.list(), prefix);
  normalize(account);
  strip_output(account);
  const v1::Account* old = model_.find_account(account.name());
  if (old == nullptr || !same(*old, account)) apply({make_change(old, &account)});
  return absl::OkStatus();
}

absl::Status Editor::erase_account(std::string_view name, bool force) {
  const v1::Account* old = model_.find_account(name);
  if (old == nullptr) return absl::NotFoundError("no such account");
  const std::vector<uint32_t> owned = model_.tunnels_of(name);
  if (!owned.empty() && !force) {
    return make_error(
        absl::StatusCode::kFailedPrecondition, "IN_USE",
        fmt::format("{} owns {} tunnel{}, {} first; give them to another account, or set force",
                    account_name(name), owned.size(), owned.size() == 1 ? "" : "s",
                    tunnel_name(owned.front())),
        {{"resource", tunnel_name(owned.front())}, {"tunnels", std::to_string(owned.size())}});
  }
  std::vector<v1::Change> step = {make_change(old, nullptr)};
  for (const uint32_t id : owned) {
    const v1::Tunnel* tunnel = model_.find(id);
    v1::Tunnel next = *tunnel;
    next.clear_account();
    step.push_back(make_change(tunnel, &next));
  }
  apply(std::move(step));
  return absl::OkStatus();
}

namespace {

// Gives a slot to every tunnel that has none: the one it has in `model`, if nobody else asks for
// it, or a free one.
absl::Status assign_slots(v1::Config& config, const Model& model) {
  std::vector<v1::Tunnel*> without;
  std::vector<bool> taken(kMaxSlots);
  for (v1::Tunnel& tunnel : *config.mutable_tunnels()) {
    if (!tunnel.has_slot()) {
      without.push_back(&tunnel);
    } else if (tunnel.slot() < kMaxSlots) {
      taken[tunnel.slot()] = true;
    }
  }
  if (without.empty()) return absl::OkStatus();
  Violations violations;  // reported by the validation that follows
  ConfigContext context(config.pop(), config.pools(), violations);
  std::vector<v1::Tunnel*> fresh;
  for (v1::Tunnel* tunnel : without) {
    const v1::Tunnel* old = model.find(tunnel->id());
    if (old == nullptr || taken[old->slot()] || !context.is_covered(old->slot())) {
      fresh.push_back(tunnel);
      continue;
    }
    tunnel->set_slot(old->slot());
    taken[old->slot()] = true;
  }
  std::ranges::sort(fresh, {}, [](const v1::Tunnel* tunnel) { return tunnel->id(); });
  uint32_t slot = 0;
  for (v1::Tunnel* tunnel : fresh) {
    while (slot < kMaxSlots &&
           (taken[slot] || !context.is_covered(slot) || context.is_reserved(slot))) {
      ++slot;
    }
    if (slot == kMaxSlots) return no_slot();
    tunnel->set_slot(slot++);
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status Editor::replace(v1::Config config) {
  if (auto status = assign_slots(config, model_); !status.ok()) return status;
  // What is restored is complete; a file or a request need not name secrets.
  if (!rollback_to) keep_secrets(model_, config);
  // Nothing at all is what there is before the first revision: no configuration, but one to go back
  // to.
  const bool nothing = rollback_to.has_value() && config.pop().ByteSizeLong() == 0 &&
                       config.pools().empty() && config.tunnels().empty() &&
                       config.accounts().empty();
  const auto violations = nothing ? std::vector<FieldViolation>() : validate(config);
  if (!violations.empty()) {
    return invalid_fields(violations, "config.");
  }
  normalize(config);
  strip_output(config);
  if (nothing) config.clear_pop();
  auto step = diff(model_.config(), config);
  if (!step.empty()) apply(std::move(step));
  return absl::OkStatus();
}

}  // namespace simplon::control
