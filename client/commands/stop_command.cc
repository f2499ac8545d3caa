// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

#include "client/commands/commands.h"
#include "client/host/instance_lock.h"
#include "dataplane/state/errno_text.h"

namespace simplon::client {

namespace {

constexpr auto kPatience = std::chrono::seconds(20);

}  // namespace

int stop_command(const Options& options) {
  const std::string directory = state_directory_for(options);
  const auto holder = InstanceLock::holder(directory);
  if (!holder.ok()) return complain(holder.status(), kExitFailure);
  if (!holder->has_value()) return complain("no client runs", kExitNotRunning);
  const pid_t pid = **holder;
  // 0 is a process of another container, and the group of this one.
  if (pid <= 0) {
    return complain("a client runs where this one cannot see its process; stop it there",
                    kExitFailure);
  }
  if (kill(pid, SIGTERM) != 0) {
    return complain("process " + std::to_string(pid) + " cannot be told to stop: " +
                        errno_text(errno) + (errno == EPERM ? "; run this as root" : ""),
                    kExitFailure);
  }
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (std::chrono::steady_clock::now() < deadline) {
    const auto now = InstanceLock::holder(directory);
    if (now.ok() && (!now->has_value() || **now != pid)) {
      std::printf("simplon-client: process %d has stopped\n", static_cast<int>(pid));
      return kExitOk;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return complain("process " + std::to_string(pid) + " has not stopped in " +
                      std::to_string(kPatience.count()) + " s; 'kill -9 " + std::to_string(pid) +
                      "' ends it, and leaves its device",
                  kExitFailure);
}

}  // namespace simplon::client
