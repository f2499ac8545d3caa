// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>

#include "tests/bench/huge_memory.h"
#include "tests/bench/traffic.h"

namespace simplon::bench {

// Frames close together, as they are copied from.
class FrameStore {
 public:
  static constexpr std::size_t kStride = 256;

  explicit FrameStore(std::size_t count) : memory_(count * kStride), count_(count) {}

  std::size_t size() const { return count_; }
  void set(std::size_t index, const uint8_t* frame, std::size_t length) {
    uint8_t* at = memory_.data() + index * kStride;
    std::memcpy(at, frame, length);
    const auto stored = static_cast<uint16_t>(length);
    std::memcpy(at + kStride - sizeof stored, &stored, sizeof stored);
  }
  uint16_t length(std::size_t index) const {
    uint16_t stored;
    std::memcpy(&stored, memory_.data() + index * kStride + kStride - sizeof stored, sizeof stored);
    return stored;
  }
  const uint8_t* frame(std::size_t index) const { return memory_.data() + index * kStride; }

 private:
  HugeArray<uint8_t> memory_;
  std::size_t count_;
};

// 8192 frames of random tunnels, both directions in turn.
std::unique_ptr<FrameStore> make_frames(const Plan& plan, std::size_t inner_length);

}  // namespace simplon::bench
