// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What the console says to a line, and how it is framed (docs/protocols.md §12.1). Pure.

#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace simplon::control::sixxsd {

class Answer {
 public:
  explicit Answer(int code = 200) : code_(code) {}
  // One line.
  Answer(int code, std::string_view line) : code_(code) { add(line); }

  int code() const { return code_; }
  std::size_t lines() const { return lines_; }

  // Without a line end.
  void add(std::string_view line) {
    body_ += line;
    body_ += '\n';
    ++lines_;
  }
  template <typename... Arguments>
  void print(fmt::format_string<Arguments...> format, Arguments&&... arguments) {
    fmt::format_to(std::back_inserter(body_), format, std::forward<Arguments>(arguments)...);
    body_ += '\n';
    ++lines_;
  }

  // One line: `CODE LINE`. Several: `C01 COUNT`, the lines, `CODE OK`, C being the first digit of
  // the code. None: `CODE OK`.
  std::string frame() const {
    if (lines_ == 0) return fmt::format("{} OK\n", code_);
    if (lines_ == 1) return fmt::format("{} {}", code_, body_);
    std::string text = fmt::format("{}01 {}\n", code_ / 100, lines_);
    text.reserve(text.size() + body_.size() + 16);
    text += body_;
    text += fmt::format("{} OK\n", code_);
    return text;
  }

 private:
  int code_;
  std::string body_;
  std::size_t lines_ = 0;
};

}  // namespace simplon::control::sixxsd
