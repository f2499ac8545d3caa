// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/command.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

namespace simplon::cli {
namespace {

constexpr std::size_t kHelpWidth = 100;
constexpr std::size_t kHelpIndent = 30;

uint64_t parse_number(const std::string& text, uint64_t limit) {
  const bool hex = text.starts_with("0x") || text.starts_with("0X");
  const char* const first = text.data() + (hex ? 2 : 0);
  const char* const last = text.data() + text.size();
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(first, last, value, hex ? 16 : 10);
  if (error == std::errc::result_out_of_range || (error == std::errc() && value > limit))
    throw std::invalid_argument("'" + text + "' is more than " + std::to_string(limit));
  if (error != std::errc() || end != last)
    throw std::invalid_argument("'" + text + "' is not a number");
  return value;
}

std::chrono::milliseconds parse_duration(const std::string& text) {
  double amount = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, amount, std::chars_format::fixed);
  const std::string_view unit(end, static_cast<std::size_t>(last - end));
  double factor = 0;
  if (unit.empty() || unit == "s") factor = 1e3;
  if (unit == "ms") factor = 1;
  if (unit == "m" || unit == "min") factor = 60e3;
  if (unit == "h") factor = 3600e3;
  constexpr double kMost = 366.0 * 24 * 3600e3;
  if (error != std::errc() || factor == 0 || !(amount >= 0) || amount * factor > kMost)
    throw std::invalid_argument("'" + text + "' is not a duration such as 500ms, 60s, 5m or 1h");
  return std::chrono::milliseconds(static_cast<int64_t>(amount * factor));
}

bool parse_bool(const std::string& text) {
  if (text == "true" || text == "yes" || text == "on") return true;
  if (text == "false" || text == "no" || text == "off") return false;
  throw std::invalid_argument("'" + text + "' is neither true nor false");
}

void add_entry(std::string& out, const std::string& left, const std::string& help) {
  std::string line = "  " + left;
  if (line.size() + 2 > kHelpIndent) {
    out += line + "\n";
    line.clear();
  }
  for (const std::string& part : wrap(help, kHelpWidth - kHelpIndent)) {
    line.resize(kHelpIndent, ' ');
    out += line + part + "\n";
    line.clear();
  }
  if (!line.empty()) out += line + "\n";
}

std::string flags_and_value(const Argument& argument) {
  if (argument.positional()) return argument.value.placeholder;
  std::string text = argument.flags;
  if (const std::size_t comma = text.find(','); comma != std::string::npos)
    text.replace(comma, 1, ", ");
  if (argument.value.placeholder.empty()) return text;
  return text + (argument.implied.empty() ? " " + argument.value.placeholder
                                          : " [" + argument.value.placeholder + "]");
}

std::string help_with_words(const Argument& argument) {
  std::string text = argument.help;
  if (argument.repeatable && !argument.positional()) text += "; may be given several times";
  if (!argument.environment.empty()) text += " (environment: " + argument.environment + ")";
  return text;
}

}  // namespace

Setter into(std::string& target) {
  return [&target](const std::string& text) { target = text; };
}
Setter into(std::optional<std::string>& target) {
  return [&target](const std::string& text) { target = text; };
}
Setter into(std::vector<std::string>& target) {
  return [&target](const std::string& text) { target.push_back(text); };
}
Setter into(std::optional<uint32_t>& target) {
  return [&target](const std::string& text) {
    target = static_cast<uint32_t>(parse_number(text, std::numeric_limits<uint32_t>::max()));
  };
}
Setter into(std::optional<uint64_t>& target) {
  return [&target](const std::string& text) {
    target = parse_number(text, std::numeric_limits<uint64_t>::max());
  };
}
Setter into(bool& target) {
  return [&target](const std::string& text) { target = parse_bool(text); };
}
Setter into(std::optional<bool>& target) {
  return [&target](const std::string& text) { target = parse_bool(text); };
}
Setter into(std::optional<std::chrono::milliseconds>& target) {
  return [&target](const std::string& text) { target = parse_duration(text); };
}

std::string Argument::long_flag() const {
  if (positional()) return value.placeholder;
  return flags.substr(flags.find("--"));
}

Command::Command(std::string name, std::string summary, const Command* parent)
    : name_(std::move(name)), summary_(std::move(summary)), parent_(parent) {}

Command& Command::add(std::string name, std::string summary) {
  return *children_.emplace_back(
      std::make_unique<Command>(std::move(name), std::move(summary), this));
}

Argument& Command::positional(Value value, std::string help, Setter set) {
  return option("", std::move(value), std::move(help), std::move(set));
}

Argument& Command::option(std::string flags, Value value, std::string help, Setter set) {
  auto argument = std::make_unique<Argument>();
  argument->flags = std::move(flags);
  argument->value = std::move(value);
  argument->help = std::move(help);
  argument->set = std::move(set);
  return *arguments_.emplace_back(std::move(argument));
}

Argument& Command::flag(std::string flags, std::string help, bool& target) {
  return option(std::move(flags), Value{}, std::move(help), into(target));
}

Command& Command::describe(std::string text) {
  description_ = std::move(text);
  return *this;
}

Command& Command::example(std::string line) {
  examples_.push_back(std::move(line));
  return *this;
}

Command& Command::run(Run action) {
  run_ = std::move(action);
  return *this;
}
Command& Command::usage_code(ExitCode code) {
  usage_code_ = code;
  return *this;
}

std::string Command::path() const {
  return parent_ ? parent_->path() + " " + name_ : name_;
}

std::string Command::usage() const {
  std::string text = path();
  bool options = false;
  for (const auto& argument : arguments_) {
    if (argument->positional()) {
      const std::string word = argument->value.placeholder + (argument->repeatable ? "..." : "");
      text += argument->required ? " " + word : " [" + word + "]";
    } else if (argument->required) {
      text += " " + argument->long_flag() + " " + argument->value.placeholder;
    } else {
      options = true;
    }
  }
  if (options) text += " [options]";
  if (!children_.empty()) {
    if (run_)
      text += "\n  " + path() + " COMMAND ...";
    else
      text += " COMMAND ...";
  }
  return text;
}

std::string Command::help() const {
  std::string out = path() + ": " + summary_ + "\n\nUsage:\n  " + usage() + "\n";
  if (!description_.empty()) {
    out += "\n";
    for (const std::string& line : wrap(description_, kHelpWidth)) out += line + "\n";
  }
  const auto section = [&](const char* title, bool positional) {
    bool any = false;
    for (const auto& argument : arguments_) {
      if (argument->positional() != positional) continue;
      if (!any) out += std::string("\n") + title + ":\n";
      any = true;
      add_entry(out, flags_and_value(*argument), help_with_words(*argument));
    }
    return any;
  };
  section("Arguments", true);
  if (!section("Options", false)) out += "\nOptions:\n";
  add_entry(out, "-h, --help", "this text");
  if (!children_.empty()) {
    out += "\nCommands:\n";
    for (const auto& child : children_) add_entry(out, child->name(), child->summary());
  }
  if (parent_) out += "\nOptions of every command: see 'simplonctl --help'.\n";
  if (!examples_.empty()) {
    out += "\nExamples:\n";
    for (const std::string& line : examples_) out += "  " + line + "\n";
  }
  return out;
}

std::vector<std::string> wrap(std::string_view text, std::size_t width) {
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const std::size_t stop = text.find_first_of(" \n");
    const std::string_view word = text.substr(0, stop);
    std::string& line = lines.back();
    if (line.empty())
      line = word;
    else if (line.size() + 1 + word.size() <= width)
      line.append(" ").append(word);
    else
      lines.emplace_back(word);
    if (stop == std::string_view::npos) break;
    if (text[stop] == '\n') lines.emplace_back();
    text.remove_prefix(stop + 1);
  }
  return lines;
}

}  // namespace simplon::cli
