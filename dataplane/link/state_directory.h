// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <memory>
#include <string>

#include "dataplane/state/file_descriptor.h"

namespace simplon {

// The directory for what outlives the process, ours alone as long as the object lives. Manager
// thread.
class StateDirectory {
 public:
  // Creates it if its parent is there. Null: `error` says what is wrong, or who has it.
  static std::unique_ptr<StateDirectory> open(const std::string& path, std::string& error);

  const std::string& path() const { return path_; }

  // Counters are written by every packet: on a disk, write-back would stall workers.
  bool in_memory() const;

 private:
  StateDirectory(std::string path, FileDescriptor lock)
      : path_(std::move(path)), lock_(std::move(lock)) {}

  std::string path_;
  FileDescriptor lock_;
};

}  // namespace simplon
