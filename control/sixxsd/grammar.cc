// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/sixxsd/grammar.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "control/sixxsd/words.h"

namespace simplon::control::sixxsd {
namespace {

constexpr Command kCommands[] = {
#define X(id, path, min, max, arguments, file, help) \
  {CommandId::id, path, min, max, arguments, InFile::file, help},
#include "control/sixxsd/commands.def"
#undef X
};

struct Menu {
  std::string_view path;
  std::string_view help;
};
constexpr Menu kMenus[] = {
    {"cmd", "This session"},
    {"pop", "The PoP"},
    {"pop cliacl", "Who may use this console"},
    {"pop get", "What is set"},
    {"pop set", "Settings of the PoP"},
    {"pop show", "What is going on"},
    {"pop subnetprefix", "Prefixes that subnets are taken from"},
    {"pop tunnelprefix", "The prefix that tunnels are numbered from"},
    {"pproxy", "The original's port proxy, which this PoP does not have"},
    {"pproxy set", "Accepted, without effect"},
    {"subnet", "Subnets"},
    {"subnet set", "Settings of subnets"},
    {"tunnel", "Tunnels"},
    {"tunnel get", "What is known of a tunnel"},
    {"tunnel set", "Settings of tunnels"},
};

std::string join(std::span<const std::string> words) {
  std::string text;
  for (const std::string& word : words) {
    if (!text.empty()) text += ' ';
    text += word;
  }
  return text;
}

std::string where_is(std::span<const std::string> path) {
  std::string text = "main";
  for (const std::string& menu : path) text += " > " + menu;
  return text;
}

std::string lower(std::string_view word) {
  std::string text(word);
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = char(c - 'A' + 'a');
  }
  return text;
}

// What is right below a menu; of a path elsewhere nullopt.
std::optional<std::string_view> name_below(std::string_view menu, std::string_view path) {
  if (!menu.empty()) {
    if (!path.starts_with(menu) || path.size() <= menu.size() || path[menu.size()] != ' ') {
      return std::nullopt;
    }
    path.remove_prefix(menu.size() + 1);
  }
  if (path.find(' ') != path.npos) return std::nullopt;
  return path;
}

std::string help_line(std::string_view name, std::string_view arguments, bool menu,
                      std::string_view help) {
  return fmt::format("{:<24}{:<22}{:>4} {}", name, arguments, menu ? "[>>]" : "", help);
}

void add_help(std::string_view menu, std::vector<std::string>& lines) {
  for (const Menu& below : kMenus) {
    if (const auto name = name_below(menu, below.path)) {
      lines.push_back(help_line(*name, "", true, below.help));
    }
  }
  for (const Command& command : commands()) {
    if (const auto name = name_below(menu, command.path)) {
      lines.push_back(help_line(*name, command.arguments, false, command.help));
    }
  }
  lines.push_back(help_line("help", "", false, "What there is here"));
}

void add_full_help(std::string_view menu, std::vector<std::string>& lines) {
  std::string where = "main";
  if (!menu.empty()) {
    where += " > ";
    for (const char c : menu) where += c == ' ' ? std::string(" > ") : std::string(1, c);
  }
  lines.push_back("===============> " + where);
  add_help(menu, lines);
  for (const Menu& below : kMenus) {
    if (name_below(menu, below.path)) add_full_help(below.path, lines);
  }
  lines.push_back("<=============== " + where);
}

Cursor::Parsed text(Cursor::Parsed::Kind kind, int code, std::string line) {
  Cursor::Parsed parsed;
  parsed.kind = kind;
  parsed.code = code;
  parsed.lines.push_back(std::move(line));
  return parsed;
}

Cursor::Parsed invoke(const Command& command, std::span<const std::string> arguments) {
  if (arguments.size() < command.min_arguments || arguments.size() > command.max_arguments) {
    return text(Cursor::Parsed::Kind::kFault, 404,
                fmt::format("Command '{}' requires arguments: {} {} (min={}, max={}, given={})",
                            command.name(), command.name(), command.arguments,
                            command.min_arguments, command.max_arguments, arguments.size()));
  }
  Cursor::Parsed parsed;
  parsed.kind = Cursor::Parsed::Kind::kCommand;
  parsed.command = &command;
  parsed.arguments.assign(arguments.begin(), arguments.end());
  return parsed;
}

const Command* find_command(std::string_view path) {
  const auto* found = std::ranges::find(kCommands, path, &Command::path);
  return found == std::end(kCommands) ? nullptr : found;
}

}  // namespace

std::span<const Command> commands() {
  return kCommands;
}

std::string Cursor::where() const {
  return where_is(path_);
}

Cursor::Parsed Cursor::walk(std::vector<std::string>& path,
                            std::span<const std::string> words) const {
  using Kind = Parsed::Kind;
  bool up = false;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string word = lower(words[i]);
    if (word == ".") return text(Kind::kMenu, 200, where_is(path));
    if (word == "/") {
      path.clear();
      up = true;
      continue;
    }
    if ((word == ".." || word == "end") && !path.empty()) {
      path.pop_back();
      up = true;
      continue;
    }
    if (word == "help" || word == "fullhelp") {
      Parsed parsed;
      parsed.kind = Kind::kHelp;
      (word == "help" ? add_help : add_full_help)(join(path), parsed.lines);
      return parsed;
    }
    path.push_back(word);
    const std::string here = join(path);
    if (std::ranges::find(kMenus, here, &Menu::path) != std::end(kMenus)) {
      up = false;
      continue;
    }
    const Command* command = find_command(here);
    if (command == nullptr) command = find_command("cmd " + word);
    if (command != nullptr) return invoke(*command, words.subspan(i + 1));
    path.pop_back();
    return text(Kind::kFault, 404,
                fmt::format("Unknown command: {} >> {}", where_is(path), printable(words[i])));
  }
  if (up) return text(Kind::kMenu, 200, "<< " + where_is(path));
  return text(Kind::kMenu, 200, ">> " + where_is(path) + " (use '..' or 'end' to go up one level)");
}

Cursor::Parsed Cursor::parse(std::string_view line) {
  using Kind = Parsed::Kind;
  if (is_blank(line)) return text(Kind::kNothing, 200, "Nothing to do: an empty line");
  if (is_comment(line)) return text(Kind::kNothing, 200, "Nothing to do: a comment");
  const Words words = split_words(line);
  if (words.fault != nullptr) return text(Kind::kFault, 400, words.fault);
  std::vector<std::string> path = path_;
  Parsed parsed = walk(path, words.words);
  // Only who goes to a menu stays there.
  if (parsed.kind == Kind::kMenu) path_ = std::move(path);
  return parsed;
}

}  // namespace simplon::control::sixxsd
