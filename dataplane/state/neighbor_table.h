// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "dataplane/net/headers.h"

namespace simplon {

// Link-layer addresses of on-link next hops, as workers need them. One writer (the slow path, which
// owns the protocol state of ARP and ND beside it), any number of readers. Fixed size, no
// allocation.
//
// An entry's word holds MAC and a version in one atomic: a reader that sees the same word before
// and after comparing the key has a MAC that belonged to that key.
class NeighborTable {
 public:
  static constexpr std::size_t kCapacity = 1024;  // power of two; at most half of it is used
  static constexpr std::size_t kMaxEntries = kCapacity / 2;

  // Worker. `address` is IPv4-mapped for ARP. False: not known.
  bool lookup(uint8_t interface, const Ipv6Address& address, MacAddress& mac) const;

  // Service thread. False: table full.
  bool set(uint8_t interface, const Ipv6Address& address, const MacAddress& mac);
  void remove(uint8_t interface, const Ipv6Address& address);
  void clear();

 private:
  struct alignas(32) Entry {
    std::atomic<uint64_t> hi{0};
    std::atomic<uint64_t> lo{0};
    // 63..56 state: 0 never used, 1 removed, 2 in use; 55..48 interface; 47..0 MAC
    std::atomic<uint64_t> word{0};
  };
  static constexpr uint64_t kRemoved = 1;
  static constexpr uint64_t kUsed = 2;

  static std::size_t hash(uint8_t interface, uint64_t hi, uint64_t lo);
  Entry* find(uint8_t interface, uint64_t hi, uint64_t lo);

  std::array<Entry, kCapacity> entries_;
  std::size_t used_ = 0;  // service thread only
};

}  // namespace simplon
