// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <string>
#include <system_error>

#include "control/cli/failure.h"

namespace simplon::cli {
namespace {

[[noreturn]] void fail(const std::string& path, const std::string& why) {
  throw failure(ExitCode::kError, path + ": " + why);
}

[[noreturn]] void fail(const std::string& path, const char* what, int error) {
  fail(path, std::string(what) + ": " + std::generic_category().message(error));
}

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  int get() const { return fd_; }
  bool close() {
    const int fd = fd_;
    fd_ = -1;
    return fd <= STDIN_FILENO || ::close(fd) == 0;
  }

 private:
  int fd_;
};

}  // namespace

std::string read_file(const std::string& path, std::size_t limit) {
  const bool standard_input = path == "-";
  const std::string name = standard_input ? "standard input" : path;
  // Not blocking: to open a FIFO without a writer would wait for ever.
  const Descriptor file(standard_input ? STDIN_FILENO
                                       : open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) fail(name, "cannot open", errno);
  struct stat status {};
  if (fstat(file.get(), &status) != 0) fail(name, "cannot open", errno);
  if (!standard_input && !S_ISREG(status.st_mode)) fail(name, "is not a regular file");
  std::string content;
  constexpr std::size_t kChunk = 1u << 20;
  for (;;) {
    const std::size_t size = content.size();
    if (size > limit)
      fail(name, "is larger than " + std::to_string(limit >> 20) +
                     " MiB, the most a configuration may be");
    content.resize(size + kChunk);
    const ssize_t count = read(file.get(), content.data() + size, kChunk);
    if (count < 0 && errno != EINTR) fail(name, "cannot read", errno);
    content.resize(size + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0) return content;
  }
}

namespace {

void write_file(const std::string& path, const std::string& content, mode_t mode) {
  const std::string temporary = path + ".new-" + std::to_string(getpid());
  Descriptor file(open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (file.get() < 0) fail(path, "cannot write", errno);
  for (std::size_t written = 0; written < content.size();) {
    const ssize_t count = write(file.get(), content.data() + written, content.size() - written);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int error = errno;
      unlink(temporary.c_str());
      fail(path, "cannot write", error);
    }
    written += static_cast<std::size_t>(count);
  }
  if (fsync(file.get()) != 0 || !file.close() ||
      std::rename(temporary.c_str(), path.c_str()) != 0) {
    const int error = errno;
    unlink(temporary.c_str());
    fail(path, "cannot write", error);
  }
}

}  // namespace

void write_file(const std::string& path, const std::string& content) {
  write_file(path, content, S_IRUSR | S_IWUSR | S_IRGRP | S_IROTH);
}

void write_secret_file(const std::string& path, const std::string& content) {
  struct stat status {};
  if (lstat(path.c_str(), &status) == 0) {
    if (!S_ISREG(status.st_mode)) fail(path, "is not a regular file");
    if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
      fail(path, "others may read it: chmod 600 it, or write elsewhere");
  }
  write_file(path, content, S_IRUSR | S_IWUSR);
}

}  // namespace simplon::cli
