// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Whose packets are in which slot's counters. The dataplane counts by slot and starts from zero
// with a new segment; totals belong to tunnels and never go back:
//
//   total of a tunnel = sum of its slot over all columns + its offset
//
// A tunnel that takes a slot begins with offset = - what the slot has counted so far. When a new
// segment takes the place of the old one, offset = the last total. Offsets are stored with the
// change that caused them; totals are saved from time to time for the case that old segment and
// control go together (reboot). Thread: any.

#pragma once

#include <absl/container/flat_hash_map.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "control/counters/counter_segment.h"
#include "control/engine/engine.h"
#include "control/store/store.h"

namespace simplon::control {

class CounterBook : public CommitHook {
 public:
  // `state`: as loaded from the store.
  explicit CounterBook(const Store::State& state);

  // A (new) segment is mapped. Returns what is to be stored. `model`: all tunnels.
  StoreWrite attach(std::shared_ptr<const CounterSegment> segment, const Model& model);
  // Null before the first attach.
  std::shared_ptr<const CounterSegment> segment() const;

  TunnelSums total(uint32_t tunnel_id, uint32_t slot) const;
  // Sum over all tunnels, deleted ones included.
  TunnelSums pop_total(const Model& model) const;
  // Adds the totals of the next `count` tunnels, from id `from` on, and moves that on: beyond 32
  // bits after the last one.
  void add_totals(const Model& model, uint64_t& from, std::size_t count, TunnelSums& sum) const;
  // What deleted tunnels had counted.
  TunnelSums retired() const;
  // Second in which in_packets was last seen to grow; 0: never. Seen means by save().
  uint32_t last_in_unix(uint32_t tunnel_id) const;
  // The same for many at once, in their order.
  std::vector<uint32_t> last_in_unix(std::span<const uint32_t> tunnel_ids) const;

  // Sum over all columns plus what earlier segments had counted. `index` as in a column.
  uint64_t worker_total(std::size_t index, std::string_view name) const;

  // Looks at the next `count` tunnels: totals that changed since they were last saved, to be
  // stored.
  StoreWrite save(const Model& model, std::size_t count);

  void before_commit(StoreWrite& write) override;
  void after_commit(const StoreWrite& write) override;

 private:
  TunnelSums total_of(uint32_t tunnel_id, uint32_t slot) const;
  TunnelSums retired_sums() const;
  void take_slot(uint32_t tunnel_id, uint32_t slot, const TunnelSums& start, StoreWrite& write);
  void retire(const v1::Tunnel& tunnel, StoreWrite& write);
  void archive_workers(StoreWrite& write);

  mutable std::mutex mutex_;
  std::shared_ptr<const CounterSegment> segment_;
  uint64_t instance_;                               // the segment the offsets are relative to
  absl::flat_hash_map<uint32_t, CounterRow> rows_;  // a tunnel without a row has offset 0
  // By "total/NAME": what segments that are gone had counted; by "last/NAME": what `instance_` had
  // when last saved; by "retired/INDEX": what deleted tunnels had counted.
  absl::flat_hash_map<std::string, uint64_t> archive_;
  std::vector<CounterRow> committing_;  // between before_commit and after_commit
  std::vector<uint32_t> committing_deleted_;
  TunnelSums committing_retired_{};
  uint32_t save_from_ = 0;  // id the next save() begins with
};

}  // namespace simplon::control
