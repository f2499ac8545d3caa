// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <pthread.h>
#include <signal.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>

#include <cstdio>
#include <string>

#include "control/daemon.h"
#include "control/notify.h"
#include "control/options.h"

namespace {

void set_up_logging(const std::string& level) {
  auto logger = spdlog::stderr_logger_mt("simplon-control");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z level=%l %v");
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::trace);
  spdlog::set_default_logger(std::move(logger));
}

// Each connection of a subscriber is a descriptor; the usual soft limit is for programs that use
// select().
void raise_descriptor_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

int main(int argc, char** argv) {
  simplon::control::Options options;
  int exit_code = 0;
  if (!simplon::control::parse_options(argc, argv, options, exit_code)) return exit_code;
  set_up_logging(options.log_level);

  // Blocked before the first thread starts, so that all inherit it and only sigwait() below sees
  // them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();

  simplon::control::Daemon daemon;
  if (const absl::Status status = daemon.start(options); !status.ok()) {
    std::fprintf(stderr, "simplon-control: %s\n", std::string(status.message()).c_str());
    return 1;
  }
  simplon::control::notify_supervisor("READY=1");
  int signal_number = 0;
  sigwait(&signals, &signal_number);
  spdlog::info("event=stopping signal={}", signal_number);
  simplon::control::notify_supervisor("STOPPING=1");
  daemon.stop();
  return 0;
}
