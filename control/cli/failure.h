// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <string>
#include <utility>
#include <vector>

namespace simplon::cli {

// What scripts can tell from the end of simplonctl.
enum class ExitCode : int {
  kOk = 0,
  kError = 1,        // refused, or something else went wrong
  kUsage = 2,        // the command line itself
  kNotFound = 3,     // no such tunnel, pool, revision, ...
  kConflict = 4,     // exists already, changed in between, in use, waits for confirmation
  kUnavailable = 5,  // control, or the dataplane behind it, cannot be reached in time
};

// Thrown by whatever cannot go on; main() prints the lines to standard error and ends with the
// code.
struct Failure {
  ExitCode code = ExitCode::kError;
  // One error each, with field and reason, without a newline. A line that begins with a place in a
  // file (`FILE:LINE:COLUMN:`) has `located` and is printed as it is; others get `simplonctl: `.
  std::vector<std::string> lines;
  bool located = false;
};

inline Failure failure(ExitCode code, std::string line) {
  return Failure{code, {std::move(line)}, false};
}

}  // namespace simplon::cli
