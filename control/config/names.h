// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What names and texts may be made of.

#pragma once

#include <string_view>

namespace simplon::control {

// Names of the PoP and of pools.
constexpr bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

// Names of dataplane ports.
constexpr bool is_port_name_character(char c) {
  return is_name_character(c) || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
}

// UTF-8 without overlong forms, surrogates and values beyond U+10FFFF (RFC 3629).
bool is_utf8(std::string_view text);

}  // namespace simplon::control
