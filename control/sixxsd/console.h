// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The management console of the original daemon (docs/protocols.md §12): what its monitoring,
// statistics collector and backend speak. Off unless told to listen; only addresses of
// Pop.console.allowed_addresses are served.
//
// Changes belong to the console as a whole: every session sees those of the others when it makes
// its own, and one transaction takes them all: at `pop saveconfig`, half a second after the last
// one, when the session ends that made some, and when it wants to see what it has done. Thread:
// any.

#pragma once

#include <absl/status/status.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "control/net/line_server.h"
#include "control/service_context.h"
#include "control/sixxsd/changes.h"
#include "control/sixxsd/stats_book.h"

namespace simplon::control::sixxsd {

class Console {
 public:
  // Quiet for so long, or waiting since then: what waits is committed.
  static constexpr std::chrono::milliseconds kQuiet{500};
  static constexpr std::chrono::milliseconds kLongest{10000};
  static constexpr std::chrono::seconds kIdleTimeout{900};

  // `state_directory`: where readers' baselines are kept.
  Console(const ServiceContext& context, const std::string& state_directory);
  ~Console();
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  // Listens and commits what waits. Of an empty list nothing is listened on.
  absl::Status start(const std::vector<std::string>& listen);
  // Ends all sessions and commits what waits. Before the engine stops. Idempotent.
  void stop();
  std::vector<uint16_t> ports() const;

  // Must not outlive the console.
  std::unique_ptr<LineSession> open(const LinePeer& peer);

  // ---- For sessions.

  const ServiceContext& context() const { return context_; }
  StatsBook& stats() { return stats_; }

  // Calls `change(Changes&, const Model&)` with both held still; commits first what must be. The
  // result is `change`'s. `number` becomes that of the last change that waits.
  template <typename Change>
  absl::Status change(uint64_t& number, bool of_tunnels, Change&& change) {
    const std::lock_guard lock(mutex_);
    if ((of_tunnels && changes_.settings_wait()) || changes_.size() >= Changes::kMost) {
      if (auto status = commit_locked(); !status.ok()) return status;
    }
    const std::size_t before = changes_.size();
    const absl::Status status = context_.engine.read(
        [&](const Model& model, const Engine::Info&) { return change(changes_, model); });
    if (changes_.size() != before) number = note_change();
    return status;
  }
  // Has everything up to that change been committed?
  bool is_committed(uint64_t number) const { return committed_ >= number; }

  absl::Status commit();
  // Lines that were refused when they were committed, since the last call.
  std::vector<Changes::Rejected> take_rejected();

 private:
  uint64_t note_change();
  absl::Status commit_locked();
  void run();

  const ServiceContext& context_;
  StatsBook stats_;
  std::unique_ptr<LineServer> server_;

  std::mutex mutex_;
  Changes changes_;
  std::vector<Changes::Rejected> rejected_;
  uint64_t changed_ = 0;  // number of the last change
  std::atomic<uint64_t> committed_{0};
  std::chrono::steady_clock::time_point first_change_{};
  std::chrono::steady_clock::time_point last_change_{};
  bool failing_ = false;

  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread committer_;
};

}  // namespace simplon::control::sixxsd
