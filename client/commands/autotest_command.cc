// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/commands/commands.h"

namespace simplon::client {

int autotest_command(const Options&) {
  return complain("not in this build", kExitFailure);
}

}  // namespace simplon::client
