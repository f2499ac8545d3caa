// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/state/neighbor_table.h"

#include <cstring>

namespace simplon {
namespace {

uint64_t pack(uint64_t state, uint8_t interface, const MacAddress& mac) {
  uint64_t bytes = 0;
  std::memcpy(&bytes, mac.data(), mac.size());
  return state << 56 | uint64_t{interface} << 48 | bytes;
}

uint64_t state_of(uint64_t word) {
  return word >> 56;
}
uint8_t interface_of(uint64_t word) {
  return static_cast<uint8_t>(word >> 48);
}

}  // namespace

std::size_t NeighborTable::hash(uint8_t interface, uint64_t hi, uint64_t lo) {
  uint64_t h = (hi ^ lo * 0x9e3779b97f4a7c15u ^ interface) * 0xbf58476d1ce4e5b9u;
  h ^= h >> 32;
  return static_cast<std::size_t>(h) % kCapacity;
}

bool NeighborTable::lookup(uint8_t interface, const Ipv6Address& address, MacAddress& mac) const {
  const uint64_t hi = address.hi();
  const uint64_t lo = address.lo();
  std::size_t at = hash(interface, hi, lo);
  for (std::size_t probe = 0; probe < kCapacity; ++probe, at = (at + 1) % kCapacity) {
    const Entry& e = entries_[at];
    const uint64_t word =
        e.word.load(std::memory_order_acquire);  // pairs with the release in set()
    if (state_of(word) == 0) return false;
    if (state_of(word) != kUsed || interface_of(word) != interface) continue;
    if (e.hi.load(std::memory_order_relaxed) != hi || e.lo.load(std::memory_order_relaxed) != lo) {
      continue;
    }
    // The entry may have been given to another key in between: then its word changed first.
    std::atomic_thread_fence(std::memory_order_acquire);
    if (e.word.load(std::memory_order_relaxed) != word) return false;
    std::memcpy(mac.data(), &word, mac.size());
    return true;
  }
  return false;
}

NeighborTable::Entry* NeighborTable::find(uint8_t interface, uint64_t hi, uint64_t lo) {
  std::size_t at = hash(interface, hi, lo);
  for (std::size_t probe = 0; probe < kCapacity; ++probe, at = (at + 1) % kCapacity) {
    Entry& e = entries_[at];
    const uint64_t word = e.word.load(std::memory_order_relaxed);
    if (state_of(word) == 0) return nullptr;
    if (state_of(word) == kUsed && interface_of(word) == interface &&
        e.hi.load(std::memory_order_relaxed) == hi && e.lo.load(std::memory_order_relaxed) == lo) {
      return &e;
    }
  }
  return nullptr;
}

bool NeighborTable::set(uint8_t interface, const Ipv6Address& address, const MacAddress& mac) {
  const uint64_t hi = address.hi();
  const uint64_t lo = address.lo();
  if (Entry* known = find(interface, hi, lo)) {
    known->word.store(pack(kUsed, interface, mac), std::memory_order_release);
    return true;
  }
  if (used_ == kMaxEntries) return false;
  std::size_t at = hash(interface, hi, lo);
  while (state_of(entries_[at].word.load(std::memory_order_relaxed)) == kUsed) {
    at = (at + 1) % kCapacity;
  }
  Entry& e = entries_[at];
  // A reader still comparing the removed key must see the word change before it can see the new key
  // as the old one's.
  std::atomic_thread_fence(std::memory_order_release);
  e.hi.store(hi, std::memory_order_relaxed);
  e.lo.store(lo, std::memory_order_relaxed);
  e.word.store(pack(kUsed, interface, mac), std::memory_order_release);  // pairs with lookup()
  ++used_;
  return true;
}

void NeighborTable::remove(uint8_t interface, const Ipv6Address& address) {
  if (Entry* e = find(interface, address.hi(), address.lo())) {
    e->word.store(kRemoved << 56, std::memory_order_release);
    --used_;
  }
}

void NeighborTable::clear() {
  for (Entry& e : entries_) e.word.store(0, std::memory_order_release);
  used_ = 0;
}

}  // namespace simplon
