// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/link/snapshot_keeper.h"

#include <fcntl.h>
#include <pthread.h>
#include <spdlog/spdlog.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <utility>
#include <vector>

#include "dataplane/state/errno_text.h"

namespace simplon {
namespace {

using Clock = std::chrono::steady_clock;

// As many times as long as a copy took the thread rests afterwards.
constexpr int kRest = 10;
constexpr int kNice = 10;

bool write_all(int fd, const std::byte* data, std::size_t size, off_t at) {
  while (size > 0) {
    const ssize_t n = pwrite(fd, data, size, at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data += n;
    size -= static_cast<std::size_t>(n);
    at += n;
  }
  return true;
}

// Copies without storing zeroes: most of a table made for a million tunnels is empty.
bool copy_sparse(int from, int to, uint64_t size) {
  if (ftruncate(to, static_cast<off_t>(size)) != 0) return false;
  static constexpr std::size_t kChunk = 4096;
  std::vector<std::byte> buffer(std::size_t{1} << 20);
  for (uint64_t at = 0; at < size;) {
    const std::size_t want = std::min<uint64_t>(buffer.size(), size - at);
    const ssize_t n = pread(from, buffer.data(), want, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    const auto length = static_cast<std::size_t>(n);
    for (std::size_t c = 0; c < length; c += kChunk) {
      const std::size_t part = std::min(kChunk, length - c);
      const auto chunk = buffer.begin() + static_cast<std::ptrdiff_t>(c);
      if (std::all_of(chunk, chunk + static_cast<std::ptrdiff_t>(part),
                      [](std::byte b) { return b == std::byte{0}; })) {
        continue;
      }
      if (!write_all(to, &*chunk, part, static_cast<off_t>(at + c))) return false;
    }
    at += length;
  }
  return true;
}

}  // namespace

SnapshotKeeper::~SnapshotKeeper() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void SnapshotKeeper::keep(int fd, uint64_t size) {
  if (path_.empty()) return;
  FileDescriptor own(fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!own) {
    spdlog::error("event=snapshot_not_kept file={} error=\"{}\"", path_, errno_text());
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    next_.emplace(Snapshot{std::move(own), size});
  }
  if (!thread_.joinable()) {
    thread_ = std::thread([this] { run(); });
    pthread_setname_np(thread_.native_handle(), "keeper");
  }
  changed_.notify_all();
}

void SnapshotKeeper::run() {
  // Of this thread alone, on Linux. The next publish, on the same CPU, comes first.
  setpriority(PRIO_PROCESS, 0, kNice);
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return stopping_ || next_; });
    if (!next_) return;
    Snapshot snapshot = std::exchange(next_, std::nullopt).value();
    lock.unlock();
    const Clock::time_point start = Clock::now();
    write(snapshot);
    snapshot.fd.reset();  // which frees it
    const Clock::duration rest = (Clock::now() - start) * kRest;
    lock.lock();
    changed_.wait_for(lock, rest, [&] { return stopping_; });
  }
}

void SnapshotKeeper::write(const Snapshot& snapshot) const {
  const std::string temporary = path_ + ".new";
  unlink(temporary.c_str());
  const FileDescriptor out(
      ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!out || !copy_sparse(snapshot.fd.get(), out.get(), snapshot.size) ||
      std::rename(temporary.c_str(), path_.c_str()) != 0) {
    spdlog::error("event=snapshot_not_kept file={} error=\"{}\"", path_, errno_text());
    unlink(temporary.c_str());
  }
}

}  // namespace simplon
