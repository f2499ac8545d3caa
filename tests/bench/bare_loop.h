// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The reference of the pipeline benchmark: the memory any 6in4 forwarder with a flat table must
// touch and the header bytes it must write, and none of the decisions. A lower bound, not a
// forwarder.

#pragma once

#include <cstdint>

#include "proto/link/segment_format.h"
#include "tests/bench/traffic.h"

namespace simplon::bench {

class BareLoop {
 public:
  explicit BareLoop(const Plan& plan);
  // One burst of kBurst frames from `first` on.
  void run(Direction direction, Traffic& traffic, std::size_t first);

 private:
  struct alignas(64) Slot {
    Ipv4Address local, remote;
    uint16_t mtu;
    uint8_t up;
    EthernetHeader rewrite;
  };
  static_assert(sizeof(Slot) == 64);

  void look_up(Traffic& traffic, std::size_t first, std::size_t address_offset, uint32_t* slots);
  void encap(Traffic& traffic, std::size_t first);
  void decap(Traffic& traffic, std::size_t first);

  HugeArray<Slot> slots_;
  HugeArray<TunnelCounters> counters_;
  HugeArray<uint32_t> unit_to_slot_;
};

}  // namespace simplon::bench
