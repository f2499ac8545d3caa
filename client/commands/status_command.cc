// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <cstdio>
#include <ctime>

#include "client/commands/commands.h"
#include "client/commands/status_text.h"
#include "client/host/instance_lock.h"
#include "client/net/resolve_host.h"

namespace simplon::client {

int status_command(const Options& options) {
  const std::string directory = state_directory_for(options);
  const auto holder = InstanceLock::holder(directory);
  if (!holder.ok()) return complain(holder.status(), kExitFailure);
  if (!holder->has_value()) {
    if (options.json) std::puts("{\n  \"running\": false\n}");
    return complain("no client runs; 'simplon-client start' begins", kExitNotRunning);
  }
  StatusReport report;
  report.pid = **holder;
  auto state = read_state(directory);
  // Between taking the lock and writing the first state.
  if (!state.ok()) {
    report.state.state = "starting";
    report.state.since = std::time(nullptr);
  } else {
    report.state = *std::move(state);
  }
  const RunState& s = report.state;
  if (s.state == "up") {
    report.counters = device_counters(s.device);
    const auto pop = Ipv6Address::parse(s.pop);
    if (pop && !options.no_ping) {
      report.pop = ping({.target = *pop, .device = s.device, .attempts = 2});
      if (const auto beyond = resolve_ipv6(s.ping_target, -1); beyond.ok()) {
        report.beyond = ping({.target = *beyond, .device = s.device, .attempts = 2});
      } else {
        report.beyond = PingResult{.kind = PingResult::Kind::kRefused,
                                   .detail = std::string(beyond.status().message())};
      }
    }
  }
  report.now = std::time(nullptr);
  const std::string text = options.json ? status_json(report) : status_text(report);
  std::fputs(text.c_str(), stdout);
  return is_healthy(report) ? kExitOk : kExitFailure;
}

}  // namespace simplon::client
