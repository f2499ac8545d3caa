// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/tunnel_watch.h"

#include <cstring>

namespace simplon {

TunnelEvent make_tunnel_event(TunnelEventKind kind, uint32_t slot, uint8_t incarnation,
                              const Endpoint& endpoint, uint64_t unix_ns) {
  TunnelEvent event{};
  event.unix_ns = unix_ns;
  event.slot = slot;
  event.kind = static_cast<uint8_t>(kind);
  event.incarnation = incarnation;
  event.transport = static_cast<uint8_t>(endpoint.transport);
  event.port = endpoint.port;
  event.count = 1;
  std::memcpy(event.address, endpoint.address.bytes.data(), sizeof event.address);
  return event;
}

const TunnelSlot* find_dynamic(const ForwardingTable& table, const RuntimeTable& runtime,
                               uint32_t slot) {
  if (slot >= table.snapshot.slot_capacity() || slot >= runtime.capacity()) return nullptr;
  const TunnelSlot& found = table.snapshot.slot(slot);
  return is_dynamic(static_cast<TunnelKind>(found.kind)) ? &found : nullptr;
}

}  // namespace simplon
