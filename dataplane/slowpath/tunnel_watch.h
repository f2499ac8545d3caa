// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include "dataplane/pipeline/forwarding_table.h"
#include "dataplane/state/tunnel_runtime.h"
#include "proto/link/segment_format.h"

namespace simplon {

// Is told what happens to dynamic tunnels, by the parts of the slow path that see it. Slow-path
// thread.
class TunnelWatch {
 public:
  virtual void happened(const ForwardingTable& table, const TunnelEvent& event) = 0;

 protected:
  ~TunnelWatch() = default;
};

// About a tunnel's endpoint; count 1, without a number.
TunnelEvent make_tunnel_event(TunnelEventKind kind, uint32_t slot, uint8_t incarnation,
                              const Endpoint& endpoint, uint64_t unix_ns);

// A dynamic tunnel that is there, enabled or not; `slot` may be any number. Null: it is none, or
// there is no memory for what is learned about it.
const TunnelSlot* find_dynamic(const ForwardingTable& table, const RuntimeTable& runtime,
                               uint32_t slot);

}  // namespace simplon
