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

constexpr std::size_t kMaxSecretFile = 4096;

std::string checked(std::string secret, const std::string& whence, const std::string& what) {
  const auto refuse = [&whence](const std::string& why) {
    throw failure(ExitCode::kError, whence + ": " + why);
  };
  if (secret.empty()) refuse("holds no " + what);
  if (std::any_of(secret.begin(), secret.end(), [](char c) { return c < 0x20 || c > 0x7e; }))
    refuse("a " + what + " is one line of printable ASCII");
  return secret;
}

std::string secret_of_file(const std::string& path, const std::string& what, std::ostream& err) {
  std::string text = read_file(path, kMaxSecretFile);
  const std::string name = path == "-" ? "standard input" : path;
  if (text.size() > kMaxSecretFile)
    throw failure(ExitCode::kError, name + ": is too long for a " + what);
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  struct stat status {};
  if (path != "-" && stat(path.c_str(), &status) == 0 &&
      (status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    err << "simplonctl: " << path << ": others may read this " << what << ": chmod 600\n";
  return checked(std::move(text), name, what);
}

// "update key": "update-key".
std::string flag_word(const SecretOptions& options) {
  std::string word = options.what;
  std::replace(word.begin(), word.end(), ' ', '-');
  return word;
}

}  // namespace

void add_secret_options(Command& verb, SecretOptions& options, bool generate) {
  const std::string word = flag_word(options);
  verb.option("--" + word + "-file", {"FILE", {}, Completion::kFile},
              "the " + options.what + ", one line, from this file; -: from standard input",
              into(options.file));
  if (generate)
    verb.flag("--generate-" + word,
              "make a " + options.what + " of 128 random bits and print it, once",
              options.generate);
  verb.option("--" + word, {"TEXT"},
              "the " + options.what +
                  " itself. Everybody on this machine can see it in the list of processes, and "
                  "the shell keeps it: better use --" +
                  word + "-file",
              into(options.text));
}

std::optional<std::string> read_secret(const SecretOptions& options, std::ostream& err) {
  const std::string word = flag_word(options);
  if ((options.file.empty() ? 0 : 1) + (options.generate ? 1 : 0) + (options.text ? 1 : 0) > 1)
    throw failure(ExitCode::kUsage, "--" + word + "-file, --generate-" + word + " and --" + word +
                                        " exclude each other");
  if (options.generate) return generate_secret();
  if (options.text) return checked(*options.text, "--" + word, options.what);
  if (!options.file.empty()) return secret_of_file(options.file, options.what, err);
  return std::nullopt;
}

std::string generate_secret() {
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
