// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/sinks/syslog_sink.h>
#include <spdlog/spdlog.h>
#include <syslog.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iostream>

#include "client/commands/commands.h"
#include "client/host/background.h"
#include "client/host/instance_lock.h"
#include "client/host/signals.h"
#include "client/keeper/tunnel_keeper.h"
#include "client/text/words.h"
#include "client/tic/session.h"

namespace simplon::client {

namespace {

void set_up_logging(const Settings& settings, bool in_background) {
  auto logger = in_background ? spdlog::syslog_logger_mt("simplon-client", "simplon-client",
                                                         LOG_PID, LOG_DAEMON, true)
                              : spdlog::stderr_logger_mt("simplon-client");
  logger->set_pattern(in_background ? "%v" : "%H:%M:%S %l: %v");
  logger->set_level(settings.verbose ? spdlog::level::debug : spdlog::level::info);
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

// Lets a person at a terminal choose among several tunnels; empty: nothing to choose, or nobody
// there. Anything that fails here fails again, with words, where the tunnel is fetched.
std::string ask_which(const Settings& settings) {
  if (!settings.tunnel_id.empty() || isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0) {
    return "";
  }
  const TicSession session = run_tic_session(settings, TicGoal::kList, "", -1);
  const auto& tunnels = session.outcome.tunnels;
  if (session.failure || tunnels.size() < 2) return "";
  std::fputs(tunnel_table(tunnels).c_str(), stdout);
  while (true) {
    std::fputs("Which one? ", stdout);
    std::fflush(stdout);
    std::string line;
    if (!std::getline(std::cin, line)) return "";
    const std::string wanted = to_lower(trim(line));
    for (const ListedTunnel& t : tunnels) {
      if (to_lower(t.id) == wanted || to_lower(t.id) == "t" + wanted) return t.id;
    }
    std::printf("There is no %s. Write it as in the first column.\n", printable(line, 40).c_str());
  }
}

// The old kind of pid file, for programs that look for it. The lock needs none.
class PidFile {
 public:
  explicit PidFile(std::string path) : path_(std::move(path)) {
    if (path_.empty()) return;
    std::ofstream out(path_, std::ios::trunc);
    out << getpid() << "\n";
    out.close();
    if (!out) {
      spdlog::warn("{}: the pid file cannot be written", path_);
      path_.clear();
    }
  }
  PidFile(const PidFile&) = delete;
  PidFile& operator=(const PidFile&) = delete;
  ~PidFile() {
    if (!path_.empty()) unlink(path_.c_str());
  }

 private:
  std::string path_;
};

int exit_code_of(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kUnavailable:  // it goes on trying
      return kExitOk;
    case absl::StatusCode::kInvalidArgument:
      return kExitUsage;
    case absl::StatusCode::kPermissionDenied:
      return kExitRefused;
    default:
      return kExitFailure;
  }
}

std::string word_of(const absl::Status& status) {
  const std::string text(status.message().data(), status.message().size());
  if (status.ok()) return "the tunnel is up";
  return absl::IsUnavailable(status) ? "not up yet, going on in the background: " + text : text;
}

}  // namespace

int start_command(const Options& options) {
  auto loaded = settings_for(options);
  if (!loaded.ok()) return complain(loaded.status(), kExitUsage);
  print_warnings(*loaded);
  const Settings settings = loaded->settings;
  // Before anybody is asked a question; the lock itself is taken by the process that stays.
  if (const auto holder = InstanceLock::holder(settings.state_directory);
      holder.ok() && holder->has_value()) {
    return complain("simplon-client runs already, as process " + std::to_string(**holder) +
                        "; 'simplon-client stop' ends it",
                    kExitFailure);
  }
  const std::string chosen = ask_which(settings);

  Background background;
  const bool in_background = !options.foreground && (options.daemon || settings.daemonize);
  if (in_background) {
    if (const auto parent = background.begin()) return *parent;
  }
  const auto fail = [&](const absl::Status& status) {
    const std::string text(status.message().data(), status.message().size());
    if (!in_background) return complain(text, kExitFailure);
    background.tell(text, kExitFailure);
    return kExitFailure;
  };
  const auto lock = InstanceLock::take(settings.state_directory);
  if (!lock.ok()) return fail(lock.status());
  set_up_logging(settings, in_background);
  const PidFile pid_file(settings.pid_file);
  Signals signals;
  Options again = options;
  again.config = loaded->path;
  TunnelKeeper keeper({.settings = *std::move(loaded),
                       .tunnel_id = chosen,
                       .reload = [again] { return settings_for(again); },
                       .first_result =
                           [&background](const absl::Status& first) {
                             background.tell(word_of(first), exit_code_of(first));
                           }},
                      signals);
  return keeper.run();
}

}  // namespace simplon::client
