// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// One path of the client by itself, without a broker, for the end-to-end tests: up, until SIGTERM,
// and down. SIGUSR1 prints how it fares. Exit code 1: it could not be brought up, and why.

#include <CLI/CLI.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <fstream>
#include <iostream>
#include <map>
#include <thread>

#include "client/tunnel_path.h"

namespace {

using namespace simplon;
using namespace simplon::client;

std::unique_ptr<TunnelPath> path;

int fail(const absl::Status& status) {
  std::cout << "failed: " << std::string(status.message()) << std::endl;
  return 1;
}

// Waits for signals, so that run() has the main thread to itself.
void follow_signals(const sigset_t& set) {
  for (;;) {
    int number = 0;
    if (sigwait(&set, &number) != 0) continue;
    if (number == SIGTERM) {
      path->stop();
      return;
    }
    const PathHealth now = path->health();
    std::cout << "health sent=" << now.sent << " received=" << now.received << " lost=" << now.lost
              << " refused=" << now.refused << " beat=" << path->last_beat()
              << " problem=" << now.problem << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) {
  TunnelInfo tunnel;
  Settings settings;
  std::string client, pop_inside, pop, password_file, local;
  bool no_route = false;
  CLI::App app{"One path of the client by itself"};
  app.add_option("--type", tunnel.type)
      ->required()
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, TunnelType>{{"static", TunnelType::kStatic},
                                            {"heartbeat", TunnelType::kHeartbeat},
                                            {"ayiya", TunnelType::kAyiya}}));
  app.add_option("--path", settings.path)
      ->transform(CLI::CheckedTransformer(
          std::map<std::string, DataPath>{{"automatic", DataPath::kAutomatic},
                                          {"sit", DataPath::kKernelSit},
                                          {"tun", DataPath::kTun}}));
  app.add_option("--device", settings.interface);
  app.add_option("--client", client)->required();
  app.add_option("--pop-inside", pop_inside)->required();
  app.add_option("--pop", pop)->required();
  app.add_option("--password-file", password_file);
  app.add_option("--interval", tunnel.heartbeat_interval_s);
  app.add_option("--mtu", tunnel.mtu);
  app.add_option("--local", local);
  app.add_flag("--no-route", no_route);
  CLI11_PARSE(app, argc, argv);

  tunnel.id = "T1";
  tunnel.client = Ipv6Address::parse(client).value();
  tunnel.pop = Ipv6Address::parse(pop_inside).value();
  settings.default_route = !no_route;
  if (!local.empty()) settings.local_ipv4 = Ipv4Address::parse(local);
  if (!password_file.empty()) std::ifstream(password_file) >> tunnel.password;
  spdlog::set_default_logger(spdlog::stdout_logger_mt("path"));
  spdlog::flush_on(spdlog::level::info);

  auto chosen = TunnelPath::choose(tunnel, settings, Ipv4Address::parse(pop).value());
  if (!chosen.ok()) return fail(chosen.status());
  path = *std::move(chosen);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  const absl::Status up = path->up();
  if (!up.ok()) return fail(up);
  std::cout << "up " << path->kind() << ' ' << path->device() << std::endl;
  std::thread signals(follow_signals, set);
  const absl::Status ended = path->run();
  // It may have ended by itself.
  kill(getpid(), SIGTERM);
  signals.join();
  path->down();
  if (!ended.ok()) return fail(ended);
  std::cout << "down" << std::endl;
  return 0;
}
