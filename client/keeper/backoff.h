// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <optional>

namespace simplon::client {

// How long to wait after a failure: from `first` on twice as long each time, to `most`; a wait
// that the server has announced is honoured.
class Backoff {
 public:
  Backoff(std::chrono::seconds first, std::chrono::seconds most)
      : first_(first), most_(most), next_(first) {}

  std::chrono::seconds after_failure(std::optional<uint32_t> announced_s = {}) {
    const auto wait = std::max(next_, std::chrono::seconds(announced_s.value_or(0)));
    next_ = std::min(next_ * 2, most_);
    return wait;
  }
  void reset() { next_ = first_; }

 private:
  std::chrono::seconds first_;
  std::chrono::seconds most_;
  std::chrono::seconds next_;
};

}  // namespace simplon::client
