// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/worker/machine_plan.h"

#include <sched.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "dataplane/state/segment.h"

namespace simplon {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
// mbuf, private area, and what the pool puts around them.
constexpr uint64_t kMbufOverhead = 448;
// In front of every frame; what DPDK is built with.
constexpr uint32_t kHeadroom = 128;
// Behind it: the smallest room drivers like, or the frame with its link header and some to spare.
constexpr uint32_t kSmallestRoom = 2048;
constexpr uint32_t kFrameExtra = 64;
// Beside the buffers: rings, queues of drivers, EAL's heap.
constexpr uint64_t kOverheadMb = 48;
constexpr uint32_t kPuntRingEntries = 2048;
// What an AF_XDP socket keeps in its fill ring, at most: it comes out of the pool.
constexpr uint32_t kVirtualDeviceReserve = 4096;
// Held by the slow path: fragments, packets waiting for a neighbour, frames handed over.
constexpr uint32_t kSlowPathReserve = 8192;
constexpr uint32_t kPerWorkerCache = 1024;
constexpr uint64_t kPageBytes = 4096;
constexpr uint64_t kFewestMbufs = 1024;

bool contains(const std::vector<unsigned>& cpus, unsigned cpu) {
  return std::find(cpus.begin(), cpus.end(), cpu) != cpus.end();
}

std::vector<unsigned> without(std::vector<unsigned> cpus, const std::vector<unsigned>& taken) {
  std::erase_if(cpus, [&](unsigned cpu) { return contains(taken, cpu); });
  return cpus;
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string join(const std::vector<unsigned>& cpus) {
  std::string text;
  for (const unsigned cpu : cpus) text += (text.empty() ? "" : ",") + std::to_string(cpu);
  return text;
}

bool given(const std::vector<std::string>& arguments, const std::string& option) {
  return std::any_of(arguments.begin(), arguments.end(), [&](const std::string& a) {
    return a == option || a.starts_with(option + "=");
  });
}

std::string mib(uint64_t bytes) {
  return std::to_string((bytes + kMiB - 1) / kMiB) + " MiB";
}

// Workers' CPUs: isolated ones if there are enough, else the last ones, else all in turn.
std::vector<unsigned> choose_worker_cpus(std::size_t workers, const Machine& machine) {
  std::vector<unsigned> cpus;
  if (machine.isolated_cpus.size() >= workers) {
    cpus.assign(machine.isolated_cpus.begin(),
                machine.isolated_cpus.begin() + static_cast<std::ptrdiff_t>(workers));
    return cpus;
  }
  const std::vector<unsigned>& all = machine.allowed_cpus;
  for (std::size_t w = 0; w < workers; ++w) cpus.push_back(all[all.size() - 1 - w % all.size()]);
  return cpus;
}

bool has_duplicates(std::vector<unsigned> cpus) {
  std::sort(cpus.begin(), cpus.end());
  return std::adjacent_find(cpus.begin(), cpus.end()) != cpus.end();
}

}  // namespace

Machine Machine::look() {
  Machine m;
  cpu_set_t set;
  CPU_ZERO(&set);
  sched_getaffinity(0, sizeof set, &set);
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) m.allowed_cpus.push_back(cpu);
  }
  m.online_cpus = parse_cpu_list(first_line("/sys/devices/system/cpu/online"));
  if (m.online_cpus.empty()) m.online_cpus = m.allowed_cpus;
  m.isolated_cpus = parse_cpu_list(first_line("/sys/devices/system/cpu/isolated"));
  std::error_code ignored;
  for (const auto& entry :
       std::filesystem::directory_iterator("/sys/kernel/mm/hugepages", ignored)) {
    uint64_t size_kb = 0;
    const std::string name = entry.path().filename();
    if (std::sscanf(name.c_str(), "hugepages-%lukB", &size_kb) != 1) continue;  // NOLINT(cert-*)
    const std::string free = first_line(entry.path() / "free_hugepages");
    m.free_hugepage_bytes += size_kb * 1024 * std::strtoull(free.c_str(), nullptr, 10);
  }
  return m;
}

std::string CpuPlan::lcores() const {
  std::string text = "0@(" + join(main_cpus) + ")";
  for (std::size_t w = 0; w < worker_cpus.size(); ++w) {
    text += "," + std::to_string(w + 1) + "@" + std::to_string(worker_cpus[w]);
  }
  return text;
}

std::optional<CpuPlan> plan_cpus(const Options& options, const Machine& machine,
                                 std::string& error) {
  CpuPlan plan;
  plan.worker_cpus = options.worker_cpus.empty() ? choose_worker_cpus(options.workers, machine)
                                                 : options.worker_cpus;
  if (options.main_cpu) plan.main_cpus = {*options.main_cpu};
  for (const auto& [cpus, option] :
       {std::pair{&plan.worker_cpus, "--lcores"}, std::pair{&plan.main_cpus, "--main-lcore"}}) {
    for (const unsigned cpu : *cpus) {
      if (contains(machine.online_cpus, cpu)) continue;
      error = std::string(option) + ": CPU " + std::to_string(cpu) +
              " is not online; there are: " + join(machine.online_cpus);
      return std::nullopt;
    }
  }
  if (plan.main_cpus.empty()) plan.main_cpus = without(machine.allowed_cpus, plan.worker_cpus);
  if (plan.main_cpus.empty()) plan.main_cpus = machine.allowed_cpus;
  const bool apart = without(plan.main_cpus, plan.worker_cpus).size() == plan.main_cpus.size();
  plan.shared = !apart || has_duplicates(plan.worker_cpus);

  if (options.idle) {
    plan.idle = *options.idle;
  } else if (plan.shared) {
    plan.idle = IdleMode::kSleep;
  } else if (without(plan.worker_cpus, machine.isolated_cpus).empty()) {
    plan.idle = IdleMode::kSpin;
  } else {
    // A CPU for everything else of the machine must remain before workers may take theirs whole.
    plan.idle = machine.online_cpus.size() >= plan.worker_cpus.size() + 2 ? IdleMode::kYield
                                                                          : IdleMode::kSleep;
  }
  return plan;
}

std::optional<MemoryPlan> plan_memory(const Options& options, const Machine& machine,
                                      std::string& error) {
  MemoryPlan plan;
  plan.punt_ring_entries = kPuntRingEntries;
  plan.counters_bytes = CountersSegment::size_of(options.workers, options.max_slots);
  plan.snapshot_bytes = uint64_t{options.max_slots} * (sizeof(TunnelSlot) + sizeof(uint32_t));

  plan.data_room = static_cast<uint16_t>(
      kHeadroom + std::max(kSmallestRoom, (options.mtu + kFrameExtra + 63u) / 64 * 64));

  uint64_t mbufs = kSlowPathReserve;
  for (const PortOption& port : options.ports) {
    const uint64_t queue = uint64_t{options.rx_descriptors} + options.tx_descriptors +
                           (port.pci ? 0u : kVirtualDeviceReserve);
    mbufs += queue * options.workers;
  }
  mbufs += uint64_t{options.workers} * (kPuntRingEntries + kPerWorkerCache);
  if (options.mbufs != 0) mbufs = options.mbufs;

  // What the buffers take; with --memory as many as fit. 0: too few fit.
  const auto size_up = [&](uint64_t buffer_bytes) -> uint32_t {
    uint64_t count = mbufs;
    if (options.memory_mb != 0) {
      const uint64_t room = options.memory_mb > kOverheadMb
                                ? (options.memory_mb - kOverheadMb) * kMiB / buffer_bytes
                                : 0;
      if (room < (options.mbufs != 0 ? mbufs : kFewestMbufs)) return 0;
      count = std::min(mbufs, room);
    }
    plan.mbufs = static_cast<uint32_t>(count);
    plan.mbuf_bytes = count * buffer_bytes;
    plan.memory_mb = options.memory_mb != 0
                         ? options.memory_mb
                         : static_cast<uint32_t>((plan.mbuf_bytes + kMiB - 1) / kMiB + kOverheadMb);
    return plan.memory_mb;
  };
  const uint64_t packed = kMbufOverhead + plan.data_room;
  // Without hugepages DPDK lets no buffer cross a page, so each begins a new one.
  const uint64_t paged = (packed + kPageBytes - 1) / kPageBytes * kPageBytes;

  if (options.hugepages != Hugepages::kOff) {
    const uint32_t needed = size_up(packed);
    plan.hugepages = needed != 0 && machine.free_hugepage_bytes >= needed * kMiB;
    if (plan.hugepages) return plan;
    if (needed != 0) {
      plan.hugepages_reason = mib(machine.free_hugepage_bytes) + " of hugepages are free, " +
                              std::to_string(needed) + " MiB are needed";
      if (options.hugepages == Hugepages::kOn) {
        error = plan.hugepages_reason +
                ": reserve more with `sysctl vm.nr_hugepages=" + std::to_string(needed / 2 + 16) +
                "`, ask for less with --memory, or run with --hugepages off";
        return std::nullopt;
      }
    }
  }
  const uint64_t buffer_bytes = options.hugepages == Hugepages::kOn ? packed : paged;
  if (size_up(buffer_bytes) == 0) {
    error = "--memory " + std::to_string(options.memory_mb) + " is too little for " +
            std::to_string(mbufs) + " packet buffers: give at least " +
            std::to_string((mbufs * buffer_bytes + kMiB - 1) / kMiB + kOverheadMb) +
            ", or fewer --mbufs";
    return std::nullopt;
  }
  return plan;
}

std::string MemoryPlan::describe(const Options& options) const {
  std::string text;
  const auto line = [&text](const std::string& what, const std::string& amount,
                            const std::string& note) {
    text += what + std::string(what.size() < 22 ? 22 - what.size() : 1, ' ');
    text +=
        std::string(amount.size() < 12 ? 12 - amount.size() : 0, ' ') + amount + "  " + note + "\n";
  };
  line("packet buffers", mib(mbuf_bytes), std::to_string(mbufs) + " buffers");
  line("EAL memory", std::to_string(memory_mb) + " MiB",
       hugepages                  ? "in hugepages; holds the buffers, rings and queues"
       : hugepages_reason.empty() ? "without hugepages; holds the buffers, rings and queues"
                                  : "without hugepages: " + hugepages_reason);
  line("counters", mib(counters_bytes),
       "file in " + options.state_directory + ", sparse: 32 bytes per used tunnel and column, " +
           std::to_string(options.workers + 1) + " columns");
  line("snapshot", mib(snapshot_bytes),
       "of a full table of " + std::to_string(options.max_slots) +
           " slots; as large as the configuration needs, twice from the first change on, and once "
           "in the state directory");
  return text;
}

std::vector<std::string> eal_arguments(const Options& options, const CpuPlan& cpus,
                                       const MemoryPlan& memory) {
  std::vector<std::string> arguments = {"simplon-dataplane", "--no-telemetry"};
  const auto add = [&](std::initializer_list<const char*> unless,
                       std::initializer_list<std::string> more) {
    const bool there = std::any_of(unless.begin(), unless.end(),
                                   [&](const char* option) { return given(options.eal, option); });
    if (!there) arguments.insert(arguments.end(), more);
  };
  add({"--lcores", "-l", "-c"}, {"--lcores", cpus.lcores(), "--main-lcore", "0"});
  add({"--log-level"}, {"--log-level", options.log_level == "debug" ? "debug" : "warning"});
  if (memory.hugepages && !given(options.eal, "--no-huge")) {
    add({"--in-memory", "--file-prefix"}, {"--in-memory", "--single-file-segments"});
  } else {
    add({"--no-huge", "--in-memory"}, {"--no-huge"});
    add({"--no-shconf", "--in-memory"}, {"--no-shconf"});
  }
  add({"-m", "--socket-mem"}, {"-m", std::to_string(memory.memory_mb)});
  bool pci = false;
  for (const PortOption& port : options.ports) {
    if (!port.pci) continue;
    pci = true;
    const std::string& more = port.eal_arguments;
    add({}, {"-a", more.empty() ? port.eal_name : port.eal_name + "," + more});
  }
  // Nothing that was not named is ever probed.
  if (!pci) add({"--no-pci"}, {"--no-pci"});
  arguments.insert(arguments.end(), options.eal.begin(), options.eal.end());
  return arguments;
}

}  // namespace simplon
