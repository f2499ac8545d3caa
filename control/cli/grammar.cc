// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/grammar.h"

namespace simplon::cli {

std::unique_ptr<Command> make_grammar(GlobalOptions& options) {
  auto root = std::make_unique<Command>("simplonctl", "configures and watches a Simplon PoP");
  root->describe(
      "Exit codes: 0 done, 1 refused or failed, 2 the command line is wrong, 3 no such thing, "
      "4 conflict (exists already, changed in between, in use), 5 simplon-control or its dataplane "
      "cannot be reached ('check' has Nagios's codes instead). Errors go to standard error, one "
      "per line, with field and reason.");
  root->option("-o,--output", {"table|json|yaml|csv", {"table", "json", "yaml", "csv"}},
               "table for people, or one document with the field names of the API; csv: a row for "
               "each thing "
               "listed",
               into(options.output));
  root->option("-s,--server", {"ADDRESS", {}, Completion::kFile},
               "where simplon-control listens: unix:PATH or HOST:PORT; left out: " + options.server,
               into(options.server))
      .environment = "SIMPLON_SERVER";
  root->option("--timeout", {"DURATION"},
               "how long one call may take: 500ms, 60s, 5m; left out: 10s, with whole "
               "configurations 5m",
               into(options.timeout));
  root->flag("--no-headers", "tables without their heads", options.no_headers);
  root->example("simplonctl pop status")
      .example("simplonctl tunnel show T18572")
      .example("simplonctl -o json tunnel list --filter 'admin_state=DISABLED'")
      .example("simplonctl --server pop1.example.net:50051 --timeout 2s counters --watch");
  add_tunnel_commands(*root);
  add_account_commands(*root);
  add_pool_commands(*root);
  add_pop_commands(*root);
  add_config_commands(*root);
  add_counters_commands(*root);
  add_drops_commands(*root);
  add_worker_commands(*root);
  add_status_commands(*root);
  add_check_command(*root);
  add_watch_commands(*root);
  add_shell_commands(*root);
  return root;
}

}  // namespace simplon::cli
