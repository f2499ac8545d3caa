// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace simplon::cli {

// Text for a terminal: control characters (which could drive it) become \xNN, and text longer than
// `max_width` columns (0: any) ends in "...". Counts a UTF-8 sequence as one column.
std::string printable(std::string_view text, std::size_t max_width = 0);

struct Column {
  std::string head;  // upper case, with the unit where there is one, no spaces
  enum class Align : uint8_t { kLeft, kRight } align = Align::kLeft;
  std::size_t max_width = 0;  // longer cells are cut; 0: never
};

inline Column left(const char* head, std::size_t max_width = 0) {
  return {head, Column::Align::kLeft, max_width};
}
inline Column right(const char* head) {
  return {head, Column::Align::kRight, 0};
}

// Rows under heads, two spaces between columns, "-" in empty cells, no lines, no trailing spaces.
class Table {
 public:
  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}

  // As many cells as columns.
  void add(std::vector<std::string> cells);
  std::string render(bool heads) const;

 private:
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// One name and its values on each line; further values below the first.
class FieldList {
 public:
  void add(std::string name, std::string value);
  void add(std::string name, std::vector<std::string> values);
  std::string render() const;

 private:
  std::vector<std::pair<std::string, std::vector<std::string>>> fields_;
};

}  // namespace simplon::cli
