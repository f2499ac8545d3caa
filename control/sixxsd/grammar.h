// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The command language of the original daemon, of its configuration file and its management
// console alike: one table of commands in menus (docs/protocols.md §12.2, §12.3). Pure; thread:
// any.

#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace simplon::control::sixxsd {

enum class CommandId : uint8_t {
#define X(id, path, min, max, arguments, file, help) id,
#include "control/sixxsd/commands.def"
#undef X
};

// What a command does in a configuration file.
enum class InFile : uint8_t {
  kTaken,
  kSilent,   // nothing, and nobody expects more
  kIgnored,  // nothing; a warning says so
  kRefused,  // an error
};

struct Command {
  CommandId id;
  std::string_view path;  // "pop cliacl add"
  uint8_t min_arguments;
  uint8_t max_arguments;
  std::string_view arguments;  // "<prefix>", for help
  InFile in_file;
  std::string_view help;

  std::string_view name() const { return path.substr(path.rfind(' ') + 1); }
};

std::span<const Command> commands();

// Where in the menus somebody is, and what a line means there. Words are case-insensitive and must
// be complete.
class Cursor {
 public:
  struct Parsed {
    enum class Kind : uint8_t {
      kNothing,  // an empty line or a comment
      kMenu,     // went to another menu, or asked where it is
      kHelp,
      kCommand,
      kFault,
    };
    Kind kind = Kind::kFault;
    // kCommand:
    const Command* command = nullptr;
    std::vector<std::string> arguments;  // as many as the command takes
    // Else what to answer.
    int code = 200;
    std::vector<std::string> lines;
  };

  Parsed parse(std::string_view line);
  // "main > pop > cliacl"
  std::string where() const;

 private:
  Parsed walk(std::vector<std::string>& path, std::span<const std::string> words) const;

  std::vector<std::string> path_;  // words of the menu, lower case
};

}  // namespace simplon::control::sixxsd
