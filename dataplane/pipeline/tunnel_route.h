// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Where packets into a tunnel go at present, and how: of static tunnels from the table, of dynamic
// ones from what has been learned. Worker and slow path.

#pragma once

#include <cstdint>

#include "dataplane/pipeline/forwarding_table.h"
#include "dataplane/state/tunnel_runtime.h"

namespace simplon {

// What has been learned about a dynamic tunnel; `slot` < slot_capacity(). Not known where the
// runtime table has no room for the slot.
inline Endpoint endpoint_of(const RuntimeTable& runtime, const SnapshotView& view, uint32_t slot) {
  if (slot >= runtime.capacity()) return {};
  return runtime.load(slot, view.slot(slot).incarnation);
}

struct TunnelRoute {
  Endpoint endpoint = {};  // of static tunnels: as configured, up and verified
  NextHop next_hop = {};
  uint16_t overhead = 0;  // bytes before the inner packet: outer IP header and what follows it
  // Largest inner packet (docs/protocols.md §2.4). Of dynamic tunnels, and of all over IPv6, at
  // most what fits the link.
  uint16_t mtu = 0;
};

// `slot` < slot_capacity() and used. Where the endpoint is not up, or no interface leads there,
// `mtu` is the configured one.
TunnelRoute tunnel_route(const RuntimeTable& runtime, const ForwardingTable& table, uint32_t slot);

// Does it carry IPv4 too?
bool carries_ipv4(const TunnelSlot& slot, const Endpoint& endpoint);

}  // namespace simplon
