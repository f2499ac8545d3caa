// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <string>
#include <vector>

namespace simplon::control {

struct Options {
  std::string state_directory = "/var/lib/simplon";
  std::string dataplane_socket = "/run/simplon/dataplane.sock";
  std::vector<std::string> listen;  // empty: unix:/run/simplon/admin.sock
  std::string log_level = "info";

  // What subscribers and the backend talk to; empty: not served. HOST:PORT each.
  std::vector<std::string> tic_listen;
  std::vector<std::string> http_listen;
  std::vector<std::string> https_listen;
  std::vector<std::string> console_listen;
  // PEM files, for TIC's starttls and for HTTPS; both or neither.
  std::string tls_certificate;
  std::string tls_key;
};

// Returns whether to go on; if not, `exit_code` is set (0 after --help and --version, 2 for a usage
// error, which is printed).
bool parse_options(int argc, char** argv, Options& options, int& exit_code);

}  // namespace simplon::control
