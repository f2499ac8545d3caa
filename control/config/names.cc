// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/config/names.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace simplon::control {

namespace {

constexpr std::size_t kMaxDescription = 256;
constexpr std::size_t kMaxPopName = 32;

}  // namespace

bool is_utf8(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    const auto lead = static_cast<unsigned char>(text[i++]);
    if (lead < 0x80) continue;
    int more = 0;
    uint32_t value = 0;
    uint32_t lowest = 0;
    if ((lead & 0xe0) == 0xc0) {
      more = 1, value = lead & 0x1fu, lowest = 0x80;
    } else if ((lead & 0xf0) == 0xe0) {
      more = 2, value = lead & 0x0fu, lowest = 0x800;
    } else if ((lead & 0xf8) == 0xf0) {
      more = 3, value = lead & 0x07u, lowest = 0x10000;
    } else {
      return false;
    }
    for (; more > 0; --more) {
      if (i == text.size()) return false;
      const auto next = static_cast<unsigned char>(text[i++]);
      if ((next & 0xc0) != 0x80) return false;
      value = value << 6 | (next & 0x3fu);
    }
    const bool surrogate = value >= 0xd800 && value <= 0xdfff;
    if (value < lowest || value > 0x10ffff || surrogate) return false;
  }
  return true;
}

void check_description(const std::string& text, Violations& violations) {
  if (text.size() > kMaxDescription) {
    violations.add("description", reason::kTooLong, "at most 256 bytes");
  } else if (!is_utf8(text)) {
    violations.add("description", reason::kBadText, "not UTF-8");
  }
}

void check_pop_name(std::string_view field, const std::string& name, Violations& violations) {
  if (name.size() > kMaxPopName) {
    violations.add(field, reason::kTooLong, "at most 32 characters");
  } else if (!std::all_of(name.begin(), name.end(), is_name_character)) {
    violations.add(field, reason::kBadName, "only a-z, 0-9 and '-'");
  }
}

}  // namespace simplon::control
