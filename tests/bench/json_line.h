// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The one form in which every benchmark reports (docs/testing.md): a line of text, or with --json
// one object per line.

#pragma once

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace simplon::bench {

// What is promised: of the ratio where there is a reference, else of the value.
struct Bar {
  double limit = 0;
  bool at_least = false;  // else at most
};

struct Measurement {
  std::string_view bench;
  std::string name;  // "case" in the output: encap/64/1000
  std::string_view metric;
  double value = 0;
  std::optional<double> reference;  // what was measured beside it, in the same run
  int runs = 1;
  std::optional<Bar> bar = std::nullopt;
};

void print(const Measurement& m, bool json);

inline double median(std::vector<double> v) {
  const auto middle = v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2);
  std::nth_element(v.begin(), middle, v.end());
  return *middle;
}

}  // namespace simplon::bench
