// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <cstdio>

#include "client/commands/commands.h"
#include "client/tic/session.h"

namespace simplon::client {

namespace {

std::string as_json(const std::vector<ListedTunnel>& tunnels) {
  std::string text = "[";
  for (const ListedTunnel& t : tunnels) {
    text += (text.size() > 1 ? ",\n " : "") + std::string("{\"id\": ") + json_string(t.id) +
            ", \"ipv6\": " + json_string(t.ipv6) + ", \"ipv4\": " + json_string(t.ipv4) +
            ", \"pop\": " + json_string(t.pop) + "}";
  }
  return text + "]\n";
}

}  // namespace

int tunnels_command(const Options& options) {
  const auto loaded = settings_for(options);
  if (!loaded.ok()) return complain(loaded.status(), kExitUsage);
  print_warnings(*loaded);
  const TicSession session = run_tic_session(loaded->settings, TicGoal::kList, "", -1);
  for (const std::string& remark : session.trace.remarks) complain("warning: " + remark, 0);
  if (session.failure) {
    return complain(session.failure->message(),
                    session.failure->permanent ? kExitRefused : kExitFailure);
  }
  const auto& tunnels = session.outcome.tunnels;
  const std::string text = options.json ? as_json(tunnels) : tunnel_table(tunnels);
  std::fputs(text.c_str(), stdout);
  if (tunnels.empty()) complain("your account has no tunnel: ask your broker for one", 0);
  return kExitOk;
}

}  // namespace simplon::client
