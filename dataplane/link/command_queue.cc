// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/link/command_queue.h"

#include <algorithm>
#include <string_view>

namespace simplon {

TunnelCommandDone CommandQueue::run(const TunnelCommand& command,
                                    std::chrono::milliseconds deadline) {
  Entry entry;
  entry.command = command;
  std::unique_lock lock(mutex_);
  entry_ = &entry;
  waiting_.store(true, std::memory_order_release);
  const auto is_done = [&entry] { return entry.done.has_value(); };
  answered_.wait_for(lock, deadline, is_done);
  // Begun: it does not take long, and the entry must not go before.
  if (entry.begun) answered_.wait(lock, is_done);
  waiting_.store(false, std::memory_order_relaxed);
  entry_ = nullptr;
  if (entry.done) return *entry.done;
  TunnelCommandDone late{};
  constexpr std::string_view kLate = "the slow path does not answer";
  std::copy(kLate.begin(), kLate.end(), late.reason);
  return late;
}

void CommandQueue::drain(const Executor& executor) {
  // Pairs with the release in run(); what is missed now is seen the next time.
  if (!waiting_.load(std::memory_order_acquire)) return;
  std::unique_lock lock(mutex_);
  if (entry_ == nullptr || entry_->begun) return;
  entry_->begun = true;
  const TunnelCommand command = entry_->command;
  lock.unlock();
  const TunnelCommandDone done = executor(command);
  lock.lock();
  entry_->done = done;
  answered_.notify_one();
}

}  // namespace simplon
