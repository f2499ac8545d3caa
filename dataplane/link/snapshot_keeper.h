// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "dataplane/state/file_descriptor.h"

namespace simplon {

// Keeps the newest snapshot as a file for the next start, on a thread of its own: whoever publishes
// need not wait for the copy. It is made at once; when they come faster than they can be copied
// without taking more than a tenth of a core, those in between are left out. The file is replaced
// whole. A failure is logged and costs the fast recovery after a crash, not the running service.
class SnapshotKeeper {
 public:
  // An empty path: nothing is kept.
  explicit SnapshotKeeper(std::string path) : path_(std::move(path)) {}
  // The newest one is in the file when this returns.
  ~SnapshotKeeper();
  SnapshotKeeper(const SnapshotKeeper&) = delete;
  SnapshotKeeper& operator=(const SnapshotKeeper&) = delete;

  // The first `size` bytes of a file nobody can change any more. The descriptor remains the
  // caller's. One thread.
  void keep(int fd, uint64_t size);

 private:
  struct Snapshot {
    FileDescriptor fd;
    uint64_t size = 0;
  };

  void run();
  void write(const Snapshot& snapshot) const;

  const std::string path_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Snapshot> next_;
  bool stopping_ = false;
  std::thread thread_;  // from the first snapshot on
};

}  // namespace simplon
