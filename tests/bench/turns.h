// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// A figure and its reference, measured in turns close together. What neighbours on the same machine
// do changes from second to second, so the turn with the median ratio is what is reported, not
// medians of what was measured at different times.

#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

namespace simplon::bench {

struct Turn {
  double value = 0;
  double reference = 0;
  double ratio() const { return value / reference; }
};

inline Turn middle(std::vector<Turn> turns) {
  const auto at = turns.begin() + static_cast<std::ptrdiff_t>(turns.size() / 2);
  std::nth_element(turns.begin(), at, turns.end(),
                   [](const Turn& a, const Turn& b) { return a.ratio() < b.ratio(); });
  return *at;
}

}  // namespace simplon::bench
