// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// A line of the original daemon's command language, taken apart (docs/protocols.md §12.2). Pure;
// thread: any.

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace simplon::control::sixxsd {

// A line longer than this is refused; the longest command there is has some 250.
inline constexpr std::size_t kMaxLine = 1023;
inline constexpr std::size_t kMaxWords = 127;

struct Words {
  std::vector<std::string> words;
  const char* fault = nullptr;  // why the line is refused, for people; null: it is not
};

// Blanks and tabs separate; "..." keeps them together, and may be empty; a backslash takes the next
// character as it is, except \a \b \f \n \r \t \v, which mean what they mean in C.
Words split_words(std::string_view line);

// Is there nothing but blanks, or a comment (# or //)?
bool is_blank(std::string_view line);
bool is_comment(std::string_view line);

// A word of the user's as it may be printed in a reply or a message: one line of printable ASCII.
std::string printable(std::string_view text);

// ASCII only, whatever the locale.
bool same_word(std::string_view a, std::string_view b);

}  // namespace simplon::control::sixxsd
