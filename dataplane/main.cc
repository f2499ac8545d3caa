// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// simplon-dataplane: options, checks that need no device, EAL, and then Process.

#include <rte_eal.h>
#include <rte_errno.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <vector>

#include "dataplane/link/link_server.h"
#include "dataplane/link/state_directory.h"
#include "dataplane/options.h"
#include "dataplane/port/kernel_interface.h"
#include "dataplane/process.h"
#include "dataplane/worker/machine_plan.h"

namespace simplon {
namespace {

constexpr int kExitError = 1;

int fail(const std::string& error) {
  std::fflush(stdout);
  std::fprintf(stderr, "simplon-dataplane: %s\n", error.c_str());
  return kExitError;
}

void set_up_log(const std::string& level) {
  auto logger = spdlog::stderr_logger_mt("simplon");
  logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %l %v", spdlog::pattern_time_type::utc);
  logger->set_level(spdlog::level::from_str(level));
  logger->flush_on(spdlog::level::debug);
  spdlog::set_default_logger(std::move(logger));
}

// What can be known to fail before a driver has to say so in its own words.
bool check_interfaces(const Options& options, std::string& error) {
  for (const PortOption& port : options.ports) {
    if (port.interface.empty()) continue;
    const std::string what = "port '" + port.name + "' (" + port.device + "): ";
    if (!kernel_interface_exists(port.interface)) {
      error = what + "there is no interface '" + port.interface +
              "' in this network namespace; `ip link` lists them";
      return false;
    }
    if (port.eal_name.starts_with("net_af_xdp") && xdp_program_attached(port.interface)) {
      error = what + "an XDP program is still attached to '" + port.interface +
              "', probably of a process that was killed; detach it with `ip link set dev " +
              port.interface + " xdp off`";
      return false;
    }
  }
  return true;
}

bool start_eal(const Options& options, const CpuPlan& cpus, const MemoryPlan& memory,
               std::string& error) {
  std::vector<std::string> arguments = eal_arguments(options, cpus, memory);
  std::string line;
  std::vector<char*> argv;
  for (std::string& argument : arguments) {
    argv.push_back(argument.data());
    line += (line.empty() ? "" : " ") + argument;
  }
  spdlog::debug("event=eal_init arguments=\"{}\"", line);
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0) return true;
  error = std::string("DPDK's environment does not start: ") + rte_strerror(rte_errno) +
          "; its own words are above. Arguments were: " + line;
  return false;
}

int run(int argc, const char* const* argv) {
  ParseResult parsed = parse_options(argc, argv);
  if (!parsed.options) {
    std::fputs(parsed.text.c_str(), parsed.exit_code == 0 ? stdout : stderr);
    return parsed.exit_code;
  }
  const Options& options = *parsed.options;
  set_up_log(options.log_level);

  std::string error;
  const Machine machine = Machine::look();
  const auto cpus = plan_cpus(options, machine, error);
  if (!cpus) return fail(error);
  const auto memory = plan_memory(options, machine, error);
  if (!memory) return fail(error);
  if (options.print_memory_plan) {
    std::fputs(memory->describe(options).c_str(), stdout);
    return 0;
  }
  if (!check_interfaces(options, error)) return fail(error);
  if (!LinkServer::path_is_free(options.socket, error)) return fail(error);
  const auto state = StateDirectory::open(options.state_directory, error);
  if (state == nullptr) return fail(error);
  if (options.check) {
    std::printf("ok: %zu port(s), %u worker(s), EAL threads %s, %u MiB%s\n", options.ports.size(),
                options.workers, cpus->lcores().c_str(), memory->memory_mb,
                memory->hugepages ? " in hugepages" : " without hugepages");
    return 0;
  }
  if (!memory->hugepages_reason.empty()) {
    spdlog::warn("event=no_hugepages reason=\"{}\" effect=\"slower, everything works\"",
                 memory->hugepages_reason);
  }
  if (!state->in_memory()) {
    spdlog::warn(
        "event=state_directory_on_disk path={} effect=\"workers may stall while counters "
        "are written back; use a tmpfs\"",
        state->path());
  }
  if (cpus->shared) spdlog::warn("event=cpus_shared effect=\"workers sleep when idle\"");

  // Before any thread is made, so that only the manager gets them.
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);

  if (!start_eal(options, *cpus, *memory, error)) return fail(error);
  int exit_code = 0;
  {
    Process process(options, *cpus, *memory, *state);
    if (process.start(error)) {
      process.run();
    } else {
      exit_code = fail(error);
    }
  }
  rte_eal_cleanup();
  if (exit_code == 0) spdlog::info("event=stopped");
  return exit_code;
}

}  // namespace
}  // namespace simplon

int main(int argc, char** argv) {
  return simplon::run(argc, argv);
}
