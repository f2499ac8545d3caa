// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <memory>
#include <ostream>

#include "control/cli/completion.h"
#include "control/cli/grammar.h"
#include "control/cli/man_page.h"

namespace simplon::cli {
namespace {

const Command& top(const Command& command) {
  return command.parent() == nullptr ? command : top(*command.parent());
}

}  // namespace

void add_shell_commands(Command& root) {
  const auto shell = std::make_shared<std::string>();
  Command& completion = root.add("completion", "prints the completion script of a shell");
  completion.positional({"bash|zsh|fish", {"bash", "zsh", "fish"}}, "the shell", into(*shell))
      .required = true;
  completion.example("simplonctl completion bash")
      .example("simplonctl completion zsh")
      .run([shell](Session& session) {
        session.out() << completion_script(*shell);
        return ExitCode::kOk;
      });

  Command& man = root.add("man", "prints the manual page, in the format of man(7)");
  man.example("simplonctl man").run([&man](Session& session) {
    session.out() << man_page(top(man));
    return ExitCode::kOk;
  });
}

}  // namespace simplon::cli
