// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/model/remote_index.h"

#include <algorithm>

namespace simplon::control {

void RemoteIndex::add(const Ipv6Address& remote, uint32_t id) {
  if (const auto [it, fresh] = one_.try_emplace(remote, id); !fresh) others_.emplace(remote, id);
}

void RemoteIndex::remove(const Ipv6Address& remote, uint32_t id) {
  const auto found = one_.find(remote);
  if (found == one_.end()) return;
  if (found->second != id) {
    others_.erase({remote, id});
    return;
  }
  const auto next = others_.lower_bound({remote, 0});
  if (next == others_.end() || next->first != remote) {
    one_.erase(found);
    return;
  }
  found->second = next->second;
  others_.erase(next);
}

void RemoteIndex::clear() {
  one_.clear();
  others_.clear();
}

std::vector<uint32_t> RemoteIndex::find(const Ipv6Address& remote, std::size_t limit) const {
  std::vector<uint32_t> ids;
  const auto found = one_.find(remote);
  if (found == one_.end() || limit == 0) return ids;
  ids.push_back(found->second);
  // The one may be anywhere among the others.
  for (auto it = others_.lower_bound({remote, 0});
       it != others_.end() && it->first == remote && ids.size() <= limit; ++it) {
    ids.push_back(it->second);
  }
  std::ranges::sort(ids);
  if (ids.size() > limit) ids.resize(limit);
  return ids;
}

}  // namespace simplon::control
