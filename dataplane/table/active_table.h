// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <atomic>
#include <cstddef>

namespace simplon {

class SnapshotView;

// The one pointer through which workers see the table. Does not own it. It has a cache line to
// itself, because anything else written there would cost every worker a miss per loop.
class alignas(64) ActiveTable {
 public:
  // Worker, at the top of its loop; null before the first publish. Acquire pairs with the store in
  // exchange(): who sees the pointer sees the table behind it.
  const SnapshotView* acquire() const { return table_.load(std::memory_order_acquire); }

  // Worker, for the first load after GenerationGate::online(); the seq_cst side of that handshake.
  const SnapshotView* acquire_first() const { return table_.load(std::memory_order_seq_cst); }

  // Publisher. Returns the table that was active; it may be deleted after the grace period.
  // seq_cst: see PlainGenerationGate::online().
  const SnapshotView* exchange(const SnapshotView* next) {
    return table_.exchange(next, std::memory_order_seq_cst);
  }

 private:
  std::atomic<const SnapshotView*> table_{nullptr};
};
static_assert(sizeof(ActiveTable) == 64 && alignof(ActiveTable) == 64);
static_assert(std::atomic<const SnapshotView*>::is_always_lock_free);

}  // namespace simplon
