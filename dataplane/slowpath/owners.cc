// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/owners.h"

namespace simplon {

void Owners::learned(const ForwardingTable& table, uint32_t slot, const Ipv6Address& address) {
  // Room for twice the tunnels of the table; a larger table later begins anew, and the scan fills
  // it in.
  const std::size_t wanted = table.snapshot.slot_capacity() / (kWays / 2) + 16;
  if (sets_.size() < wanted && sets_.size() < kMaxSets) {
    std::size_t size = 16;
    while (size < wanted && size < kMaxSets) size *= 2;
    Set empty;
    empty.fill(kNoSlot);
    sets_.assign(size, empty);
  }
  Set& set = sets_[index_of(address)];
  uint32_t* free = nullptr;
  for (uint32_t& entry : set) {
    if (entry == slot) return;
    if (free != nullptr) continue;
    if (entry == kNoSlot) {
      free = &entry;
      continue;
    }
    // One that has gone elsewhere makes room.
    const TunnelSlot* other = find_dynamic(table, runtime_, entry);
    if (other == nullptr) {
      free = &entry;
      continue;
    }
    const Endpoint endpoint = runtime_.load(entry, other->incarnation);
    if (!endpoint.up || index_of(endpoint.address) != index_of(address)) free = &entry;
  }
  if (free != nullptr) *free = slot;
}

}  // namespace simplon
