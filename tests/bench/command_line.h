// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace simplon::bench {

// The command line of a benchmark. All have --json, --runs and --help. What a variable holds when
// it is named is what it has where the option is left out. The variables outlive the object.
class CommandLine {
 public:
  // `description`: what is measured; shown by --help.
  CommandLine(const std::string& program, const std::string& description);
  ~CommandLine();
  CommandLine(const CommandLine&) = delete;
  CommandLine& operator=(const CommandLine&) = delete;

  CommandLine& json(bool& value);
  CommandLine& runs(int& value);  // 1 at least
  CommandLine& flag(const char* option, bool& value, const char* help);
  CommandLine& number(const char* option, uint32_t& value, uint32_t low, uint32_t high,
                      const char* help);
  // Repeatable: what is given takes the place of what the variable holds.
  CommandLine& numbers(const char* option, std::vector<uint32_t>& values, uint32_t low,
                       uint32_t high, const char* help);
  // `choices`: empty for any.
  CommandLine& word(const char* option, std::string& value, const std::vector<std::string>& choices,
                    const char* help);

  // Ends the program after --help (status 0) and when the arguments are not as they should be,
  // which it says (status 2).
  void parse(int argc, char** argv);

 private:
  std::unique_ptr<CLI::App> app_;
};

}  // namespace simplon::bench
