// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/cli/failure.h"

namespace simplon::cli {

class Session;

// The grammar of simplonctl: one tree of commands, from which the parser, the help, the manual page
// and the shell completions are made.

// How a shell completes a value.
enum class Completion : uint8_t {
  kNone,
  kFile,
  kTunnel,
  kPool,
  kAccount,
  kDropReason,
  kTunnelError
};

struct Value {
  std::string placeholder;              // in help; empty: a flag, which takes no value
  std::vector<std::string> words = {};  // all that is allowed, lower case; empty: anything
  Completion completion = Completion::kNone;
};

// Takes the text of one value (for a flag: "true"). Throws std::invalid_argument with the reason
// where it cannot be.
using Setter = std::function<void(const std::string& text)>;

Setter into(std::string& target);
Setter into(std::optional<std::string>& target);
Setter into(std::vector<std::string>& target);
Setter into(std::optional<uint32_t>& target);  // decimal, or hexadecimal after 0x
Setter into(std::optional<uint64_t>& target);
Setter into(bool& target);
Setter into(std::optional<bool>& target);
Setter into(std::optional<std::chrono::milliseconds>& target);  // 60s, 500ms, 5m, 1h; 60 is 60 s

// A positional argument or an option.
struct Argument {
  std::string flags;  // "-o,--output"; empty: positional
  Value value;
  std::string help;
  Setter set;
  bool required = false;
  bool repeatable = false;
  std::string environment = {};  // variable that stands in where the option is not given
  std::string implied = {};      // the value may be left out and is this then

  bool positional() const { return flags.empty(); }
  std::string long_flag() const;  // "--output"; the placeholder of a positional
};

// A noun, a verb, or both.
class Command {
 public:
  using Run = std::function<ExitCode(Session&)>;

  Command(std::string name, std::string summary, const Command* parent = nullptr);

  // The grammar is built once by these.
  Command& add(std::string name, std::string summary);
  Argument& positional(Value value, std::string help, Setter set);
  Argument& option(std::string flags, Value value, std::string help, Setter set);
  Argument& flag(std::string flags, std::string help, bool& target);
  // Text between the usage and the arguments.
  Command& describe(std::string text);
  // A command line that parses; shown in the help and tested.
  Command& example(std::string line);
  Command& run(Run action);
  // Of a command line that does not parse; ExitCode::kUsage unless said otherwise.
  Command& usage_code(ExitCode code);

  const std::string& name() const { return name_; }
  const std::string& summary() const { return summary_; }
  const std::string& description() const { return description_; }
  const Command* parent() const { return parent_; }
  const std::vector<std::unique_ptr<Command>>& children() const { return children_; }
  const std::vector<std::unique_ptr<Argument>>& arguments() const { return arguments_; }
  const std::vector<std::string>& examples() const { return examples_; }
  const Run& action() const { return run_; }
  ExitCode usage_code() const { return usage_code_; }

  std::string path() const;   // "simplonctl tunnel create"
  std::string usage() const;  // "simplonctl tunnel create [TUNNEL] --remote A.B.C.D [options]"
  std::string help() const;   // what --help prints

 private:
  std::string name_;
  std::string summary_;
  std::string description_;
  const Command* parent_;
  std::vector<std::unique_ptr<Command>> children_;
  std::vector<std::unique_ptr<Argument>> arguments_;
  std::vector<std::string> examples_;
  Run run_;
  ExitCode usage_code_ = ExitCode::kUsage;
};

// Breaks text at spaces into lines of at most `width` columns.
std::vector<std::string> wrap(std::string_view text, std::size_t width);

}  // namespace simplon::cli
