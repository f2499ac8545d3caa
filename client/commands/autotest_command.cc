// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <spdlog/spdlog.h>

#include <cstdio>

#include "client/check/autotest.h"
#include "client/commands/commands.h"

namespace simplon::client {

namespace {

void print(const CheckLine& line) {
  std::fputs(format(line).c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace

int autotest_command(const Options& options) {
  auto loaded = settings_for(options);
  if (!loaded.ok()) {
    print({Verdict::kFailed, "settings",
           std::string(loaded.status().message().data(), loaded.status().message().size())});
    return kExitUsage;
  }
  // Its lines say what the data path would log.
  spdlog::set_level(options.verbose ? spdlog::level::debug : spdlog::level::off);
  Signals signals;
  return run_autotest(*loaded, signals, print) ? kExitOk : kExitFailure;
}

}  // namespace simplon::client
