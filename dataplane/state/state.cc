// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/state/conservation.h"
#include "dataplane/state/drop_reason.h"
#include "dataplane/state/worker_counters.h"

namespace simplon {

std::string_view name(DropCategory category) {
  switch (category) {
    case DropCategory::kLink:
      return "link";
    case DropCategory::kOuter:
      return "outer";
    case DropCategory::kDecap:
      return "decap";
    case DropCategory::kRoute:
      return "route";
    case DropCategory::kEncap:
      return "encap";
    case DropCategory::kLocal:
      return "local";
    case DropCategory::kSystem:
      return "system";
  }
  return "unknown";
}

uint32_t counter_list_hash() {
  uint32_t hash = 2166136261u;  // FNV-1a
  const auto add = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 16777619u;
    hash = (hash ^ 0xff) * 16777619u;  // a separator no name holds
  };
  for (const WorkerCounterInfo& c : kWorkerCounters) add(c.name);
  for (const DropReasonInfo& r : kDropReasons) add(r.name);
  return hash;
}

Conservation conservation(std::span<const uint64_t* const> columns) {
  Conservation c;
  for (const uint64_t* column : columns) {
    const auto get = [column](WorkerCounter w) { return counter_load(column[std::size_t(w)]); };
    c.rx += get(WorkerCounter::kRxPackets);
    c.originated += get(WorkerCounter::kOriginated);
    c.fragments_made += get(WorkerCounter::kFragmentsMade);
    c.tx += get(WorkerCounter::kTxPackets);
    c.consumed += get(WorkerCounter::kConsumed);
    // Workers punt and the slow path takes: per column the difference may be negative, the sum is
    // not.
    c.held += get(WorkerCounter::kPunted) - get(WorkerCounter::kPuntsTaken);
    c.held += get(WorkerCounter::kHeldReassembly) + get(WorkerCounter::kHeldNeighbor) +
              get(WorkerCounter::kHeldTx);
    for (std::size_t r = 0; r < kDropReasonCount; ++r)
      c.drops += counter_load(column[kDropsOffset + r]);
  }
  return c;
}

}  // namespace simplon
