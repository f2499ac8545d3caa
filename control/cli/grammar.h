// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <memory>

#include "control/cli/command.h"
#include "control/cli/session.h"

namespace simplon::cli {

// The whole grammar; values of the options every command takes go to `options`, which must outlive
// it.
std::unique_ptr<Command> make_grammar(GlobalOptions& options);

// Verbs of `tunnel`, by what they are about.
void add_tunnel_state_commands(Command& noun);
void add_tunnel_error_commands(Command& noun);
void add_tunnel_password_commands(Command& noun);
void add_tunnel_client_config_command(Command& noun);

// Likewise of `config`.
void add_config_import(Command& noun);

// One noun each.
void add_tunnel_commands(Command& root);
void add_account_commands(Command& root);
void add_pool_commands(Command& root);
void add_pop_commands(Command& root);
void add_config_commands(Command& root);
void add_counters_commands(Command& root);
void add_drops_commands(Command& root);
void add_check_command(Command& root);
void add_status_commands(Command& root);  // port, neighbor, snapshot, conservation
void add_worker_commands(Command& root);
void add_watch_commands(Command& root);
void add_shell_commands(Command& root);  // completion, man

}  // namespace simplon::cli
