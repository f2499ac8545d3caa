// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace simplon::client {

// Bytes from a server in, lines out. Bounded: a server that never ends its line, or never ends,
// is cut off. One thread.
class LineBuffer {
 public:
  static constexpr std::size_t kLongestLine = 1024;  // bytes, CR and LF not counted
  static constexpr std::size_t kMost = 256 * 1024;   // bytes of a whole session

  // False: too much; nothing is kept.
  [[nodiscard]] bool append(std::string_view bytes) {
    total_ += bytes.size();
    if (total_ > kMost) return false;
    bytes_ += bytes;
    const std::size_t end = bytes_.find('\n');
    return end != std::string::npos || bytes_.size() <= kLongestLine + 1;
  }

  // The next line without LF and CR; nothing if there is none yet.
  std::optional<std::string> next() {
    const std::size_t end = bytes_.find('\n');
    if (end == std::string::npos) return {};
    std::string line = bytes_.substr(0, end);
    bytes_.erase(0, end + 1);
    if (!line.empty() && line.back() == '\r') line.pop_back();
    return line;
  }

  // Forgets what has not been read; returns how many bytes that was.
  std::size_t discard() {
    const std::size_t size = bytes_.size();
    bytes_.clear();
    return size;
  }

 private:
  std::string bytes_;
  std::size_t total_ = 0;
};

}  // namespace simplon::client
