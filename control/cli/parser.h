// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <string>
#include <vector>

#include "control/cli/command.h"

namespace simplon::cli {

struct Invocation {
  enum class Wanted { kRun, kHelp, kVersion };
  Wanted wanted = Wanted::kRun;
  const Command* command = nullptr;  // the innermost one the command line names
};

// Matches the words after the program's name with the grammar and stores the values through the
// setters. Throws Failure with the command's usage_code(). A grammar parses once: values are not
// reset.
Invocation parse(const Command& root, std::vector<std::string> words);

}  // namespace simplon::cli
