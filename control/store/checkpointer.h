// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "control/store/sqlite.h"

namespace simplon::control {

// Moves what is in the write-ahead log into the database, on a connection and a thread of its own,
// so that no commit has to wait for that: only its own flush of the log is between a change and its
// answer. Thread: any.
class Checkpointer {
 public:
  static absl::StatusOr<std::unique_ptr<Checkpointer>> start(const std::string& path);
  ~Checkpointer();
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  // The log has so many pages now. Does not block.
  void grown_to(int pages);

 private:
  explicit Checkpointer(Database database) : database_(std::move(database)) {}
  void run();

  Database database_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool wanted_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace simplon::control
