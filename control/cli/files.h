// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstddef>
#include <string>

namespace simplon::cli {

inline constexpr std::size_t kMaxFileBytes = 256u << 20;

// The whole file; "-" is standard input. Throws Failure: not there, not readable, no file,
// more than `limit` bytes.
std::string read_file(const std::string& path, std::size_t limit = kMaxFileBytes);

// Replaces the file, whole or not at all. Throws Failure.
void write_file(const std::string& path, const std::string& content);

// The same for secrets: the file is its owner's alone (0600). Where one is there that others can
// read, nothing is written, because somebody may count on reading it.
void write_secret_file(const std::string& path, const std::string& content);

}  // namespace simplon::cli
