// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Events and endpoints of shared memory in the API's words. Thread: any.

#pragma once

#include <string>

#include "dataplane/net/address.h"
#include "dataplane/state/tunnel_runtime.h"
#include "proto/link/segment_format.h"
#include "simplon/v1/watch_service.pb.h"

namespace simplon::control {

// IPv4 as a dotted quad; empty for the unspecified address.
std::string print_outer_address(const Ipv6Address& address);

v1::Transport transport_of(Transport transport);

// All but the name. False: a kind this program does not know.
bool print_tunnel_event(const TunnelEvent& event, v1::WatchResponse::TunnelEvent& out);

}  // namespace simplon::control
