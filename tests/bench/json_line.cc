// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/bench/json_line.h"

#include <cstdio>

namespace simplon::bench {
namespace {

bool is_met(const Measurement& m) {
  const double value = m.reference ? m.value / *m.reference : m.value;
  return m.bar->at_least ? value >= m.bar->limit : value <= m.bar->limit;
}

}  // namespace

void print(const Measurement& m, bool json) {
  if (json) {
    std::printf(R"({"bench":"%.*s","case":"%s","metric":"%.*s","value":%.6g)",
                static_cast<int>(m.bench.size()), m.bench.data(), m.name.c_str(),
                static_cast<int>(m.metric.size()), m.metric.data(), m.value);
    if (m.reference) {
      std::printf(R"(,"reference":%.6g,"ratio":%.3g)", *m.reference, m.value / *m.reference);
    }
    if (m.bar) {
      std::printf(R"(,"%s":%.6g,"met":%s)", m.bar->at_least ? "at_least" : "at_most", m.bar->limit,
                  is_met(m) ? "true" : "false");
    }
    std::printf(",\"runs\":%d}\n", m.runs);
  } else {
    std::printf("%-10.*s %-24s %12.6g %.*s", static_cast<int>(m.bench.size()), m.bench.data(),
                m.name.c_str(), m.value, static_cast<int>(m.metric.size()), m.metric.data());
    if (m.reference) {
      std::printf("  (reference %.6g, ratio %.2f)", *m.reference, m.value / *m.reference);
    }
    std::printf("  median of %d", m.runs);
    if (m.bar) {
      std::printf("  %s %s %.6g",
                  is_met(m) ? "met:" : "NOT MET:", m.bar->at_least ? "at least" : "at most",
                  m.bar->limit);
    }
    std::printf("\n");
  }
  std::fflush(stdout);
}

}  // namespace simplon::bench
