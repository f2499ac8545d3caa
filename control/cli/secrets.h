// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <iosfwd>
#include <optional>
#include <string>

#include "control/cli/command.h"

namespace simplon::cli {

// Where the password of a tunnel, or another secret, comes from: at most one of these.
struct SecretOptions {
  std::string file;  // "-": standard input
  bool generate = false;
  std::optional<std::string> text;
  std::string what = "password";  // as people say it

  bool given() const { return !file.empty() || generate || text.has_value(); }
};

// Adds --password-file, --password and, where `generate`, --generate-password; with another name
// where options.what is another secret ("update key": --update-key-file).
void add_secret_options(Command& verb, SecretOptions& options, bool generate);

// The secret, or nothing where none is given. A file may end in one line end, which does not count;
// that others can read it is said on `err`. Throws Failure; no message holds the secret.
std::optional<std::string> read_secret(const SecretOptions& options, std::ostream& err);

// 128 random bits as 32 hexadecimal digits: every client takes them.
std::string generate_secret();

}  // namespace simplon::cli
