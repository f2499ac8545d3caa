// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <string>

#include "client/tunnel_info.h"

namespace simplon::client {

// The PoP's own address, where the pool has the usual shape (docs/protocols.md §1.2): what to ping
// beyond the tunnel where the subscriber names nothing.
inline std::string usual_ping_target(const TunnelInfo& tunnel) {
  return Ipv6Address::from_halves(tunnel.pop.hi() | 0xffff, 1).to_string();
}

}  // namespace simplon::client
