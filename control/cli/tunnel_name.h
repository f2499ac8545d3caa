// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <string>
#include <string_view>

#include "control/cli/command.h"
#include "control/cli/session.h"
#include "simplon/v1/config.pb.h"

namespace simplon::cli {

// How people name a tunnel: T18572, tunnels/T18572, 18572, an address or prefix of it, or the
// client's outer address.
Value tunnel_value();

// "tunnels/T18572" where the text is a T-number in one of its forms, else empty.
std::string resource_name(std::string_view text);

// 18572. Throws std::invalid_argument where the text is no T-number.
uint32_t tunnel_id(std::string_view text);

// The tunnel that is meant. Throws Failure where there is none, or more than one.
v1::Tunnel find_tunnel(Session& session, const std::string& text);

// The same, without a call where the text is a T-number: whether it exists is left to who uses it.
std::string find_tunnel_name(Session& session, const std::string& text);

}  // namespace simplon::cli
