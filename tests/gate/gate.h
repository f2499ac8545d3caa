// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// How a program tells callgrind what to count: it runs each case between start() and stop().
// callgrind writes the counts of each into a file of its own, by number, and the program says which
// is which (tests/gate/check.py). Without valgrind nothing is counted.

#pragma once

#include <valgrind/callgrind.h>

#include <cstddef>
#include <cstdio>
#include <string>

namespace simplon::gate {

inline void start() {
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
}

// `name`: what the file of limits calls it. `units`: what was done that often meanwhile.
inline void stop(const std::string& name, std::size_t units) {
  CALLGRIND_DUMP_STATS;
  CALLGRIND_STOP_INSTRUMENTATION;
  std::printf("%s %zu\n", name.c_str(), units);
}

}  // namespace simplon::gate
