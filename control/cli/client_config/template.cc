// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/client_config/template.h"

#include <algorithm>
#include <optional>

namespace simplon::cli {
namespace {

constexpr std::string_view kLineBreak = "@/@";

bool is_name(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

// The name of the fact that begins at text[at], which is '@'; empty: it is only an '@'.
std::string_view name_at(std::string_view text, std::size_t at) {
  const std::size_t end = text.find('@', at + 1);
  if (end == std::string_view::npos) return {};
  const std::string_view name = text.substr(at + 1, end - at - 1);
  return is_name(name) ? name : std::string_view();
}

// The conditions at the start of the line, which are taken off it.
bool is_wanted(std::string_view& line, const Facts& facts) {
  bool wanted = true;
  while (line.starts_with("@?") || line.starts_with("@!")) {
    const std::string_view name = line.substr(2, line.find('@', 2) - 2);
    wanted &= (facts.find(name) != nullptr) == (line[1] == '?');
    line.remove_prefix(name.size() + 3);
  }
  return wanted;
}

// The line with the values number `index` of its facts; nullopt: a fact is absent. `count`: of the
// fact with most values.
std::optional<std::string> fill_line(std::string_view line, const Facts& facts, std::size_t index,
                                     std::size_t& count) {
  std::string out;
  for (std::size_t at = 0; at < line.size();) {
    if (line.substr(at).starts_with(kLineBreak)) {
      out += '\n';
      at += kLineBreak.size();
      continue;
    }
    const std::string_view name = line[at] == '@' ? name_at(line, at) : std::string_view();
    if (name.empty()) {
      out += line[at++];
      continue;
    }
    const std::vector<std::string>* const values = facts.find(name);
    if (values == nullptr) return std::nullopt;
    count = std::max(count, values->size());
    out += (*values)[std::min(index, values->size() - 1)];
    at += name.size() + 2;
  }
  return out;
}

}  // namespace

std::string fill(std::string_view text, const Facts& facts) {
  std::string out;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!is_wanted(line, facts)) continue;
    std::size_t count = 1;
    for (std::size_t i = 0; i < count; ++i) {
      const auto filled = fill_line(line, facts, i, count);
      if (!filled) break;
      out += *filled + "\n";
    }
  }
  return out;
}

}  // namespace simplon::cli
