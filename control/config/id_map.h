// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <absl/container/flat_hash_map.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "proto/link/snapshot_format.h"

namespace simplon::control {

// The slot of each tunnel, by id. Ids are mostly given out one after another, and an array is
// read and written in their order without a cache miss for each; those beyond some millions are in
// a hash table. Not synchronised.
class IdMap {
 public:
  void reserve(std::size_t count) { low_.reserve(std::min<std::size_t>(count + 1, kLow)); }

  // kNoSlot: there is none.
  uint32_t find(uint32_t id) const {
    if (id < kLow) return id < low_.size() ? low_[id] : kNoSlot;
    const auto found = high_.find(id);
    return found == high_.end() ? kNoSlot : found->second;
  }

  void put(uint32_t id, uint32_t slot) {
    count_ += find(id) == kNoSlot;
    if (id >= kLow) {
      high_[id] = slot;
      return;
    }
    if (id >= low_.size()) low_.resize(std::size_t{id} + 1, kNoSlot);
    low_[id] = slot;
  }

  void erase(uint32_t id) {
    if (find(id) == kNoSlot) return;
    --count_;
    if (id < kLow) {
      low_[id] = kNoSlot;
    } else {
      high_.erase(id);
    }
  }

  std::size_t size() const { return count_; }

 private:
  static constexpr uint32_t kLow = 1u << 22;  // 16 MiB at most

  std::vector<uint32_t> low_;
  absl::flat_hash_map<uint32_t, uint32_t> high_;
  std::size_t count_ = 0;
};

}  // namespace simplon::control
