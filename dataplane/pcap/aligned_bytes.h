// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <span>

namespace simplon::offline {

// A copy of bytes that begins at a cache line, as SnapshotView wants it.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(std::span<const std::byte> bytes)
      : memory_(std::make_unique<std::byte[]>(bytes.size() + kAlignment)), size_(bytes.size()) {
    void* start = memory_.get();
    std::size_t space = size_ + kAlignment;
    data_ = static_cast<std::byte*>(std::align(kAlignment, size_, start, space));
    if (size_ != 0) std::memcpy(data_, bytes.data(), size_);
  }

  std::span<const std::byte> bytes() const { return {data_, size_}; }

 private:
  static constexpr std::size_t kAlignment = 64;

  std::unique_ptr<std::byte[]> memory_;
  std::byte* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace simplon::offline
