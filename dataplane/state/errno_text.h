// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cerrno>
#include <string>
#include <system_error>

namespace simplon {

// What an errno means, in words. Any thread, unlike strerror().
inline std::string errno_text(int error = errno) {
  return std::generic_category().message(error);
}

}  // namespace simplon
