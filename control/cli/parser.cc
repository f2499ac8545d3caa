// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/parser.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <cctype>
#include <map>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace simplon::cli {
namespace {

constexpr char kVersionFlag[] = "--version";

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

// One of the words, where there is a choice.
std::string checked(const Argument& argument, const std::string& text) {
  const std::vector<std::string>& words = argument.value.words;
  if (words.empty()) return text;
  std::string wanted = lower(text);
  if (std::find(words.begin(), words.end(), wanted) != words.end()) return wanted;
  std::string list;
  for (const std::string& word : words) list += (list.empty() ? "" : ", ") + word;
  throw std::invalid_argument("'" + text + "' is none of " + list);
}

class Parser {
 public:
  explicit Parser(const Command& root) : app_(root.summary(), root.name()) {
    app_.fallthrough();  // the options of the root may stand anywhere; inherited by what follows
    app_.set_help_flag("-h,--help");
    app_.add_flag_callback(kVersionFlag, [] { throw CLI::CallForVersion("version", 0); });
    build(root, app_);
  }

  Invocation run(std::vector<std::string> words) {
    add_implied(words);
    std::reverse(words.begin(), words.end());  // CLI11 takes them from the back
    try {
      app_.parse(std::move(words));
    } catch (const CLI::CallForHelp&) {
      return {Invocation::Wanted::kHelp, innermost()};
    } catch (const CLI::CallForVersion&) {
      return {Invocation::Wanted::kVersion, innermost()};
    } catch (const CLI::ParseError& error) {
      usage_error(error.what());
    }
    const Command* const command = innermost();
    if (!command->action()) {
      const bool root = command->parent() == nullptr;
      usage_error(root ? "which command?" : "what to do with '" + command->name() + "'?");
    }
    return {Invocation::Wanted::kRun, command};
  }

 private:
  void build(const Command& command, CLI::App& app) {
    commands_[&app] = &command;
    app.require_subcommand(0, 1);
    for (const auto& argument : command.arguments()) add(*argument, app);
    for (const auto& child : command.children())
      build(*child, *app.add_subcommand(child->name(), child->summary()));
  }

  void add(const Argument& argument, CLI::App& app) {
    const std::string name = argument.positional() ? argument.value.placeholder : argument.flags;
    const auto take = [&argument](const CLI::results_t& values) {
      for (const std::string& value : values) {
        try {
          argument.set(checked(argument, value));
        } catch (const std::invalid_argument& error) {
          throw CLI::ValidationError(argument.long_flag(), error.what());
        }
      }
      return true;
    };
    if (argument.value.placeholder.empty()) {
      app.add_flag_callback(name, [&argument] { argument.set("true"); });
      return;
    }
    CLI::Option* const option = app.add_option(name, take, argument.help);
    option->type_size(1);
    if (argument.repeatable) {
      option->expected(1, argument.positional() ? CLI::detail::expected_max_vector_size : 1);
      option->allow_extra_args(argument.positional());
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    } else {
      option->expected(1);
      // Of what every command takes the last one counts, so that an alias can preset it.
      if (app.get_parent() == nullptr)
        option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
    if (argument.required) option->required();
    if (!argument.environment.empty()) option->envname(argument.environment);
    if (!argument.implied.empty()) {
      implied_.emplace(argument.long_flag(), &argument);
      implied_.emplace(argument.flags.substr(0, argument.flags.find(',')), &argument);
    }
  }

  // `--watch T1`: the next word is the value only if it can be one.
  void add_implied(std::vector<std::string>& words) const {
    for (std::size_t i = 0; i < words.size(); ++i) {
      const auto found = implied_.find(words[i]);
      if (found == implied_.end()) continue;
      const bool has_value =
          i + 1 < words.size() && can_be_value(found->second->value, words[i + 1]);
      words[i] =
          found->second->long_flag() + "=" + (has_value ? words[i + 1] : found->second->implied);
      if (has_value) words.erase(words.begin() + static_cast<std::ptrdiff_t>(i) + 1);
    }
  }

  static bool can_be_value(const Value& value, const std::string& word) {
    if (!value.words.empty())
      return std::find(value.words.begin(), value.words.end(), lower(word)) != value.words.end();
    return !word.empty() && word.find_first_not_of("0123456789.ms") == std::string::npos;
  }

  const Command* innermost() const {
    const CLI::App* app = &app_;
    while (!app->get_subcommands().empty()) app = app->get_subcommands().back();
    return commands_.at(app);
  }

  [[noreturn]] void usage_error(std::string reason) const {
    while (!reason.empty() && (reason.back() == '\n' || reason.back() == ' ')) reason.pop_back();
    std::replace(reason.begin(), reason.end(), '\n', ' ');
    throw Failure{
        innermost()->usage_code(), {reason, "see '" + innermost()->path() + " --help'"}, false};
  }

  CLI::App app_;
  std::map<const CLI::App*, const Command*> commands_;
  std::map<std::string, const Argument*> implied_;
};

}  // namespace

Invocation parse(const Command& root, std::vector<std::string> words) {
  return Parser(root).run(std::move(words));
}

}  // namespace simplon::cli
