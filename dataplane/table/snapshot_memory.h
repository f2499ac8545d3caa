// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What snapshots are copied into: private memory in huge pages, reserved ones if there are enough,
// else transparent ones if the kernel gives them.

#pragma once

#include <cstddef>
#include <memory>

namespace simplon {

class SnapshotMemory;

// Deleter of mapped memory.
struct Unmapper {
  std::size_t size = 0;
  SnapshotMemory* home = nullptr;  // gets it back; null: it is unmapped
  void operator()(std::byte* data) const;
};
using SnapshotMapping = std::unique_ptr<std::byte, Unmapper>;

// Keeps the memory of the last snapshot that is gone for the next: to get as much from the kernel
// costs about as much as to check what is copied into it. So there is always that of two. What was
// in it stays there until it is written again. One thread; outlives what it gave.
class SnapshotMemory {
 public:
  SnapshotMemory() = default;
  SnapshotMemory(const SnapshotMemory&) = delete;
  SnapshotMemory& operator=(const SnapshotMemory&) = delete;

  // Writable, at least `size` bytes that hold anything; null with errno set. Goes back to `home`,
  // which may be null.
  static SnapshotMapping take(std::size_t size, SnapshotMemory* home);

  std::size_t spare_bytes() const { return spare_ ? spare_.get_deleter().size : 0; }

 private:
  friend struct Unmapper;
  void keep(std::byte* data, std::size_t size);

  SnapshotMapping spare_;  // without a home
};

}  // namespace simplon
