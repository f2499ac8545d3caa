// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <absl/status/status.h>

#include <chrono>
#include <string>

#include "client/tunnel_info.h"

namespace simplon::client {

// Runs `program DEVICE` with the tunnel in its environment (SIMPLON_DEVICE, SIMPLON_TUNNEL,
// SIMPLON_CLIENT, SIMPLON_POP, SIMPLON_POP_IPV4, SIMPLON_PREFIX_LENGTH, SIMPLON_MTU; no password)
// and waits for it; past the time-out it is killed.
absl::Status run_setup_script(const std::string& program, const std::string& device,
                              const TunnelInfo& tunnel,
                              std::chrono::seconds timeout = std::chrono::seconds(60));

}  // namespace simplon::client
