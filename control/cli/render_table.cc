// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/render_table.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace simplon::cli {
namespace {

bool continues(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

std::size_t width(std::string_view text) {
  return text.size() - static_cast<std::size_t>(std::count_if(text.begin(), text.end(), continues));
}

// Length in bytes of the first `columns` columns of `text`.
std::size_t bytes_of(std::string_view text, std::size_t columns) {
  std::size_t at = 0;
  for (; at < text.size(); ++at) {
    if (continues(text[at])) continue;
    if (columns == 0) break;
    --columns;
  }
  return at;
}

void append_padded(std::string& line, std::string_view cell, std::size_t columns,
                   Column::Align align) {
  const std::size_t padding = columns - std::min(columns, width(cell));
  if (align == Column::Align::kRight) line.append(padding, ' ');
  line.append(cell);
  if (align == Column::Align::kLeft) line.append(padding, ' ');
}

void append_line(std::string& out, std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  out += line;
  out += '\n';
}

}  // namespace

std::string printable(std::string_view text, std::size_t max_width) {
  constexpr std::array<char, 16> kHex = {'0', '1', '2', '3', '4', '5', '6', '7',
                                         '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'};
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    // C0 and DEL; C1 is U+0080 to U+009F, in UTF-8 c2 80 to c2 9f.
    const bool c1 = c == 0xc2 && i + 1 < text.size() && continues(text[i + 1]) &&
                    static_cast<unsigned char>(text[i + 1]) < 0xa0;
    if (c >= 0x20 && c != 0x7f && !c1) {
      out += text[i];
      continue;
    }
    const auto code = c1 ? static_cast<unsigned char>(text[++i]) : c;
    out += "\\x";
    out += kHex[code >> 4];
    out += kHex[code & 15];
  }
  if (max_width > 3 && width(out) > max_width) {
    out.resize(bytes_of(out, max_width - 3));
    out += "...";
  }
  return out;
}

void Table::add(std::vector<std::string> cells) {
  assert(cells.size() == columns_.size());
  for (std::size_t i = 0; i < cells.size(); ++i) {
    cells[i] = printable(cells[i], columns_[i].max_width);
    if (cells[i].empty()) cells[i] = "-";
  }
  rows_.push_back(std::move(cells));
}

std::string Table::render(bool heads) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    std::size_t widest = heads ? columns_[i].head.size() : 0;
    for (const auto& row : rows_) widest = std::max(widest, width(row[i]));
    widths.push_back(widest);
  }
  std::string out;
  const auto add_row = [&](const auto& cell) {
    std::string line;
    for (std::size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) line += "  ";
      append_padded(line, cell(i), widths[i], columns_[i].align);
    }
    append_line(out, std::move(line));
  };
  if (heads) add_row([&](std::size_t i) -> const std::string& { return columns_[i].head; });
  for (const auto& row : rows_)
    add_row([&](std::size_t i) -> const std::string& { return row[i]; });
  return out;
}

void FieldList::add(std::string name, std::string value) {
  add(std::move(name), std::vector<std::string>{std::move(value)});
}

void FieldList::add(std::string name, std::vector<std::string> values) {
  for (std::string& value : values) value = printable(value);
  if (values.empty()) values.emplace_back();
  for (std::string& value : values)
    if (value.empty()) value = "-";
  fields_.emplace_back(std::move(name), std::move(values));
}

std::string FieldList::render() const {
  std::size_t widest = 0;
  for (const auto& [name, values] : fields_) widest = std::max(widest, name.size());
  std::string out;
  for (const auto& [name, values] : fields_) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      std::string line;
      append_padded(line, i == 0 ? name : "", widest, Column::Align::kLeft);
      append_line(out, line + "  " + values[i]);
    }
  }
  return out;
}

}  // namespace simplon::cli
