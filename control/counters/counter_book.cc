// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/counters/counter_book.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "dataplane/state/worker_counters.h"

namespace simplon::control {
namespace {

uint32_t unix_now() {
  return uint32_t(std::chrono::duration_cast<std::chrono::seconds>(
                      std::chrono::system_clock::now().time_since_epoch())
                      .count());
}

uint64_t sum_columns(const CounterSegment& segment, std::size_t index) {
  uint64_t sum = 0;
  for (uint32_t column = 0; column < segment.columns(); ++column) {
    sum += counter_load(segment.column(column)[index]);
  }
  return sum;
}

// Every counter that only grows: index in a column and name.
template <typename Visit>
void each_worker_counter(Visit&& visit) {
  for (std::size_t i = 0; i < kWorkerCounterCount; ++i) {
    if (kWorkerCounters[i].kind == CounterKind::kCounter) visit(i, kWorkerCounters[i].name);
  }
  for (std::size_t i = 0; i < kDropReasonCount; ++i) {
    visit(kDropsOffset + i, kDropReasons[i].name);
  }
}

std::string total_key(std::string_view name) {
  return fmt::format("total/{}", name);
}
std::string retired_key(std::size_t index) {
  return fmt::format("retired/{}", index);
}
std::string last_key(std::string_view name) {
  return fmt::format("last/{}", name);
}

bool is_zero(const TunnelSums& sums) {
  return std::ranges::all_of(sums, [](uint64_t n) { return n == 0; });
}

void set_offset(CounterRow& row, const TunnelSums& total, const TunnelSums& counted) {
  for (std::size_t i = 0; i < total.size(); ++i) {
    row.offset[i] = int64_t(total[i]) - int64_t(counted[i]);
  }
  row.last = total;
  row.unset = false;
}

}  // namespace

CounterBook::CounterBook(const Store::State& state) : instance_(state.counters_instance) {
  for (const CounterRow& row : state.counters) rows_[row.tunnel_id] = row;
  for (const auto& [name, value] : state.archive) archive_[name] = value;
}

std::shared_ptr<const CounterSegment> CounterBook::segment() const {
  const std::lock_guard lock(mutex_);
  return segment_;
}

TunnelSums CounterBook::total_of(uint32_t tunnel_id, uint32_t slot) const {
  const auto row = rows_.find(tunnel_id);
  // Without the segment the offsets belong to, what was saved last is the best there is.
  if (segment_ == nullptr || segment_->instance_id() != instance_ ||
      (row != rows_.end() && row->second.unset)) {
    return row == rows_.end() ? TunnelSums{} : row->second.last;
  }
  TunnelSums total = segment_->tunnel(slot);
  if (row == rows_.end()) return total;
  for (std::size_t i = 0; i < total.size(); ++i) {
    // Never negative: the columns are not read at one instant with those of the offset.
    total[i] = uint64_t(std::max<int64_t>(0, int64_t(total[i]) + row->second.offset[i]));
  }
  return total;
}

TunnelSums CounterBook::total(uint32_t tunnel_id, uint32_t slot) const {
  const std::lock_guard lock(mutex_);
  return total_of(tunnel_id, slot);
}

TunnelSums CounterBook::retired_sums() const {
  TunnelSums sum{};
  for (std::size_t i = 0; i < sum.size(); ++i) {
    const auto retired = archive_.find(retired_key(i));
    if (retired != archive_.end()) sum[i] = retired->second;
  }
  return sum;
}

TunnelSums CounterBook::retired() const {
  const std::lock_guard lock(mutex_);
  return retired_sums();
}

TunnelSums CounterBook::pop_total(const Model& model) const {
  const std::lock_guard lock(mutex_);
  TunnelSums sum = retired_sums();
  for (const v1::Tunnel& tunnel : model.config().tunnels()) {
    const TunnelSums total = total_of(tunnel.id(), tunnel.slot());
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += total[i];
  }
  return sum;
}

void CounterBook::add_totals(const Model& model, uint64_t& from, std::size_t count,
                             TunnelSums& sum) const {
  const std::lock_guard lock(mutex_);
  uint64_t next = uint64_t{1} << 32;
  model.visit_from(uint32_t(from), [&](const v1::Tunnel& tunnel) {
    if (count-- == 0) {
      next = tunnel.id();
      return false;
    }
    const TunnelSums total = total_of(tunnel.id(), tunnel.slot());
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += total[i];
    return true;
  });
  from = next;
}

uint32_t CounterBook::last_in_unix(uint32_t tunnel_id) const {
  const std::lock_guard lock(mutex_);
  const auto row = rows_.find(tunnel_id);
  return row == rows_.end() ? 0 : row->second.last_in_unix;
}

std::vector<uint32_t> CounterBook::last_in_unix(std::span<const uint32_t> tunnel_ids) const {
  std::vector<uint32_t> seconds;
  seconds.reserve(tunnel_ids.size());
  const std::lock_guard lock(mutex_);
  for (const uint32_t id : tunnel_ids) {
    const auto row = rows_.find(id);
    seconds.push_back(row == rows_.end() ? 0 : row->second.last_in_unix);
  }
  return seconds;
}

uint64_t CounterBook::worker_total(std::size_t index, std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto gone = archive_.find(total_key(name));
  const uint64_t before = gone == archive_.end() ? 0 : gone->second;
  if (segment_ != nullptr) return before + sum_columns(*segment_, index);
  const auto last = archive_.find(last_key(name));
  return before + (last == archive_.end() ? 0 : last->second);
}

void CounterBook::archive_workers(StoreWrite& write) {
  const bool exact = segment_ != nullptr && segment_->instance_id() == instance_;
  each_worker_counter([&](std::size_t index, std::string_view name) {
    const uint64_t last = std::exchange(archive_[last_key(name)], 0);
    const uint64_t total = archive_[total_key(name)] +=
        exact ? sum_columns(*segment_, index) : last;
    write.archive.emplace_back(total_key(name), total);
    write.archive.emplace_back(last_key(name), 0);
  });
}

StoreWrite CounterBook::attach(std::shared_ptr<const CounterSegment> segment, const Model& model) {
  const std::lock_guard lock(mutex_);
  StoreWrite write;
  const bool first = instance_ == 0;
  const bool same = !first && segment->instance_id() == instance_;
  if (!first && !same) archive_workers(write);
  model.visit_from(0, [&](const v1::Tunnel& tunnel) {
    const auto known = rows_.find(tunnel.id());
    const bool unset = known != rows_.end() && known->second.unset;
    if (same && !unset) return true;
    const TunnelSums total = total_of(tunnel.id(), tunnel.slot());
    // A segment that is new to us begins at zero for tunnels that were there before it. What the
    // very first one has counted so far, or a known one before the tunnel came, is nobody's.
    const TunnelSums counted = first || same ? segment->tunnel(tunnel.slot()) : TunnelSums{};
    if (known == rows_.end() && is_zero(total) && is_zero(counted)) return true;
    CounterRow& row = rows_[tunnel.id()];
    row.tunnel_id = tunnel.id();
    set_offset(row, total, counted);
    write.counters.push_back(row);
    return true;
  });
  segment_ = std::move(segment);
  if (!same) {
    instance_ = segment_->instance_id();
    write.counters_instance = instance_;
  }
  return write;
}

StoreWrite CounterBook::save(const Model& model, std::size_t count) {
  const std::lock_guard lock(mutex_);
  StoreWrite write;
  if (segment_ == nullptr) return write;
  std::size_t seen = 0;
  uint32_t next = 0;
  const uint32_t now = unix_now();
  model.visit_from(save_from_, [&](const v1::Tunnel& tunnel) {
    if (seen++ == count) {
      next = tunnel.id();
      return false;
    }
    const TunnelSums total = total_of(tunnel.id(), tunnel.slot());
    const auto known = rows_.find(tunnel.id());
    if (known == rows_.end() ? is_zero(total) : known->second.last == total) return true;
    CounterRow& row = rows_[tunnel.id()];
    row.tunnel_id = tunnel.id();
    if (total[0] > row.last[0]) row.last_in_unix = now;
    row.last = total;
    write.counters.push_back(row);
    return true;
  });
  save_from_ = next;
  each_worker_counter([&](std::size_t index, std::string_view name) {
    const uint64_t sum = sum_columns(*segment_, index);
    uint64_t& last = archive_[last_key(name)];
    if (sum == last) return;
    last = sum;
    write.archive.emplace_back(last_key(name), sum);
  });
  return write;
}

void CounterBook::take_slot(uint32_t tunnel_id, uint32_t slot, const TunnelSums& start,
                            StoreWrite& write) {
  // Before the very first segment there is nothing to be relative to: attach() sees to it.
  if (segment_ == nullptr && instance_ == 0) return;
  CounterRow row;
  row.tunnel_id = tunnel_id;
  row.last = start;
  const auto known = rows_.find(tunnel_id);
  if (!is_zero(start) && known != rows_.end()) row.last_in_unix = known->second.last_in_unix;
  row.unset = segment_ == nullptr;
  if (segment_ != nullptr) {
    const TunnelSums counted = segment_->tunnel(slot);
    if (is_zero(counted) && is_zero(start)) return;
    set_offset(row, start, counted);
  }
  committing_.push_back(row);
  write.counters.push_back(row);
}

void CounterBook::retire(const v1::Tunnel& tunnel, StoreWrite& write) {
  const TunnelSums total = total_of(tunnel.id(), tunnel.slot());
  if (is_zero(total)) return;
  for (std::size_t i = 0; i < total.size(); ++i) committing_retired_[i] += total[i];
  for (std::size_t i = 0; i < total.size(); ++i) {
    const auto known = archive_.find(retired_key(i));
    const uint64_t before = known == archive_.end() ? 0 : known->second;
    write.archive.emplace_back(retired_key(i), before + committing_retired_[i]);
  }
}

void CounterBook::before_commit(StoreWrite& write) {
  const std::lock_guard lock(mutex_);
  committing_.clear();
  committing_deleted_.clear();
  committing_retired_ = {};
  // Totals of tunnels saved in this very transaction must not outlive what happens to them in it.
  // By id: did it come in it? Then it has counted nothing yet, whatever its slot has.
  absl::flat_hash_map<uint32_t, bool> touched;
  std::size_t most = write.counters.size();
  for (const RevisionWrite& revision : write.revisions) most += revision.changes.size();
  touched.reserve(most);
  for (const CounterRow& row : write.counters) touched.emplace(row.tunnel_id, false);
  for (const RevisionWrite& revision : write.revisions) {
    for (const v1::Change& change : revision.changes) {
      const v1::Tunnel& old = change.old().tunnel();
      const v1::Tunnel& next = change.new_().tunnel();
      if (old.id() == 0 && next.id() == 0) continue;  // not a tunnel
      if (old.id() != 0 && next.id() != 0) {
        if (old.slot() != next.slot()) {
          take_slot(next.id(), next.slot(), total_of(old.id(), old.slot()), write);
          touched.emplace(next.id(), false);
        }
        continue;
      }
      const uint32_t id = old.id() != 0 ? old.id() : next.id();
      const auto [known, first] = touched.try_emplace(id, false);
      const bool came = std::exchange(known->second, next.id() != 0);
      if (old.id() != 0 && !came) retire(old, write);
      // Rarely twice in one transaction, and then what was said before is void.
      const bool again = !first;
      if (again) {
        const auto is_it = [&](const CounterRow& row) { return row.tunnel_id == id; };
        std::erase_if(committing_, is_it);
        std::erase_if(write.counters, is_it);
      }
      // Also for a new tunnel: an older one may have had its id. Most have no row.
      if (again || rows_.contains(id)) {
        committing_deleted_.push_back(id);
        write.counters_deleted.push_back(id);
      }
      if (next.id() != 0) take_slot(id, next.slot(), {}, write);
    }
  }
}

void CounterBook::after_commit(const StoreWrite&) {
  const std::lock_guard lock(mutex_);
  for (const uint32_t id : committing_deleted_) rows_.erase(id);
  for (const CounterRow& row : committing_) rows_[row.tunnel_id] = row;
  if (!is_zero(committing_retired_)) {
    for (std::size_t i = 0; i < committing_retired_.size(); ++i) {
      archive_[retired_key(i)] += committing_retired_[i];
    }
  }
  committing_.clear();
  committing_deleted_.clear();
}

}  // namespace simplon::control
