// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Which CPUs and how much memory a set of options takes. Pure functions of what the machine has, so
// that they can be tested without one; and the functions that look at the machine. Manager thread,
// before EAL.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane/options.h"

namespace simplon {

struct Machine {
  std::vector<unsigned> allowed_cpus;  // of this process
  std::vector<unsigned> online_cpus;
  std::vector<unsigned> isolated_cpus;  // kept free by the kernel (isolcpus)
  uint64_t free_hugepage_bytes = 0;

  static Machine look();
};

struct CpuPlan {
  std::vector<unsigned> worker_cpus;
  std::vector<unsigned> main_cpus;  // manager and slow path
  IdleMode idle = IdleMode::kSleep;
  bool shared = false;  // some CPU has more than one of our threads that poll

  // For EAL: thread 0 is the manager, 1..n the workers.
  std::string lcores() const;
};

// Nullopt: `error` says which CPU is not there.
std::optional<CpuPlan> plan_cpus(const Options& options, const Machine& machine,
                                 std::string& error);

struct MemoryPlan {
  bool hugepages = false;
  std::string hugepages_reason;  // why not, where they would have been taken
  uint32_t mbufs = 0;
  uint16_t data_room = 0;  // bytes of a buffer, headroom included
  uint64_t mbuf_bytes = 0;
  uint32_t memory_mb = 0;       // for EAL: buffers, rings, drivers
  uint64_t counters_bytes = 0;  // file in the state directory, sparse
  uint64_t snapshot_bytes = 0;  // of a full table; two during a swap
  uint32_t punt_ring_entries = 0;

  std::string describe(const Options& options) const;
};

std::optional<MemoryPlan> plan_memory(const Options& options, const Machine& machine,
                                      std::string& error);

// Arguments for rte_eal_init(), the program's name first.
std::vector<std::string> eal_arguments(const Options& options, const CpuPlan& cpus,
                                       const MemoryPlan& memory);

}  // namespace simplon
