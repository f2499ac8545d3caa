// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <string>

#include "control/cli/session.h"
#include "simplon/v1/tunnel_service.pb.h"

namespace simplon::cli {

// "T18572".
std::string t_number(const v1::Tunnel& tunnel);

// The first `limit` tunnels the filter selects, in as many calls as it takes.
v1::ListTunnelsResponse list_tunnels(Session& session, const std::string& filter,
                                     const std::string& order_by, uint32_t limit = UINT32_MAX);

// A line for each.
std::string tunnel_table(const v1::ListTunnelsResponse& list, bool heads);

}  // namespace simplon::cli
