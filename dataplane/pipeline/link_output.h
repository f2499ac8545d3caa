// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Link headers. Internal to the pipeline.

#pragma once

#include "dataplane/pipeline/batch.h"

namespace simplon {

// Most packets of a burst leave by the same gateway: remembers the last next hop's MAC for the
// length of one burst.
class NextHopMemo {
 public:
  bool resolve(const NeighborTable& neighbors, const NextHop& next_hop, MacAddress& mac) {
    if (next_hop.interface != interface_ || next_hop.address != address_) {
      if (!neighbors.lookup(next_hop.interface, next_hop.address, mac_)) return false;
      interface_ = next_hop.interface;
      address_ = next_hop.address;
    }
    mac = mac_;
    return true;
  }

 private:
  uint8_t interface_ = kNoInterfaceIndex;
  Ipv6Address address_;
  MacAddress mac_{};
};

// The IP packet at `network` (with `length` cut to its end) gets its link header; verdict
// kTransmit, with the tunnels' counters booked, or kPunt kUnresolved.
void output(WorkerContext& context, const ForwardingTable& table, Packet& packet,
            const NextHop& next_hop, NextHopMemo& memo);

}  // namespace simplon
