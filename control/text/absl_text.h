// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Debian's Abseil has a string_view of its own. Interfaces use the standard one; this is the
// bridge.

#pragma once

#include <absl/strings/string_view.h>

#include <string>
#include <string_view>

namespace simplon::control {

inline absl::string_view ToAbsl(std::string_view text) {
  return {text.data(), text.size()};
}
inline std::string to_string(absl::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace simplon::control
