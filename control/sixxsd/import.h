// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Turns the original daemon's configuration file into a configuration of ours (docs/sixxsd.md).
// Nothing in the file is dropped in silence: a line is taken, or is an error, or a warning. Needs
// no server. Pure; thread: any.

#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "simplon/v1/config.pb.h"

namespace simplon::control::sixxsd {

struct ImportOptions {
  // What the file does not know: links, gateways, policies, accounts. Tunnels and pools of it that
  // the file has too keep what the file says nothing about. Null: nothing.
  const v1::Config* base = nullptr;
  // Tunnels the file calls `ayiya` or `heartbeat` take nothing else. Without: both, as the original
  // did.
  bool strict = false;
};

struct ImportNote {
  int line = 0;  // 1-based; 0: about no line
  std::string text;
};

struct Import {
  v1::Config config;  // good only without errors
  std::vector<ImportNote> errors;
  std::vector<ImportNote> warnings;
  // There was no interface to take, so one was made up that the operator has to complete.
  bool made_up_interface = false;
  // Both by line, at most so many each; the last note then says that there are more.
  static constexpr std::size_t kMaxNotes = 100;
};

Import import_config(std::string_view text, const ImportOptions& options);

// The configuration as text, with passwords, and comments that say where it comes from (`source`:
// the file) and what is to be done.
std::string print_import(const Import& import, std::string_view source);

}  // namespace simplon::control::sixxsd
