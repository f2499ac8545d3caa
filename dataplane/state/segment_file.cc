// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/state/segment_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "dataplane/state/errno_text.h"

namespace simplon {
namespace {

std::string with_errno(const std::string& what) {
  return what + ": " + errno_text();
}

}  // namespace

uint64_t random_segment_id() {
  uint64_t id = 0;
  while (id == 0) {
    if (getrandom(&id, sizeof id, 0) != sizeof id) id = static_cast<uint64_t>(getpid());
  }
  return id;
}

std::optional<SegmentFile> SegmentFile::open(const std::string& directory, const Shape& shape,
                                             std::string& error) {
  const std::string path = directory + "/" + shape.name;
  std::string refusal;
  if (auto known = reopen(path, shape, refusal)) {
    known->origin_ = Origin::kReopened;
    return known;
  }
  if (!refusal.empty()) {
    const std::string aside = path + ".old";
    if (std::rename(path.c_str(), aside.c_str()) != 0) {
      error = with_errno("cannot move " + path + " (" + refusal + ") to " + aside);
      return std::nullopt;
    }
  }
  auto segment = create(path, shape, error);
  if (segment && !refusal.empty()) {
    segment->origin_ = Origin::kReplaced;
    segment->refusal_ = refusal;
  }
  return segment;
}

// Nullopt with an empty `refusal`: there is no such file.
std::optional<SegmentFile> SegmentFile::reopen(const std::string& path, const Shape& shape,
                                               std::string& refusal) {
  const FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) {
    if (errno != ENOENT) refusal = with_errno("cannot be opened");
    return std::nullopt;
  }
  struct stat status {};
  if (fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    refusal = "not a regular file";
    return std::nullopt;
  }
  if (static_cast<uint64_t>(status.st_size) < kSegmentPage) {
    refusal = "shorter than its header";
    return std::nullopt;
  }
  SegmentFile segment;
  if (!segment.map(fd.get(), static_cast<uint64_t>(status.st_size), refusal)) return std::nullopt;
  refusal = shape.refusal(segment.data_);
  if (refusal.empty() && segment.size_ != shape.size) refusal = "truncated or extended";
  if (!refusal.empty()) return std::nullopt;
  // Whoever restored it from a copy may have left holes.
  const int full = posix_fallocate(fd.get(), 0, static_cast<off_t>(shape.allocated));
  if (full != 0) {
    refusal = "no room to fill its holes: " + errno_text(full);
    return std::nullopt;
  }
  return segment;
}

std::optional<SegmentFile> SegmentFile::create(const std::string& path, const Shape& shape,
                                               std::string& error) {
  const std::string temporary = path + ".new";
  unlink(temporary.c_str());
  const FileDescriptor fd(
      ::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) {
    error = with_errno("cannot create " + temporary);
    return std::nullopt;
  }
  if (ftruncate(fd.get(), static_cast<off_t>(shape.size)) != 0) {
    error = with_errno("cannot size " + temporary);
    return std::nullopt;
  }
  const int full = posix_fallocate(fd.get(), 0, static_cast<off_t>(shape.allocated));
  if (full != 0) {
    error = "no room for " + temporary + " (" + std::to_string(shape.allocated >> 10) +
            " KiB): " + errno_text(full);
    unlink(temporary.c_str());
    return std::nullopt;
  }
  SegmentFile segment;
  if (!segment.map(fd.get(), shape.size, error)) return std::nullopt;
  shape.initialize(segment.data_);
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    error = with_errno("cannot rename " + temporary + " to " + path);
    return std::nullopt;
  }
  return segment;
}

bool SegmentFile::map(int fd, uint64_t size, std::string& error) {
  void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (p == MAP_FAILED) {
    error = with_errno("cannot map the segment");
    return false;
  }
  data_ = static_cast<std::byte*>(p);
  size_ = size;
  // A second open file description: passing on the writable one would let a reader write.
  const std::string self = "/proc/self/fd/" + std::to_string(fd);
  read_only_fd_ = FileDescriptor(::open(self.c_str(), O_RDONLY | O_CLOEXEC));
  if (!read_only_fd_) {
    error = with_errno("cannot open the segment for readers");
    return false;
  }
  return true;
}

SegmentFile::SegmentFile(SegmentFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(other.size_),
      read_only_fd_(std::move(other.read_only_fd_)),
      origin_(other.origin_),
      refusal_(std::move(other.refusal_)) {}

SegmentFile& SegmentFile::operator=(SegmentFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  std::swap(read_only_fd_, other.read_only_fd_);
  origin_ = other.origin_;
  refusal_ = std::move(other.refusal_);
  return *this;
}

SegmentFile::~SegmentFile() {
  if (data_ != nullptr) munmap(data_, size_);
}

}  // namespace simplon
