// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The counters of one worker (or of the slow path): one column of the counters segment.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dataplane/state/drop_reason.h"
#include "proto/link/segment_format.h"

namespace simplon {

enum class CounterKind : uint8_t { kCounter, kGauge };

enum class WorkerCounter : uint16_t {
#define X(enumerator, name, kind, help) enumerator,
#include "dataplane/state/worker_counters.def"
#undef X
};

struct WorkerCounterInfo {
  std::string_view name;
  CounterKind kind;
  std::string_view help;
};

inline constexpr WorkerCounterInfo kWorkerCounters[] = {
#define X(enumerator, name, kind, help) {name, CounterKind::kind, help},
#include "dataplane/state/worker_counters.def"
#undef X
};
inline constexpr std::size_t kWorkerCounterCount =
    sizeof(kWorkerCounters) / sizeof(kWorkerCounters[0]);

// In a column the drops start here, so that both lists can grow.
inline constexpr std::size_t kDropsOffset = 128;
static_assert(kWorkerCounterCount <= kDropsOffset);
static_assert(kDropsOffset + kDropReasonCount <= kWorkerCounterCapacity);

// Hash of all names in order: tells a reader built from other lists that it would misread the
// segment.
uint32_t counter_list_hash();

// Single-writer increment that a concurrent reader in another thread or process can never see torn.
// Compiles to a plain add.
inline void counter_add(uint64_t& counter, uint64_t n) {
  const std::atomic_ref<uint64_t> a(counter);
  a.store(a.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}
inline uint64_t counter_load(const uint64_t& counter) {
  // atomic_ref wants a mutable reference; a relaxed load writes nothing.
  return std::atomic_ref<uint64_t>(const_cast<uint64_t&>(counter)).load(std::memory_order_relaxed);
}

// Writer's view of a column. Owned by one thread.
class WorkerCounters {
 public:
  explicit WorkerCounters(uint64_t* column) : column_(column) {}

  void add(WorkerCounter c, uint64_t n = 1) { counter_add(column_[std::size_t(c)], n); }
  void set(WorkerCounter c, uint64_t value) {
    std::atomic_ref<uint64_t>(column_[std::size_t(c)]).store(value, std::memory_order_relaxed);
  }
  void drop(DropReason r, uint64_t n = 1) {
    counter_add(column_[kDropsOffset + std::size_t(r)], n);
  }

  uint64_t get(WorkerCounter c) const { return counter_load(column_[std::size_t(c)]); }
  uint64_t drops(DropReason r) const {
    return counter_load(column_[kDropsOffset + std::size_t(r)]);
  }

 private:
  uint64_t* column_;
};

}  // namespace simplon
