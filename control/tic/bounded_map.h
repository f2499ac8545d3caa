// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// A map of what strangers do: when it is full, the key not touched for longest goes. Not
// synchronised.

#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstddef>
#include <list>
#include <utility>

namespace simplon::control {

template <typename Key, typename Value>
class BoundedMap {
 public:
  explicit BoundedMap(std::size_t capacity) : capacity_(capacity) {}

  std::size_t size() const { return index_.size(); }

  // Null: not there. Not a touch.
  const Value* find(const Key& key) const {
    const auto found = index_.find(key);
    return found == index_.end() ? nullptr : &found->second->second;
  }

  // Made where it is not there.
  Value& touch(const Key& key) {
    const auto found = index_.find(key);
    if (found != index_.end()) {
      order_.splice(order_.end(), order_, found->second);
      return found->second->second;
    }
    if (index_.size() >= capacity_) {
      index_.erase(order_.front().first);
      order_.pop_front();
    }
    order_.emplace_back(key, Value{});
    index_.emplace(key, std::prev(order_.end()));
    return order_.back().second;
  }

  void erase(const Key& key) {
    const auto found = index_.find(key);
    if (found == index_.end()) return;
    order_.erase(found->second);
    index_.erase(found);
  }

 private:
  using Order = std::list<std::pair<Key, Value>>;  // longest untouched first

  const std::size_t capacity_;
  Order order_;
  absl::flat_hash_map<Key, typename Order::iterator> index_;
};

}  // namespace simplon::control
