// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/model/diff.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "control/model/render.h"

namespace simplon::control {
namespace {

bool same(const google::protobuf::MessageLite& a, const google::protobuf::MessageLite& b) {
  // No maps and no unknown fields inside: equal messages serialise equally within one process.
  return a.SerializeAsString() == b.SerializeAsString();
}

void set(v1::Resource& resource, const v1::Tunnel& tunnel) {
  *resource.mutable_tunnel() = tunnel;
}
void set(v1::Resource& resource, const v1::Pool& pool) {
  *resource.mutable_pool() = pool;
}
void set(v1::Resource& resource, const v1::Pop& pop) {
  *resource.mutable_pop() = pop;
}
void set(v1::Resource& resource, const v1::Account& account) {
  *resource.mutable_account() = account;
}

std::string name_of(const v1::Tunnel& tunnel) {
  return tunnel_name(tunnel.id());
}
std::string name_of(const v1::Pool& pool) {
  return pool_name(pool.name());
}
std::string name_of(const v1::Account& account) {
  return account_name(account.name());
}
std::string name_of(const v1::Pop&) {
  return std::string(kPopName);
}

template <typename T>
v1::Change change_of(const T* old, const T* next) {
  v1::Change change;
  change.set_name(name_of(next != nullptr ? *next : *old));
  if (old != nullptr) set(*change.mutable_old(), *old);
  if (next != nullptr) set(*change.mutable_new_(), *next);
  change.set_action(old == nullptr    ? v1::Change::CREATED
                    : next == nullptr ? v1::Change::DELETED
                                      : v1::Change::UPDATED);
  if (old != nullptr && next != nullptr) {
    for (std::string& path : differing_fields(*old, *next)) change.add_paths(std::move(path));
  }
  return change;
}

template <typename T, typename Key>
void diff_sorted(const google::protobuf::RepeatedPtrField<T>& from,
                 const google::protobuf::RepeatedPtrField<T>& to, Key key,
                 std::vector<v1::Change>& changes) {
  const auto sorted = [&](const google::protobuf::RepeatedPtrField<T>& resources) {
    std::vector<const T*> pointers(resources.pointer_begin(), resources.pointer_end());
    const auto less = [&](const T* a, const T* b) { return key(*a) < key(*b); };
    if (!std::ranges::is_sorted(pointers, less)) std::ranges::sort(pointers, less);
    return pointers;
  };
  const std::vector<const T*> old = sorted(from);
  const std::vector<const T*> next = sorted(to);
  auto a = old.begin();
  auto b = next.begin();
  while (a != old.end() || b != next.end()) {
    if (b == next.end() || (a != old.end() && key(**a) < key(**b))) {
      changes.push_back(change_of<T>(*a++, nullptr));
    } else if (a == old.end() || key(**b) < key(**a)) {
      changes.push_back(change_of<T>(nullptr, *b++));
    } else {
      if (!same(**a, **b)) changes.push_back(change_of<T>(*a, *b));
      ++a;
      ++b;
    }
  }
}

// Sort key of a change: the PoP, pools by name, accounts by name, tunnels by id.
std::tuple<int, uint32_t, std::string> order(const v1::Change& change) {
  const v1::Resource& resource = change.has_new_() ? change.new_() : change.old();
  if (resource.has_pop()) return {0, 0, {}};
  if (resource.has_pool()) return {1, 0, resource.pool().name()};
  if (resource.has_account()) return {2, 0, resource.account().name()};
  return {3, resource.tunnel().id(), {}};
}

// A change from the old value of one to the new value of another; nullopt: nothing is left.
std::optional<v1::Change> compose(const v1::Change& first, const v1::Change& last) {
  const v1::Resource* old = first.has_old() ? &first.old() : nullptr;
  const v1::Resource* next = last.has_new_() ? &last.new_() : nullptr;
  if (old == nullptr && next == nullptr) return std::nullopt;
  if (old != nullptr && next != nullptr && same(*old, *next)) return std::nullopt;
  const v1::Resource& any = next != nullptr ? *next : *old;
  if (any.has_tunnel()) {
    return make_change(old ? &old->tunnel() : nullptr, next ? &next->tunnel() : nullptr);
  }
  if (any.has_pool()) {
    return make_change(old ? &old->pool() : nullptr, next ? &next->pool() : nullptr);
  }
  if (any.has_account()) {
    return make_change(old ? &old->account() : nullptr, next ? &next->account() : nullptr);
  }
  return make_change(old ? &old->pop() : nullptr, next ? &next->pop() : nullptr);
}

// Fields of Tunnel and of Pop that no record of a snapshot is made of.
constexpr std::string_view kNotPublished[] = {
    "account",   "description",     "tic_type",        "update_key",  //
    "console",   "details",         "endpoint_update", "number",
    "peer_pops", "service_message", "service_state",   "tic"};

}  // namespace

std::vector<std::string> differing_fields(const google::protobuf::Message& a,
                                          const google::protobuf::Message& b) {
  std::vector<std::string> names;
  const google::protobuf::Descriptor* type = a.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const google::protobuf::FieldDescriptor* field = type->field(i);
    google::protobuf::util::MessageDifferencer differencer;
    if (!differencer.CompareWithFields(a, b, {field}, {field})) names.push_back(field->name());
  }
  return names;
}

v1::Change make_change(const v1::Tunnel* old, const v1::Tunnel* next) {
  return change_of(old, next);
}
v1::Change make_change(const v1::Pool* old, const v1::Pool* next) {
  return change_of(old, next);
}
v1::Change make_change(const v1::Pop* old, const v1::Pop* next) {
  return change_of(old, next);
}

v1::Change make_change(const v1::Account* old, const v1::Account* next) {
  return change_of(old, next);
}

bool concerns_dataplane(const v1::Change& change) {
  const v1::Resource& any = change.has_new_() ? change.new_() : change.old();
  if (any.has_account()) return false;
  if (change.action() != v1::Change::UPDATED || change.paths().empty()) return true;
  return !std::ranges::all_of(change.paths(), [](const std::string& path) {
    return std::ranges::find(kNotPublished, path) != std::end(kNotPublished);
  });
}

std::vector<v1::Change> diff(const v1::Config& from, const v1::Config& to) {
  std::vector<v1::Change> changes;
  const bool pop_differs =
      from.has_pop() != to.has_pop() || (from.has_pop() && !same(from.pop(), to.pop()));
  if (pop_differs) {
    changes.push_back(change_of<v1::Pop>(from.has_pop() ? &from.pop() : nullptr,
                                         to.has_pop() ? &to.pop() : nullptr));
  }
  diff_sorted(
      from.pools(), to.pools(), [](const v1::Pool& p) { return p.name(); }, changes);
  diff_sorted(
      from.accounts(), to.accounts(),
      [](const v1::Account& a) { return std::string_view(a.name()); }, changes);
  diff_sorted(
      from.tunnels(), to.tunnels(), [](const v1::Tunnel& t) { return t.id(); }, changes);
  return changes;
}

v1::Change inverse(const v1::Change& change) {
  v1::Change out;
  out.set_name(change.name());
  if (change.has_new_()) *out.mutable_old() = change.new_();
  if (change.has_old()) *out.mutable_new_() = change.old();
  out.set_action(change.action() == v1::Change::CREATED   ? v1::Change::DELETED
                 : change.action() == v1::Change::DELETED ? v1::Change::CREATED
                                                          : v1::Change::UPDATED);
  *out.mutable_paths() = change.paths();
  return out;
}

std::vector<v1::Change> merge_changes(const std::vector<v1::Change>& sequence) {
  std::map<std::tuple<int, uint32_t, std::string>, std::pair<const v1::Change*, const v1::Change*>>
      resources;
  for (const v1::Change& change : sequence) {
    const auto [it, fresh] = resources.try_emplace(order(change), &change, &change);
    if (!fresh) it->second.second = &change;
  }
  std::vector<v1::Change> merged;
  for (const auto& [key, ends] : resources) {
    if (auto change = compose(*ends.first, *ends.second)) merged.push_back(*std::move(change));
  }
  return merged;
}

v1::ConfigDiff summarize(const Model& model, const std::vector<v1::Change>& changes,
                         std::size_t max_changes) {
  v1::Revision counts;
  count_changes(changes, counts);
  v1::ConfigDiff out;
  out.set_created(counts.created());
  out.set_updated(counts.updated());
  out.set_deleted(counts.deleted());
  for (const v1::Change& change : changes) {
    if (std::size_t(out.changes_size()) == max_changes) {
      out.set_truncated(true);
      break;
    }
    *out.add_changes() = render(model, change);
  }
  return out;
}

void count_changes(const std::vector<v1::Change>& changes, v1::Revision& revision) {
  uint32_t counts[4] = {};
  for (const v1::Change& change : changes) ++counts[change.action() & 3];
  revision.set_created(counts[v1::Change::CREATED]);
  revision.set_updated(counts[v1::Change::UPDATED]);
  revision.set_deleted(counts[v1::Change::DELETED]);
}

}  // namespace simplon::control
