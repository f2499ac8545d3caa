// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "proto/link/snapshot_format.h"

namespace simplon::control {

// The passwords section while it is made: texts in one block of memory, addressed by offset. The
// room of one that goes is wiped and kept for the next of the same length, and passwords of a PoP
// tend to have one length. Not synchronised.
class PasswordArena {
 public:
  // At most kMaxPasswordLength characters, at least one. Returns the offset.
  uint32_t add(std::string_view text) {
    std::vector<uint32_t>& free = free_[text.size()];
    if (free.empty()) {
      const auto offset = static_cast<uint32_t>(bytes_.size());
      bytes_.insert(bytes_.end(), text.begin(), text.end());
      return offset;
    }
    const uint32_t offset = free.back();
    free.pop_back();
    std::copy(text.begin(), text.end(), bytes_.begin() + offset);
    return offset;
  }

  void remove(uint32_t offset, std::size_t length) {
    std::fill_n(bytes_.begin() + offset, length, '\0');
    free_[length].push_back(offset);
  }

  std::span<const char> bytes() const { return bytes_; }

 private:
  std::vector<char> bytes_;
  std::array<std::vector<uint32_t>, kMaxPasswordLength + 1> free_;
};

}  // namespace simplon::control
