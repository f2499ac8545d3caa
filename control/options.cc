// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/options.h"

#include <CLI/CLI.hpp>

namespace simplon::control {

bool parse_options(int argc, char** argv, Options& options, int& exit_code) {
  CLI::App app(
      "simplon-control keeps the configuration of a Simplon PoP, publishes it to simplon-dataplane "
      "and serves the gRPC API.",
      "simplon-control");
  app.set_version_flag("--version", "simplon-control " SIMPLON_VERSION);
  app.add_option("--state-dir", options.state_directory, "folder of the store (simplon.db)")
      ->capture_default_str();
  app.add_option("--dataplane-socket", options.dataplane_socket, "where simplon-dataplane listens")
      ->capture_default_str();
  app.add_option("--listen", options.listen,
                 "address of the API: unix:PATH or HOST:PORT; may be given several times "
                 "(default: unix:/run/simplon/admin.sock)")
      ->allow_extra_args(false);
  app.add_option("--log-level", options.log_level, "trace, debug, info, warn, error or off")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}))
      ->capture_default_str();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : 2;
    return false;
  }
  if (options.listen.empty()) options.listen = {"unix:/run/simplon/admin.sock"};
  return true;
}

}  // namespace simplon::control
