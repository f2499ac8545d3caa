// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <cstdio>

#include "client/commands/commands.h"
#include "client/options.h"

int main(int argc, char** argv) {
  using namespace simplon::client;
  Options options;
  int exit_code = 0;
  if (!parse_options(argc, argv, options, exit_code)) return exit_code;
  switch (options.command) {
    case Command::kStart:
      return start_command(options);
    case Command::kStop:
      return stop_command(options);
    case Command::kStatus:
      return status_command(options);
    case Command::kTunnels:
      return tunnels_command(options);
    case Command::kAutotest:
      return autotest_command(options);
    case Command::kAdvertise:
      return advertise_command(options);
    case Command::kVersion:
      break;
  }
  std::puts("simplon-client " SIMPLON_VERSION);
  return 0;
}
