// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <string>
#include <vector>

#include "control/cli/command.h"

namespace simplon::cli {

// Runs `simplonctl __complete WORDS...`: one candidate per line, with a tab and a description, and
// ":files" where files may stand. Never fails: whoever types cannot do anything about it.
void run_complete(const Command& root, const std::vector<std::string>& words,
                  const std::string& default_server, std::ostream& out);

}  // namespace simplon::cli
