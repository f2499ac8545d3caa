// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <string>

#include "client/tunnel_info.h"

namespace simplon::client {

// One heartbeat (docs/protocols.md §7.1), the UDP payload to port 3740. `now_s`: seconds since
// 1970. Any thread.
std::string beat_text(const TunnelInfo& tunnel, uint64_t now_s);

}  // namespace simplon::client
