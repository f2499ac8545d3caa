// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/bench/command_line.h"

#include <CLI/CLI.hpp>

#include <cstdlib>
#include <limits>

namespace simplon::bench {

CommandLine::CommandLine(const std::string& program, const std::string& description)
    : app_(std::make_unique<CLI::App>(description, program)) {
  app_->option_defaults()->always_capture_default();
}

CommandLine::~CommandLine() = default;

CommandLine& CommandLine::json(bool& value) {
  return flag("--json", value, "Print one JSON object per line");
}

CommandLine& CommandLine::runs(int& value) {
  app_->add_option("--runs", value, "Figures are medians of so many runs")
      ->check(CLI::Range(1, std::numeric_limits<int>::max()));
  return *this;
}

CommandLine& CommandLine::flag(const char* option, bool& value, const char* help) {
  app_->add_flag(option, value, help);
  return *this;
}

CommandLine& CommandLine::number(const char* option, uint32_t& value, uint32_t low, uint32_t high,
                                 const char* help) {
  app_->add_option(option, value, help)->check(CLI::Range(low, high));
  return *this;
}

CommandLine& CommandLine::numbers(const char* option, std::vector<uint32_t>& values, uint32_t low,
                                  uint32_t high, const char* help) {
  app_->add_option(option, values, help)->check(CLI::Range(low, high))->expected(1, -1);
  return *this;
}

CommandLine& CommandLine::word(const char* option, std::string& value,
                               const std::vector<std::string>& choices, const char* help) {
  CLI::Option* const word = app_->add_option(option, value, help);
  if (!choices.empty()) word->check(CLI::IsMember(choices));
  return *this;
}

void CommandLine::parse(int argc, char** argv) {
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    std::exit(app_->exit(e) == 0 ? 0 : 2);
  }
}

}  // namespace simplon::bench
