// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/config/names.h"

#include <cstddef>
#include <cstdint>

namespace simplon::control {

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

}  // namespace simplon::control
