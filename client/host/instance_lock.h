// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <sys/types.h>

#include <optional>
#include <string>

#include "control/table/unique_fd.h"

namespace simplon::client {

// One client per state directory: a lock of the kernel's on DIRECTORY/lock, which goes away with
// the process however it ends.
class InstanceLock {
 public:
  // Makes the directory if it is not there. AlreadyExists says who has the lock.
  static absl::StatusOr<InstanceLock> take(const std::string& directory);
  // The process that has it; nothing: nobody has. Not for the process that has it: the kernel would
  // take the lock away as the file is closed again. Errors: the lock file cannot be read.
  static absl::StatusOr<std::optional<pid_t>> holder(const std::string& directory);

 private:
  explicit InstanceLock(control::UniqueFd fd) : fd_(std::move(fd)) {}

  control::UniqueFd fd_;
};

}  // namespace simplon::client
