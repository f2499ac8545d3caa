// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// A map for what strangers make us remember: it holds so many entries and no more, and the one
// nobody asked for the longest makes room. Not synchronised.

#pragma once

#include <cstddef>
#include <list>
#include <map>
#include <utility>

namespace simplon::control {

template <typename Key, typename Value>
class RecentMap {
 public:
  explicit RecentMap(std::size_t limit) : limit_(limit) {}

  // Null: not there. Not asking, as far as making room goes.
  const Value* peek(const Key& key) const {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &found->second->second;
  }

  // Null: not there. Good until the next call.
  Value* find(const Key& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    entries_.splice(entries_.begin(), entries_, found->second);
    return &found->second->second;
  }

  // A new one is Value{}. Good until the next call.
  Value& at(const Key& key) {
    if (Value* known = find(key)) return *known;
    if (entries_.size() >= limit_) {
      index_.erase(entries_.back().first);
      entries_.pop_back();
    }
    entries_.emplace_front(key, Value{});
    index_.emplace(key, entries_.begin());
    return entries_.front().second;
  }

  void erase(const Key& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return;
    entries_.erase(found->second);
    index_.erase(found);
  }

  std::size_t size() const { return entries_.size(); }

 private:
  using Entries = std::list<std::pair<const Key, Value>>;

  const std::size_t limit_;
  Entries entries_;  // the last one asked for first
  std::map<Key, typename Entries::iterator> index_;
};

}  // namespace simplon::control
