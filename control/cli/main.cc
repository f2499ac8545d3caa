// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// simplonctl: the command line of simplon-control.

#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "control/cli/complete_command.h"
#include "control/cli/completion.h"
#include "control/cli/grammar.h"
#include "control/cli/parser.h"
#include "control/cli/render_table.h"
#include "control/cli/session.h"

namespace simplon::cli {
namespace {

ExitCode run(std::vector<std::string> words) {
  GlobalOptions options;
  const auto root = make_grammar(options);
  if (!words.empty() && words.front() == kCompleteCommand) {
    words.erase(words.begin());
    run_complete(*root, words, options.server, std::cout);
    return ExitCode::kOk;
  }
  const Invocation invocation = parse(*root, std::move(words));
  ExitCode result = ExitCode::kOk;
  switch (invocation.wanted) {
    case Invocation::Wanted::kHelp:
      std::cout << invocation.command->help();
      break;
    case Invocation::Wanted::kVersion:
      std::cout << "simplonctl " SIMPLON_VERSION "\n";
      break;
    case Invocation::Wanted::kRun: {
      Session session(options, std::cout, std::cerr);
      result = invocation.command->action()(session);
      break;
    }
  }
  std::cout.flush();
  if (!std::cout) throw failure(ExitCode::kError, "cannot write to standard output");
  return result;
}

}  // namespace
}  // namespace simplon::cli

int main(int count, char** arguments) {
  using simplon::cli::ExitCode;
  try {
    return static_cast<int>(
        simplon::cli::run(std::vector<std::string>(arguments + 1, arguments + count)));
  } catch (const simplon::cli::Failure& failure) {
    std::cout.flush();
    for (const std::string& line : failure.lines)
      std::cerr << (failure.located ? "" : "simplonctl: ") << simplon::cli::printable(line) << '\n';
    return static_cast<int>(failure.code);
  } catch (const std::exception& error) {
    std::cerr << "simplonctl: " << error.what() << '\n';
  } catch (...) {
    std::cerr << "simplonctl: failed for an unknown reason\n";
  }
  return static_cast<int>(ExitCode::kError);
}
