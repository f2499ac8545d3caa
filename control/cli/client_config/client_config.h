// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <string>
#include <vector>

#include "simplon/v1/config.pb.h"

namespace simplon::cli {

// The configuration of a client system for exactly one tunnel.
struct ClientConfigRequest {
  std::string platform;  // one of client_platforms()
  // As the server renders it. Secrets it has are put in; for others there is a placeholder.
  v1::Tunnel tunnel;
  v1::Pop pop;
  std::string host;  // name of the PoP for TIC and HTTP; empty: its address
};

std::vector<std::string> client_platforms();

// Throws Failure where the system cannot do it, with those that can.
std::string client_config(const ClientConfigRequest& request);

}  // namespace simplon::cli
