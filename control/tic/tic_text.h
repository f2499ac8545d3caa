// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Tunnels and PoPs as TIC tells them (docs/protocols.md §9.2, §9.4, §9.5). Lines end in LF; no line
// has an empty value, which the usual client reads beyond. Thread: any, with the model held still.

#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "control/model/model.h"

namespace simplon::control {

// GRE and tunnels in IPv6 have no place in TIC.
bool is_offered_over_tic(const v1::Tunnel& tunnel);

// `<id> <ipv6 endpoint> <ipv4 endpoint|heartbeat|ayiya> <pop>`.
std::string tic_list_line(const Model& model, const v1::Tunnel& tunnel);

// The fields of `tunnel show`, password included.
std::string tic_tunnel_fields(const Model& model, const v1::Tunnel& tunnel);

// One name a line, by number.
std::string tic_pop_names(const Model& model);
// The fields of `pop show`; nullopt: no such PoP.
std::optional<std::string> tic_pop_fields(const Model& model, std::string_view name);

// Why subscribers cannot get a tunnel here, as the text of a 500; nullopt: they can.
std::optional<std::string> tic_out_of_service(const Model& model, bool dataplane_connected);

}  // namespace simplon::control
