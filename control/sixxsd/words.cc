// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/sixxsd/words.h"

#include <algorithm>
#include <utility>

namespace simplon::control::sixxsd {
namespace {

constexpr std::size_t kMaxPrinted = 128;

bool is_separator(char c) {
  // A line of a file from elsewhere may end in CR.
  return c == ' ' || c == '\t' || c == '\r';
}

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
}

char escaped(char c) {
  constexpr std::string_view kLetters = "abfnrtv";
  constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v";
  const std::size_t at = kLetters.find(c);
  return at == kLetters.npos ? c : kMeanings[at];
}

std::string_view content(std::string_view line) {
  const auto first = std::ranges::find_if_not(line, is_separator);
  return line.substr(std::size_t(first - line.begin()));
}

}  // namespace

Words split_words(std::string_view line) {
  Words out;
  if (line.size() > kMaxLine) {
    out.fault = "the line is too long: at most 1023 bytes";
    return out;
  }
  std::string word;
  bool in_word = false;
  bool quoted = false;
  const auto end_word = [&] {
    if (in_word) out.words.push_back(std::exchange(word, {}));
    in_word = false;
  };
  for (std::size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"') {
      // A quote begins a word of its own, and ends it.
      end_word();
      quoted = !quoted;
      in_word = quoted;
      continue;
    }
    if (!quoted && is_separator(c)) {
      end_word();
      continue;
    }
    in_word = true;
    if (c == '\\') {
      if (++i == line.size()) {
        out.fault = "there is nothing behind the backslash at the end";
        return out;
      }
      word += escaped(line[i]);
    } else {
      word += c;
    }
    if (out.words.size() >= kMaxWords) {
      out.fault = "too many words";
      return out;
    }
  }
  if (quoted) {
    out.fault = "the quotes are not closed";
    return out;
  }
  end_word();
  return out;
}

bool is_blank(std::string_view line) {
  return content(line).empty();
}

bool is_comment(std::string_view line) {
  const std::string_view text = content(line);
  return text.starts_with('#') || text.starts_with("//");
}

std::string printable(std::string_view text) {
  std::string out(text.substr(0, kMaxPrinted));
  for (char& c : out) {
    if (c < ' ' || c > '~') c = '?';
  }
  if (text.size() > kMaxPrinted) out += "...";
  return out;
}

bool same_word(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace simplon::control::sixxsd
