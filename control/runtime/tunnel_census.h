// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// How many tunnels there are, how many of them are up, and how many are used: what the console's
// `pop show status` and monitoring ask for. Thread: any.

#pragma once

#include <cstdint>

#include "control/runtime/runtime_book.h"
#include "control/service_context.h"

namespace simplon::control {

// A tunnel is active if a packet came in from it within so many seconds.
inline constexpr uint32_t kActiveWithinS = 15 * 60;

struct TunnelCensus {
  struct Count {
    uint32_t configured = 0;  // enabled tunnels
    uint32_t online = 0;      // of those, up; static ones are. 0 while no dataplane is connected
    uint32_t active = 0;      // of those, used; may be down by now
  };
  Count direct;
  Count ayiya;
  Count gre;

  Count total() const;
};

// At a million tunnels it takes some tens of milliseconds; packets and changes do not wait for it.
TunnelCensus take_census(const ServiceContext& context);

}  // namespace simplon::control
