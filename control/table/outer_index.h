// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "dataplane/net/address.h"
#include "proto/link/snapshot_format.h"

namespace simplon::control {

// The outer index section while it is made: slots of tunnels with a configured remote, sorted by
// remote, local_index and slot. Changes are noted, and taken in all at once when the order is asked
// for: that costs k log n and one move of what lies behind the first of them. While nobody asks,
// for want of a dataplane, they are taken in whenever they outnumber the lines. Not synchronised.
class OuterIndex {
 public:
  // A line with another remote or local_index is another one. Lines without a remote are ignored.
  void add(uint32_t slot, const TunnelSlot& line) { note(slot, line, 1); }
  void remove(uint32_t slot, const TunnelSlot& line) { note(slot, line, -1); }

  // The section, in order.
  std::vector<uint32_t> slots();

  // Changes noted and not taken in yet: at most kFewNotes, or twice the lines, of each family.
  std::size_t noted() const { return notes4_.size() + notes6_.size(); }
  static constexpr std::size_t kFewNotes = 1 << 16;

 private:
  // Local index and slot, which fit one word; in an IPv4 key it is below the remote.
  static constexpr uint32_t kSlotMask = 0xffffff;
  static_assert(kMaxSlots <= kSlotMask + 1);
  using Key4 = uint64_t;
  using Key6 = std::pair<Ipv6Address, uint32_t>;

  // What becomes of keys: 1: it comes, -1: it goes. More of one key cancel out.
  template <typename Key>
  using Notes = std::vector<std::pair<Key, int>>;
  template <typename Key>
  static void note(const Key& key, int count, Notes<Key>& notes, std::vector<Key>& keys);
  template <typename Key>
  static void take_in(Notes<Key>& notes, std::vector<Key>& keys);

  void note(uint32_t slot, const TunnelSlot& line, int count);

  std::vector<Key4> keys4_;
  std::vector<Key6> keys6_;
  Notes<Key4> notes4_;
  Notes<Key6> notes6_;
};

}  // namespace simplon::control
