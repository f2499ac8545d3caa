// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/bench/json_line.h"

#include <cstdio>

namespace simplon::bench {

void print(const Measurement& m, bool json) {
  if (json) {
    std::printf(R"({"bench":"%.*s","case":"%s","metric":"%.*s","value":%.6g)",
                static_cast<int>(m.bench.size()), m.bench.data(), m.name.c_str(),
                static_cast<int>(m.metric.size()), m.metric.data(), m.value);
    if (m.reference) {
      std::printf(R"(,"reference":%.6g,"ratio":%.3g)", *m.reference, m.value / *m.reference);
    }
    std::printf(",\"runs\":%d}\n", m.runs);
  } else {
    std::printf("%-10.*s %-24s %12.6g %.*s", static_cast<int>(m.bench.size()), m.bench.data(),
                m.name.c_str(), m.value, static_cast<int>(m.metric.size()), m.metric.data());
    if (m.reference) {
      std::printf("  (reference %.6g, ratio %.2f)", *m.reference, m.value / *m.reference);
    }
    std::printf("  median of %d\n", m.runs);
  }
  std::fflush(stdout);
}

}  // namespace simplon::bench
