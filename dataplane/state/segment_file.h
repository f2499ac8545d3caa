// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What the segments (proto/link/segment_format.h) have in common on their owner's side: a file in
// the state directory that outlives the process, mapped for writing, with a read-only descriptor
// for others. Manager thread.

#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <new>
#include <optional>
#include <string>

#include "dataplane/state/file_descriptor.h"

namespace simplon {

inline constexpr uint64_t kSegmentPage = 4096;  // the header has the first page

class SegmentFile {
 public:
  enum class Origin { kCreated, kReopened, kReplaced };

  struct Shape {
    const char* name = nullptr;  // of the file
    uint64_t size = 0;
    // Bytes from the start that are given room on the file system: all that is written while
    // packets flow, because a full file system would be a SIGBUS there.
    uint64_t allocated = 0;
    // Why what another process left is not gone on with; empty: it is. Given the mapping, at least
    // a page of it.
    std::function<std::string(const std::byte* start)> refusal;
    // Writes the header of a new file, which is zero; what makes it valid goes last.
    std::function<void(std::byte* start)> initialize;
  };

  // Goes on with DIRECTORY/name if it fits the shape; else moves it aside as name.old and creates a
  // new one. A reader that has the old file mapped keeps it: no file is ever truncated or
  // overwritten. Nullopt: `error` says what failed.
  static std::optional<SegmentFile> open(const std::string& directory, const Shape& shape,
                                         std::string& error);

  SegmentFile() = default;
  SegmentFile(SegmentFile&& other) noexcept;
  SegmentFile& operator=(SegmentFile&& other) noexcept;
  ~SegmentFile();

  Origin origin() const { return origin_; }
  // Why the file that was there was not taken; for kReplaced.
  const std::string& refusal() const { return refusal_; }

  std::byte* data() const { return data_; }
  // For readers in other processes.
  int read_only_fd() const { return read_only_fd_.get(); }

 private:
  static std::optional<SegmentFile> reopen(const std::string& path, const Shape& shape,
                                           std::string& refusal);
  static std::optional<SegmentFile> create(const std::string& path, const Shape& shape,
                                           std::string& error);
  bool map(int fd, uint64_t size, std::string& error);

  std::byte* data_ = nullptr;
  uint64_t size_ = 0;
  FileDescriptor read_only_fd_;
  Origin origin_ = Origin::kCreated;
  std::string refusal_;
};

// Never 0.
uint64_t random_segment_id();

// The part of the comparison that is the same for all headers. `what`: "counters".
template <typename Header>
std::string compare_segments(const Header& found, const Header& expected, const char* what) {
  if (std::memcmp(found.magic, expected.magic, sizeof found.magic) != 0) {
    return std::string("not a ") + what + " segment";
  }
  if (found.abi_major != expected.abi_major) {
    return "ABI " + std::to_string(found.abi_major) + ", this program has " +
           std::to_string(expected.abi_major);
  }
  // Pairs with the release in initialize_segment(): who sees it ready sees the rest.
  if (found.ready.load(std::memory_order_acquire) != 1) return "its creation was interrupted";
  return {};
}

// `describe` fills in all but `ready` and `instance_id`. A header holds an atomic, so it cannot be
// copied.
template <typename Header, typename Describe>
void initialize_segment(std::byte* start, Describe describe) {
  Header& header = *new (start) Header{};
  describe(header);
  header.instance_id = random_segment_id();
  // Last: who sees it sees the rest. Pairs with the acquire in compare_segments() and in readers.
  header.ready.store(1, std::memory_order_release);
}

}  // namespace simplon
