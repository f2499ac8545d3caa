// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/host/setup_script.h"

#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <thread>
#include <vector>

#include "dataplane/state/errno_text.h"

namespace simplon::client {

namespace {

// Starts it with the signals as a program expects them, not as this process has them.
int spawn(const std::string& program, std::vector<std::string>& arguments,
          std::vector<std::string>& environment, pid_t& pid) {
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (std::string& text : arguments) argv.push_back(text.data());
  argv.push_back(nullptr);
  std::vector<char*> envp;
  envp.reserve(environment.size() + 1);
  for (std::string& text : environment) envp.push_back(text.data());
  envp.push_back(nullptr);

  sigset_t none;
  sigset_t defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  const int error =
      posix_spawn(&pid, program.c_str(), nullptr, &attributes, argv.data(), envp.data());
  posix_spawnattr_destroy(&attributes);
  return error;
}

}  // namespace

absl::Status run_setup_script(const std::string& program, const std::string& device,
                              const TunnelInfo& tunnel, std::chrono::seconds timeout) {
  std::vector<std::string> arguments = {program, device};
  std::vector<std::string> environment = {
      "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "SIMPLON_DEVICE=" + device,
      "SIMPLON_TUNNEL=" + tunnel.id,
      "SIMPLON_CLIENT=" + tunnel.client.to_string(),
      "SIMPLON_POP=" + tunnel.pop.to_string(),
      "SIMPLON_POP_IPV4=" + tunnel.pop_ipv4,
      "SIMPLON_PREFIX_LENGTH=" + std::to_string(tunnel.prefix_length),
      "SIMPLON_MTU=" + std::to_string(tunnel.mtu),
  };
  pid_t pid = 0;
  if (const int error = spawn(program, arguments, environment, pid); error != 0) {
    return absl::NotFoundError("setup_script " + program + ": " + errno_text(error));
  }
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  int result = 0;
  pid_t ended = 0;
  while ((ended = waitpid(pid, &result, WNOHANG)) == 0) {
    if (std::chrono::steady_clock::now() > deadline) {
      kill(pid, SIGKILL);
      waitpid(pid, &result, 0);
      return absl::DeadlineExceededError("setup_script " + program + " did not end within " +
                                         std::to_string(timeout.count()) + " s and was killed");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  if (ended < 0) return absl::InternalError(std::string("waitpid: ") + errno_text(errno));
  if (WIFEXITED(result) && WEXITSTATUS(result) == 0) return absl::OkStatus();
  return absl::AbortedError("setup_script " + program + " failed with " +
                            (WIFEXITED(result) ? "exit code " + std::to_string(WEXITSTATUS(result))
                                               : "signal " + std::to_string(WTERMSIG(result))));
}

}  // namespace simplon::client
