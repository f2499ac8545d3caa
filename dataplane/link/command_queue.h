// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>

#include "proto/link/link_messages.h"

namespace simplon {

// Brings commands from the manager, which waits for the answer, to the slow path, which alone makes
// events.
class CommandQueue {
 public:
  using Executor = std::function<TunnelCommandDone(const TunnelCommand&)>;

  // Manager thread. A command the slow path has not begun by the deadline is taken back and
  // answered as not done.
  TunnelCommandDone run(const TunnelCommand& command, std::chrono::milliseconds deadline);

  // Slow-path thread: executes what is waiting. Costs one load when nothing is.
  void drain(const Executor& executor);

 private:
  struct Entry {
    TunnelCommand command{};
    bool begun = false;
    std::optional<TunnelCommandDone> done;
  };

  std::atomic<bool> waiting_{false};
  std::mutex mutex_;
  std::condition_variable answered_;
  Entry* entry_ = nullptr;  // there is one manager, and it waits
};

}  // namespace simplon
