// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/table/outer_index.h"

#include <algorithm>

namespace simplon::control {

void OuterIndex::note(uint32_t slot, const TunnelSlot& line, int count) {
  const auto kind = static_cast<TunnelKind>(line.kind);
  if (kind == TunnelKind::kUnused || is_dynamic(kind)) return;
  const auto remote = Ipv6Address::from_bytes(line.remote);
  const uint32_t low = uint32_t{line.local_index} << 24 | slot;
  if (remote.is_ipv4_mapped()) {
    note(uint64_t{remote.ipv4().value()} << 32 | low, count, notes4_, keys4_);
  } else {
    note(Key6{remote, low}, count, notes6_, keys6_);
  }
}

template <typename Key>
void OuterIndex::note(const Key& key, int count, Notes<Key>& notes, std::vector<Key>& keys) {
  notes.emplace_back(key, count);
  if (notes.size() >= std::max(kFewNotes, 2 * keys.size())) take_in(notes, keys);
}

template <typename Key>
void OuterIndex::take_in(Notes<Key>& notes, std::vector<Key>& keys) {
  std::sort(notes.begin(), notes.end());
  std::vector<Key> coming;
  // Those that go are closed over from the front, in one pass.
  auto end = keys.begin();   // of what is in place
  auto rest = keys.begin();  // behind the last one that went
  for (auto note = notes.begin(); note != notes.end();) {
    const Key& key = note->first;
    int count = 0;
    for (; note != notes.end() && note->first == key; ++note) count += note->second;
    if (count > 0) coming.push_back(key);
    if (count >= 0) continue;
    const auto gone = std::lower_bound(rest, keys.end(), key);
    end = rest == end ? gone : std::move(rest, gone, end);
    rest = gone + 1;
  }
  if (rest != end) keys.erase(std::move(rest, keys.end(), end), keys.end());
  notes.clear();
  notes.shrink_to_fit();
  // Room for those that come is made from the back, in another.
  const std::size_t before = keys.size();
  keys.resize(before + coming.size());
  auto old_end = keys.begin() + static_cast<std::ptrdiff_t>(before);
  auto new_end = keys.end();
  for (auto key = coming.rbegin(); key != coming.rend(); ++key) {
    const auto at = std::lower_bound(keys.begin(), old_end, *key);
    new_end = std::move_backward(at, old_end, new_end);
    *--new_end = *key;
    old_end = at;
  }
}

std::vector<uint32_t> OuterIndex::slots() {
  take_in(notes4_, keys4_);
  take_in(notes6_, keys6_);
  // IPv4-mapped addresses are lower than any IPv6 address a remote can be.
  std::vector<uint32_t> slots;
  slots.reserve(keys4_.size() + keys6_.size());
  for (const Key4 key : keys4_) slots.push_back(static_cast<uint32_t>(key & kSlotMask));
  for (const auto& [remote, low] : keys6_) slots.push_back(low & kSlotMask);
  return slots;
}

}  // namespace simplon::control
