// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include "proto/link/segment_format.h"

namespace simplon {

// Where the slow path puts what happened to tunnels. Slow-path thread. The dataplane's is the ring
// of the runtime segment (dataplane/state/event_ring.h).
class EventSink {
 public:
  virtual ~EventSink() = default;

  // Gives the event its number.
  virtual void publish(TunnelEvent event) = 0;
};

}  // namespace simplon
