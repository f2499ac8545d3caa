// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/sixxsd/error_names.h"

#include <algorithm>

#include "control/runtime/ledger_reader.h"
#include "control/sixxsd/words.h"

namespace simplon::control::sixxsd {
namespace {

constexpr std::string_view kReasons[] = {
#define X(number, name, reasons) reasons,
#include "control/sixxsd/error_names.def"
#undef X
};

constexpr int8_t kNone = -1;

bool names(std::string_view list, std::string_view name) {
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(' '), list.size());
    if (list.substr(0, end) == name) return true;
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return false;
}

std::array<int8_t, 256> make_table() {
  std::array<int8_t, 256> table{};
  table.fill(kNone);
  for (std::size_t reason = 0; reason < table.size(); ++reason) {
    const std::string_view name = name_of_fault(uint8_t(reason)).name;
    if (name.empty()) continue;
    for (std::size_t i = 0; i < kErrorCount; ++i) {
      if (names(kReasons[i], name)) table[reason] = int8_t(i);
    }
  }
  return table;
}

}  // namespace

std::optional<std::size_t> error_of(uint8_t reason) {
  static const std::array<int8_t, 256> table = make_table();
  if (table[reason] == kNone) return std::nullopt;
  return std::size_t(table[reason]);
}

std::optional<std::size_t> find_error(std::string_view name) {
  for (std::size_t i = 0; i < kErrorCount; ++i) {
    if (same_word(kErrorNames[i], name)) return i;
  }
  return std::nullopt;
}

}  // namespace simplon::control::sixxsd
