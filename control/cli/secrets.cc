// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/secrets.h"

#include <sys/random.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <ostream>
#include <system_error>

#include "control/cli/files.h"

namespace simplon::cli {
namespace {

constexpr std::size_t kMaxPasswordFile = 4096;

std::string checked(std::string password, const std::string& whence) {
  const auto refuse = [&whence](const char* why) {
    throw failure(ExitCode::kError, whence + ": " + why);
  };
  if (password.empty()) refuse("holds no password");
  if (std::any_of(password.begin(), password.end(), [](char c) { return c < 0x20 || c > 0x7e; }))
    refuse("a password is one line of printable ASCII");
  return password;
}

std::string password_of_file(const std::string& path, std::ostream& err) {
  std::string text = read_file(path, kMaxPasswordFile);
  const std::string name = path == "-" ? "standard input" : path;
  if (text.size() > kMaxPasswordFile)
    throw failure(ExitCode::kError, name + ": is too long for a password");
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  struct stat status {};
  if (path != "-" && stat(path.c_str(), &status) == 0 &&
      (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    err << "simplonctl: " << path << ": others may read this password: chmod 600\n";
  return checked(std::move(text), name);
}

}  // namespace

void add_password_options(Command& verb, PasswordOptions& options, bool generate) {
  verb.option("--password-file", {"FILE", {}, Completion::kFile},
              "the password, one line, from this file; -: from standard input", into(options.file));
  if (generate)
    verb.flag("--generate-password", "make a password of 128 random bits and print it, once",
              options.generate);
  verb.option("--password", {"TEXT"},
              "the password itself. Everybody on this machine can see it in the list of processes, "
              "and the shell keeps it: better use --password-file",
              into(options.text));
}

std::optional<std::string> read_password(const PasswordOptions& options, std::ostream& err) {
  if ((options.file.empty() ? 0 : 1) + (options.generate ? 1 : 0) + (options.text ? 1 : 0) > 1)
    throw failure(ExitCode::kUsage,
                  "--password-file, --generate-password and --password exclude each other");
  if (options.generate) return generate_password();
  if (options.text) return checked(*options.text, "--password");
  if (!options.file.empty()) return password_of_file(options.file, err);
  return std::nullopt;
}

std::string generate_password() {
  std::array<unsigned char, 16> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw failure(ExitCode::kError, "no random numbers: " + std::generic_category().message(errno));
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const unsigned char byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

}  // namespace simplon::cli
