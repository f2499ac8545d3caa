// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <charconv>
#include <memory>
#include <ostream>
#include <stdexcept>

#include "control/cli/check.h"
#include "control/cli/grammar.h"
#include "control/cli/render_table.h"

namespace simplon::cli {
namespace {

// Whoever calls a plugin knows Nagios's codes, not ours.
ExitCode exit_code(Health health) {
  return static_cast<ExitCode>(health);
}

Setter into_limit(double& target) {
  return [&target](const std::string& text) {
    double value = 0;
    const char* const last = text.data() + text.size();
    const auto [end, error] = std::from_chars(text.data(), last, value, std::chars_format::fixed);
    if (error != std::errc() || end != last || !(value >= 0) || value > 1e9)
      throw std::invalid_argument("'" + text + "' is neither a number of tunnels nor a share");
    target = value;
  };
}

Setter into_health(Health& target) {
  return [&target](const std::string& text) {
    target = text == "critical"  ? Health::kCritical
             : text == "warning" ? Health::kWarning
                                 : Health::kOk;
  };
}

ExitCode run_check(Session& session, const CheckLimits& limits, bool verbose) {
  CheckResult result;
  try {
    result = judge(
        session.client().call<v1::PopStatus>("PopService.GetPopStatus", v1::GetPopStatusRequest()),
        limits);
  } catch (const Failure& failure) {
    result.health = Health::kCritical;
    for (const std::string& line : failure.lines)
      result.summary += (result.summary.empty() ? "" : "; ") + printable(line);
  }
  session.out() << check_text(result, verbose);
  return exit_code(result.health);
}

}  // namespace

void add_check_command(Command& root) {
  struct Options {
    CheckLimits limits;
    bool verbose = false;
  };
  const auto options = std::make_shared<Options>();
  CheckLimits& limits = options->limits;
  const Value health{"ok|warning|critical", {"ok", "warning", "critical"}};
  Command& command =
      root.add("check", "judges the PoP, as a plugin of Nagios, Icinga and the like");
  command.usage_code(exit_code(Health::kUnknown));
  command.describe(
      "One line and performance data. Exit codes are those of Nagios, for this command alone: 0 "
      "OK, "
      "1 WARNING, 2 CRITICAL (also where simplon-control cannot be reached), 3 UNKNOWN (the "
      "command "
      "line is wrong). Counted are enabled tunnels; online is up; active is a packet in within 15 "
      "minutes. Below 1, --min-online is a share of the configured tunnels and --min-active one of "
      "those online.");
  command.option("-t,--small-pop", {"N"},
                 "with fewer tunnels than this their numbers are not judged; left out: 50",
                 into_limit(limits.small_pop));
  command.option("-o,--min-online", {"N"}, "warn with fewer online; left out: 0.10",
                 into_limit(limits.online));
  command.option("-a,--min-active", {"N"}, "warn with fewer active; left out: 0.50",
                 into_limit(limits.active));
  command.option("-c,--min-configured", {"N"}, "warn with fewer configured; left out: 5",
                 into_limit(limits.configured));
  command.option("--no-dataplane", health, "without a dataplane; left out: critical",
                 into_health(limits.no_dataplane));
  command.option("--publish-failed", health,
                 "where the dataplane refused the configuration, or stalled; left out: critical",
                 into_health(limits.publish_failed));
  command.option("--port-down", health,
                 "with a port down; left out: warning, and critical with all of them down",
                 into_health(limits.port_down));
  command.option("--not-in-service", health,
                 "while the PoP is draining or out of service; left out: warning",
                 into_health(limits.not_in_service));
  command.flag("-v,--verbose", "further lines with what is known besides", options->verbose);
  command.example("simplonctl check")
      .example("simplonctl check -t 50 -o 0.10 -a 0.50 -c 5")
      .example("simplonctl --server pop1.example.net:50051 --timeout 5s check -v")
      .run([options](Session& session) {
        return run_check(session, options->limits, options->verbose);
      });
}

}  // namespace simplon::cli
