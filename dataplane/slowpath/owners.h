// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Which tunnels end at an outer address: configured ones by the snapshot's index, dynamic ones by
// an index of our own, that is only a hint and is checked against what has been learned. Bounded:
// of very many dynamic tunnels behind one address some are not found. Slow-path thread.

#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/crypto/siphash.h"
#include "dataplane/pipeline/forwarding_table.h"
#include "dataplane/slowpath/tunnel_watch.h"
#include "dataplane/state/tunnel_runtime.h"

namespace simplon {

struct Owner {
  uint32_t slot;
  uint8_t local_index;
  // Of a dynamic tunnel; a configured one is always up.
  bool dynamic;
  Endpoint endpoint;
};

class Owners {
 public:
  // `runtime` outlives the object.
  Owners(const RuntimeTable& runtime, uint64_t seed)
      : runtime_(runtime), key_(make_sip_key(seed, kPurpose)) {}

  // A dynamic tunnel ends there now.
  void learned(const ForwardingTable& table, uint32_t slot, const Ipv6Address& address);

  // Calls `take(const Owner&)` for each tunnel that ends at `remote` (IPv4-mapped for IPv4). Those
  // that are down are left out, disabled ones are not.
  template <typename Take>
  void each(const ForwardingTable& table, const Ipv6Address& remote, Take take) const {
    for (const uint32_t slot : table.snapshot.outer_index_find(remote)) {
      take(Owner{slot, table.snapshot.slot(slot).local_index, false, {}});
    }
    if (sets_.empty()) return;
    for (const uint32_t entry : set_of(remote)) {
      if (entry == kNoSlot) continue;
      const TunnelSlot* tunnel = find_dynamic(table, runtime_, entry);
      if (tunnel == nullptr) continue;
      const Endpoint endpoint = runtime_.load(entry, tunnel->incarnation);
      if (!endpoint.up || endpoint.address != remote) continue;
      take(Owner{entry, endpoint.local_index, true, endpoint});
    }
  }

  bool any(const ForwardingTable& table, const Ipv6Address& remote, uint8_t local_index) const {
    bool found = false;
    each(table, remote, [&](const Owner& o) { found |= o.local_index == local_index; });
    return found;
  }

  // kNoSlot: none, or more than one.
  uint32_t only(const ForwardingTable& table, const Ipv6Address& remote) const {
    uint32_t slot = kNoSlot;
    unsigned count = 0;
    each(table, remote, [&](const Owner& o) {
      slot = o.slot;
      ++count;
    });
    return count == 1 ? slot : kNoSlot;
  }

 private:
  static constexpr std::size_t kWays = 8;
  static constexpr std::size_t kMaxSets = 1 << 18;
  static constexpr uint64_t kPurpose = 1;
  using Set = std::array<uint32_t, kWays>;

  std::size_t index_of(const Ipv6Address& a) const {
    return siphash(key_, a.bytes) & (sets_.size() - 1);
  }
  const Set& set_of(const Ipv6Address& a) const { return sets_[index_of(a)]; }

  const RuntimeTable& runtime_;
  SipKey key_;
  std::vector<Set> sets_;  // a power of two of them, made when the first endpoint is learned
};

}  // namespace simplon
