// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/text/words.h"

#include <algorithm>
#include <charconv>

namespace simplon::client {

namespace {

constexpr std::string_view kBlank = " \t\r";

bool is_visible(char c) {
  return c > ' ' && c < 0x7f;
}

}  // namespace

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::vector<std::string_view> split_words(std::string_view text) {
  std::vector<std::string_view> words;
  while (!(text = trim(text)).empty()) {
    const std::size_t end = std::min(text.find_first_of(kBlank), text.size());
    words.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

std::vector<std::string_view> split_lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::optional<uint64_t> parse_number(std::string_view text, uint64_t maximum) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value > maximum) return {};
  return value;
}

std::optional<bool> parse_boolean(std::string_view text) {
  const std::string word = to_lower(text);
  if (word == "true" || word == "yes" || word == "on" || word == "1") return true;
  if (word == "false" || word == "no" || word == "off" || word == "0") return false;
  return {};
}

std::string printable(std::string_view text, std::size_t maximum) {
  const bool cut = text.size() > maximum;
  std::string safe(text.substr(0, maximum));
  for (char& c : safe) {
    if (c != ' ' && !is_visible(c)) c = '?';
  }
  if (cut) safe += "...";
  return safe;
}

bool is_word(std::string_view text, std::size_t maximum) {
  return !text.empty() && text.size() <= maximum &&
         std::all_of(text.begin(), text.end(), is_visible);
}

}  // namespace simplon::client
