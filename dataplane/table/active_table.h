// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <atomic>
#include <cstddef>

namespace simplon {

// Table: what one swap replaces as a whole, holding a SnapshotView. The one pointer through which
// workers see the table. Does not own it. It has a cache line to itself, because anything else
// written there would cost every worker a miss per loop.
template <typename Table>
class alignas(64) ActiveTable {
 public:
  // Worker, at the top of its loop; null before the first publish. Acquire pairs with the store in
  // exchange(): who sees the pointer sees the table behind it.
  const Table* acquire() const { return table_.load(std::memory_order_acquire); }

  // Worker, for the first load after GenerationGate::online(); the seq_cst side of that handshake.
  const Table* acquire_first() const { return table_.load(std::memory_order_seq_cst); }

  // Publisher. Returns the table that was active; it may be deleted after the grace period.
  // seq_cst: see PlainGenerationGate::online().
  const Table* exchange(const Table* next) {
    return table_.exchange(next, std::memory_order_seq_cst);
  }

 private:
  static_assert(std::atomic<const Table*>::is_always_lock_free);
  std::atomic<const Table*> table_{nullptr};
};
static_assert(sizeof(ActiveTable<int>) == 64 && alignof(ActiveTable<int>) == 64);

}  // namespace simplon
