// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "control/cli/command.h"

namespace simplon::cli {

// The word by which the completion scripts call the program: `simplonctl __complete WORDS...`.
inline constexpr char kCompleteCommand[] = "__complete";

struct Candidate {
  std::string word;
  std::string description;
};

struct Completions {
  std::vector<Candidate> candidates;
  bool files = false;  // the shell should offer files
};

// Names the server knows, at once or not at all; `server`: of the command line, may be empty.
using FetchNames =
    std::function<std::vector<std::string>(Completion what, const std::string& server)>;

// What can stand in place of the last of `words` (all after the program's name; the last one may be
// empty or begun).
Completions complete(const Command& root, const std::vector<std::string>& words,
                     const FetchNames& fetch);

// The script for "bash", "zsh" or "fish" that calls `simplonctl __complete`.
std::string completion_script(const std::string& shell);

}  // namespace simplon::cli
