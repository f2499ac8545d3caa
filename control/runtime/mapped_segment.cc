// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/runtime/mapped_segment.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <utility>

#include "control/text/absl_text.h"
#include "dataplane/state/errno_text.h"

namespace simplon::control {

absl::Status unusable_segment(std::string_view name, std::string_view why) {
  return absl::FailedPreconditionError(ToAbsl(
      fmt::format("{} segment: {}; are control and dataplane of the same release?", name, why)));
}

absl::StatusOr<MappedSegment> MappedSegment::map(UniqueFd fd, std::string_view name,
                                                 std::size_t header_size) {
  struct stat info {};
  if (fstat(fd.get(), &info) != 0) return unusable_segment(name, errno_text());
  if (info.st_size < off_t(header_size)) {
    return unusable_segment(name, "is shorter than its header");
  }
  const auto size = std::size_t(info.st_size);
  void* data = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (data == MAP_FAILED) return unusable_segment(name, errno_text());
  return MappedSegment(static_cast<const char*>(data), size);
}

MappedSegment::MappedSegment(MappedSegment&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(other.size_) {}

MappedSegment::~MappedSegment() {
  if (data_ != nullptr) munmap(const_cast<char*>(data_), size_);
}

}  // namespace simplon::control
