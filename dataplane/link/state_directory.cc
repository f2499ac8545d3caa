// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/link/state_directory.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string_view>
#include <thread>

#include "dataplane/state/errno_text.h"

namespace simplon {
namespace {

// The pid its owner wrote into the lock file.
std::string owner_of(int lock) {
  std::array<char, 16> text{};
  if (pread(lock, text.data(), text.size() - 1, 0) <= 0) return "unknown";
  const std::string_view line = text.data();
  return std::string(line.substr(0, line.find('\n')));
}

}  // namespace

std::unique_ptr<StateDirectory> StateDirectory::open(const std::string& path, std::string& error) {
  if (mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) {
    error = "state directory " + path + " cannot be created: " + errno_text() +
            "; create it, or choose another with --state-dir";
    return nullptr;
  }
  const std::string lock_path = path + "/lock";
  FileDescriptor lock(::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!lock) {
    error = "state directory " + path + " is not writable: " + errno_text() +
            "; run as its owner, or choose another with --state-dir";
    return nullptr;
  }
  // A process that was just killed needs a moment until the kernel has taken it down.
  bool locked = false;
  for (int attempt = 0; attempt < 10 && !locked; ++attempt) {
    if (attempt != 0) std::this_thread::sleep_for(std::chrono::milliseconds(100));
    locked = flock(lock.get(), LOCK_EX | LOCK_NB) == 0;
  }
  if (!locked) {
    error = "another dataplane is running (pid " + owner_of(lock.get()) +
            ") with state directory " + path + ": stop it, or give this one its own --state-dir";
    return nullptr;
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(lock.get(), 0) != 0 ||
      pwrite(lock.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
    error = "state directory " + path + " cannot be written: " + errno_text();
    return nullptr;
  }
  return std::unique_ptr<StateDirectory>(new StateDirectory(path, std::move(lock)));
}

bool StateDirectory::in_memory() const {
  struct statfs status {};
  if (statfs(path_.c_str(), &status) != 0) return false;
  return status.f_type == TMPFS_MAGIC || status.f_type == RAMFS_MAGIC ||
         status.f_type == HUGETLBFS_MAGIC;
}

}  // namespace simplon
