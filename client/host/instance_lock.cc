// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/host/instance_lock.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <filesystem>
#include <utility>

#include "dataplane/state/errno_text.h"

namespace simplon::client {

namespace {

std::string lock_path(const std::string& directory) {
  return directory + "/lock";
}

struct flock whole_file() {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  return lock;
}

}  // namespace

absl::StatusOr<InstanceLock> InstanceLock::take(const std::string& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  const std::string path = lock_path(directory);
  control::UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd) {
    return absl::PermissionDeniedError(path + ": " + errno_text(errno) +
                                       "; run this as root, or name a folder of yours with "
                                       "state_directory");
  }
  struct flock lock = whole_file();
  if (fcntl(fd.get(), F_SETLK, &lock) == 0) return InstanceLock(std::move(fd));
  const auto pid = holder(directory);
  return absl::AlreadyExistsError(
      "simplon-client runs already" +
      (pid.ok() && *pid ? ", as process " + std::to_string(**pid) : std::string()) +
      "; 'simplon-client stop' ends it");
}

absl::StatusOr<std::optional<pid_t>> InstanceLock::holder(const std::string& directory) {
  const std::string path = lock_path(directory);
  const control::UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) {
    if (errno == ENOENT) return std::nullopt;
    return absl::PermissionDeniedError(path + ": " + errno_text(errno));
  }
  struct flock lock = whole_file();
  if (fcntl(fd.get(), F_GETLK, &lock) != 0) {
    return absl::InternalError(path + ": " + errno_text(errno));
  }
  if (lock.l_type == F_UNLCK) return std::nullopt;
  return lock.l_pid;
}

}  // namespace simplon::client
