// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <string>

namespace simplon::client {

enum class Command : uint8_t { kStart, kStop, kStatus, kTunnels, kAutotest, kAdvertise, kVersion };

struct Options {
  Command command = Command::kVersion;
  std::string config;           // empty: the usual places
  std::string state_directory;  // empty: as settings say
  bool verbose = false;
  std::string tunnel;                  // start, autotest; empty: as settings say
  bool daemon = false;                 // start: into the background
  bool foreground = false;             // start: not, whatever settings say
  bool json = false;                   // status, tunnels
  bool no_ping = false;                // status
  std::string target;                  // autotest, status: the host beyond the PoP
  std::string format = "radvd";        // advertise
  std::string lan_interface = "eth0";  // advertise
};

// Returns whether to go on; if not, `exit_code` is set (0 after --help and --version, 2 for a usage
// error, which is printed).
bool parse_options(int argc, char** argv, Options& options, int& exit_code);

}  // namespace simplon::client
