// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <absl/container/btree_set.h>
#include <absl/container/flat_hash_map.h>
#include <absl/hash/hash.h>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "dataplane/net/address.h"

namespace simplon::control {

// Which tunnels have an outer address. Most addresses are those of one tunnel, which a hash table
// finds with one touch of memory where a tree among a million needs several. Not synchronised.
class RemoteIndex {
 public:
  // Each pair at most once.
  void add(const Ipv6Address& remote, uint32_t id);
  void remove(const Ipv6Address& remote, uint32_t id);
  void clear();
  // Ascending, at most `limit`.
  std::vector<uint32_t> find(const Ipv6Address& remote, std::size_t limit) const;

 private:
  struct Hash {
    std::size_t operator()(const Ipv6Address& a) const { return absl::HashOf(a.hi(), a.lo()); }
  };

  absl::flat_hash_map<Ipv6Address, uint32_t, Hash> one_;  // of the tunnels with the address
  absl::btree_set<std::pair<Ipv6Address, uint32_t>> others_;
};

}  // namespace simplon::control
