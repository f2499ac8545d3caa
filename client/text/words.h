// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Taking apart text that a person or a server wrote. Any thread.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace simplon::client {

// Without spaces, tabs and CR at either end.
std::string_view trim(std::string_view text);

// The words between spaces and tabs.
std::vector<std::string_view> split_words(std::string_view text);

// The lines without their LF; the last one need not have one.
std::vector<std::string_view> split_lines(std::string_view text);

std::string to_lower(std::string_view text);

// Digits only, at most `maximum`.
std::optional<uint64_t> parse_number(std::string_view text, uint64_t maximum);

// true, yes, on, 1 and false, no, off, 0, in any case.
std::optional<bool> parse_boolean(std::string_view text);

// What a stranger sent, fit for a terminal and a log: control characters and all that is not
// ASCII become '?', and it ends after `maximum` bytes.
std::string printable(std::string_view text, std::size_t maximum = 200);

// Visible ASCII without spaces, 1..maximum bytes: it goes into a line of a protocol.
bool is_word(std::string_view text, std::size_t maximum);

}  // namespace simplon::client
