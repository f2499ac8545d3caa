// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/sixxsd/changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "control/config/normalize.h"
#include "control/config/outer_address.h"
#include "control/config/secret.h"
#include "control/config/validate.h"
#include "control/model/render.h"
#include "control/sixxsd/address_plan.h"
#include "control/text/absl_text.h"

namespace simplon::control::sixxsd {
namespace {

class ModelView final : public TunnelView {
 public:
  explicit ModelView(const Model& model) : model_(model) {}

  const v1::Tunnel* find(uint32_t id) const override { return model_.find(id); }
  const v1::Tunnel* at_slot(uint32_t slot) const override { return model_.at_slot(slot); }
  const v1::Tunnel* owner(const Ipv6Prefix& unit) const override {
    return model_.owner(unit.address.hi()).tunnel;
  }

 private:
  const Model& model_;
};

bool same(const google::protobuf::MessageLite& a, const google::protobuf::MessageLite& b) {
  return a.SerializeAsString() == b.SerializeAsString();
}

template <typename... Arguments>
absl::Status bad(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
  return bad_argument(fmt::format(format, std::forward<Arguments>(arguments)...));
}

// Every rule for one tunnel, but whose id, slot and prefixes are: the view knows better.
absl::Status check(const v1::Tunnel& tunnel, const ConfigContext& context) {
  for (const FieldViolation& fault : validate_tunnel(tunnel, context, tunnel.id())) {
    if (fault.reason == reason::kDuplicateId || fault.reason == reason::kSlotTaken ||
        fault.reason == reason::kPrefixTaken) {
      continue;
    }
    return bad("T{}: {}: {}", tunnel.id(), fault.field, fault.description);
  }
  return absl::OkStatus();
}

// As the model would hold it.
void settle(v1::Tunnel& tunnel) {
  normalize(tunnel);
  strip_output(tunnel);
}

// Adds it to the edits, unless it is what is there. `old`: null for a new one.
absl::Status put(const v1::Tunnel* old, v1::Tunnel next, const ConfigContext& context,
                 TunnelEdits& edits) {
  settle(next);
  if (old != nullptr && same(*old, next)) return absl::OkStatus();
  if (auto status = check(next, context); !status.ok()) return status;
  edits.put.push_back(std::move(next));
  return absl::OkStatus();
}

absl::StatusOr<TunnelEdits> plan_tunnel(const TunnelLine& line, const TunnelView& view,
                                        const ConfigContext& context) {
  const v1::Tunnel* old = view.find(line.id);
  if (old != nullptr && old->slot() != line.tid) {
    return bad("T{} has TID {:x}, which never changes", line.id, old->slot());
  }
  TunnelEdits edits;
  v1::Tunnel next;
  if (old != nullptr) {
    next = *old;
  } else {
    next.set_id(line.id);
    next.set_slot(line.tid);
    // The one that has the place is gone: there is no other way to say so in this language.
    const v1::Tunnel* occupant = view.at_slot(line.tid);
    if (occupant != nullptr) edits.erased.push_back(occupant->id());
  }
  apply_line(line, false, next);
  if (auto status = put(old, std::move(next), context, edits); !status.ok()) return status;
  return edits;
}

absl::StatusOr<TunnelEdits> plan_remote(uint32_t id, const Ipv6Address& remote,
                                        const TunnelView& view, const ConfigContext& context) {
  const v1::Tunnel* old = view.find(id);
  if (old == nullptr) return bad("No such Tunnel ID (T{}) found", id);
  if (is_dynamic_type(old->type())) return bad("T{} is dynamic now", id);
  v1::Tunnel next = *old;
  next.set_remote(to_outer_text(remote));
  TunnelEdits edits;
  if (auto status = put(old, std::move(next), context, edits); !status.ok()) return status;
  return edits;
}

absl::StatusOr<TunnelEdits> plan_subnet(const SubnetLine& line, const TunnelView& view,
                                        const Model& model) {
  const auto unit = subnet_of(model.config().pools(), line.address);
  if (!unit) return bad("{} doesn't have a master subnet", line.address.to_string());
  const v1::Tunnel* tunnel = view.at_slot(line.tid);
  if (tunnel == nullptr) {
    return bad("Tunnel {:x} for subnet {} not found", line.tid, unit->to_string());
  }
  TunnelEdits edits;
  const v1::Tunnel* owner = view.owner(*unit);
  if (owner != nullptr && owner->id() == tunnel->id()) return edits;
  const std::string text = unit->to_string();
  if (owner != nullptr) {
    v1::Tunnel loser = *owner;
    auto& prefixes = *loser.mutable_delegated_prefixes();
    const auto found = std::find(prefixes.begin(), prefixes.end(), text);
    if (found == prefixes.end()) {
      return bad("{} is part of a larger prefix of T{}: change it there", text, owner->id());
    }
    prefixes.erase(found);
    settle(loser);
    edits.put.push_back(std::move(loser));
  }
  v1::Tunnel next = *tunnel;
  next.add_delegated_prefixes(text);
  if (auto status = put(tunnel, std::move(next), model.context(), edits); !status.ok()) {
    return status;
  }
  return edits;
}

absl::Status first_fault(const std::vector<FieldViolation>& faults) {
  if (faults.empty()) return absl::OkStatus();
  return bad("{}: {}", faults.front().field, faults.front().description);
}

}  // namespace

// The model with what waits.
class Changes::Waiting final : public TunnelView {
 public:
  Waiting(const Model& model, const Changes& changes) : model_(model), changes_(changes) {}

  const v1::Tunnel* find(uint32_t id) const override {
    const auto found = changes_.tunnels_.find(id);
    if (found == changes_.tunnels_.end()) return model_.find(id);
    return found->second ? &*found->second : nullptr;
  }
  const v1::Tunnel* at_slot(uint32_t slot) const override {
    const auto found = changes_.slots_.find(slot);
    if (found == changes_.slots_.end()) return model_.at_slot(slot);
    return found->second != 0 ? find(found->second) : nullptr;
  }
  const v1::Tunnel* owner(const Ipv6Prefix& unit) const override {
    const auto found = changes_.units_.find(unit.address.hi());
    if (found != changes_.units_.end()) return found->second != 0 ? find(found->second) : nullptr;
    const v1::Tunnel* tunnel = model_.owner(unit.address.hi()).tunnel;
    return tunnel != nullptr ? find(tunnel->id()) : nullptr;
  }

 private:
  const Model& model_;
  const Changes& changes_;
};

absl::StatusOr<TunnelEdits> Changes::plan(const Line& line, const TunnelView& view,
                                          const Model& model) {
  if (const auto* tunnel = std::get_if<TunnelLine>(&line)) {
    return plan_tunnel(*tunnel, view, model.context());
  }
  if (const auto* remote = std::get_if<RemoteLine>(&line)) {
    return plan_remote(remote->id, remote->remote, view, model.context());
  }
  return plan_subnet(std::get<SubnetLine>(line), view, model);
}

std::string Changes::name_of(const Line& line) {
  if (const auto* tunnel = std::get_if<TunnelLine>(&line)) {
    return fmt::format("tunnel {:x}/T{}", tunnel->tid, tunnel->id);
  }
  if (const auto* remote = std::get_if<RemoteLine>(&line)) {
    return fmt::format("remote of T{}", remote->id);
  }
  return fmt::format("subnet {}", std::get<SubnetLine>(line).address.to_string());
}

// The units of the tunnel's prefixes are `owner`'s from here on.
void Changes::expect_units(const Model& model, const v1::Tunnel* tunnel, uint32_t owner) {
  if (tunnel == nullptr) return;
  for (const std::string& text : tunnel->delegated_prefixes()) {
    const auto prefix = Ipv6Prefix::parse(text);
    const auto unit = prefix ? subnet_of(model.config().pools(), prefix->address) : std::nullopt;
    if (!unit || unit->length < prefix->length) continue;
    const uint64_t size = uint64_t{1} << (64 - unit->length);
    const uint64_t count = uint64_t{1} << (unit->length - prefix->length);
    for (uint64_t i = 0; i < count; ++i) units_[unit->address.hi() + i * size] = owner;
  }
}

void Changes::expect(const Model& model, const TunnelEdits& edits) {
  const Waiting view(model, *this);
  for (const uint32_t id : edits.erased) {
    const v1::Tunnel* old = view.find(id);
    if (old == nullptr) continue;
    expect_units(model, old, 0);
    slots_[old->slot()] = 0;
    tunnels_[id] = std::nullopt;
  }
  for (const v1::Tunnel& next : edits.put) {
    expect_units(model, view.find(next.id()), 0);
    slots_[next.slot()] = next.id();
    tunnels_[next.id()] = next;
  }
  for (const v1::Tunnel& next : edits.put) expect_units(model, &next, next.id());
}

absl::Status Changes::take(const Model& model, Line line) {
  const auto edits = plan(line, Waiting(model, *this), model);
  if (!edits.ok()) return edits.status();
  if (edits->empty()) return absl::OkStatus();
  expect(model, *edits);
  lines_.push_back(std::move(line));
  return absl::OkStatus();
}

absl::Status Changes::set_tunnel(const Model& model, const TunnelLine& line) {
  return take(model, line);
}

absl::Status Changes::set_remote(const Model& model, uint32_t id, const Ipv6Address& remote) {
  return take(model, RemoteLine{id, remote});
}

absl::Status Changes::set_subnet(const Model& model, const SubnetLine& line) {
  return take(model, line);
}

v1::Pop Changes::pop(const Model& model) const {
  v1::Pop pop = model.config().pop();
  for (const PopEdit& edit : pop_edits_) edit(pop);
  return pop;
}

PoolList Changes::pools(const Model& model) const {
  PoolList pools = model.config().pools();
  for (const v1::Pool& pool : pools_) add_pool(pool, pools);
  return pools;
}

absl::Status Changes::edit_pop(const Model& model, PopEdit edit) {
  const v1::Pop now = pop(model);
  v1::Pop next = now;
  edit(next);
  normalize(next);
  if (same(now, next)) return absl::OkStatus();
  if (auto status = first_fault(validate_settings(next, pools(model))); !status.ok()) {
    return status;
  }
  pop_edits_.push_back(std::move(edit));
  return absl::OkStatus();
}

absl::Status Changes::add_pools(const Model& model, std::vector<v1::Pool> added) {
  PoolList next = pools(model);
  for (const v1::Pool& pool : added) add_pool(pool, next);
  if (auto status = first_fault(validate_settings(pop(model), next)); !status.ok()) return status;
  std::ranges::move(added, std::back_inserter(pools_));
  return absl::OkStatus();
}

// On the engine's thread.
void Changes::edit(Editor& editor, std::vector<Rejected>& rejected) const {
  const auto reject = [&](std::string what, const absl::Status& why) {
    rejected.push_back({std::move(what), to_string(why.message())});
  };
  for (const v1::Pool& wanted : pools_) {
    if (find_pool(editor.model().config().pools(), wanted) != nullptr) continue;
    PoolList pools = editor.model().config().pools();
    add_pool(wanted, pools);
    const v1::Pool& named = pools[pools.size() - 1];
    if (auto status = editor.put_pool(named, ""); !status.ok()) {
      reject("prefix " + wanted.prefix(), status);
    }
  }
  if (!pop_edits_.empty()) {
    v1::Pop pop = editor.model().config().pop();
    for (const PopEdit& edit : pop_edits_) edit(pop);
    if (auto status = editor.put_pop(std::move(pop), ""); !status.ok()) reject("pop", status);
  }
  for (const Line& line : lines_) {
    // Made anew for each: it shows what the lines before have made of the model.
    const ModelView view(editor.model());
    auto edits = plan(line, view, editor.model());
    absl::Status status = edits.status();
    if (status.ok()) {
      for (const uint32_t id : edits->erased) status.Update(editor.erase_tunnel(id));
      for (v1::Tunnel& tunnel : edits->put) {
        if (status.ok()) status.Update(editor.put_tunnel(tunnel, "").status());
      }
    }
    if (!status.ok()) reject(name_of(line), status);
  }
}

absl::Status Changes::commit(Engine& engine, std::vector<Rejected>& rejected) {
  if (empty()) return absl::OkStatus();
  std::vector<Rejected> faults;
  Engine::Call call;
  call.method = "Console";
  call.edit = [&](Editor& editor) {
    faults.clear();
    edit(editor, faults);
    return absl::OkStatus();
  };
  const auto outcome = engine.execute(std::move(call));
  if (!outcome.ok()) return outcome.status();
  std::ranges::move(faults, std::back_inserter(rejected));
  *this = Changes();
  return absl::OkStatus();
}

}  // namespace simplon::control::sixxsd
