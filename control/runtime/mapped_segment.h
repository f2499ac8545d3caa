// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// A segment of the dataplane's in our address space, read-only. What is inside was written by
// another process: whoever looks at a header checks it first. Thread: any.

#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "control/table/unique_fd.h"

namespace simplon::control {

class MappedSegment {
 public:
  // `name`: for errors, "runtime". At least `header_size` bytes are there.
  static absl::StatusOr<MappedSegment> map(UniqueFd fd, std::string_view name,
                                           std::size_t header_size);
  MappedSegment(MappedSegment&& other) noexcept;
  MappedSegment(const MappedSegment&) = delete;
  MappedSegment& operator=(const MappedSegment&) = delete;
  MappedSegment& operator=(MappedSegment&&) = delete;
  ~MappedSegment();

  const char* data() const { return data_; }
  std::size_t size() const { return size_; }

  // `count` elements of `size` bytes from `offset` are inside the first `total` bytes.
  static bool fits(uint64_t total, uint64_t offset, uint64_t count, uint64_t size) {
    return offset <= total && count <= (total - offset) / size && offset % 64 == 0;
  }

 private:
  MappedSegment(const char* data, std::size_t size) : data_(data), size_(size) {}

  const char* data_;
  std::size_t size_;
};

// FAILED_PRECONDITION that says what to look at.
absl::Status unusable_segment(std::string_view name, std::string_view why);

}  // namespace simplon::control
