// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <iosfwd>
#include <optional>
#include <string>

#include "control/cli/command.h"

namespace simplon::cli {

// Where the password of a tunnel comes from: at most one of these.
struct PasswordOptions {
  std::string file;  // "-": standard input
  bool generate = false;
  std::optional<std::string> text;

  bool given() const { return !file.empty() || generate || text.has_value(); }
};

// Adds --password-file, --password and, where `generate`, --generate-password.
void add_password_options(Command& verb, PasswordOptions& options, bool generate);

// The password, or nothing where none is given. A file may end in one line end, which does not
// count; that others can read it is said on `err`. Throws Failure; no message holds the password.
std::optional<std::string> read_password(const PasswordOptions& options, std::ostream& err);

// 128 random bits as 32 hexadecimal digits: every client takes them.
std::string generate_password();

}  // namespace simplon::cli
