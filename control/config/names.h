// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What names and texts may be made of.

#pragma once

#include <string>
#include <string_view>

#include "control/config/violation.h"

namespace simplon::control {

// Names of the PoP and of pools.
constexpr bool is_name_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

// Names of dataplane ports.
constexpr bool is_port_name_character(char c) {
  return is_name_character(c) || (c >= 'A' && c <= 'Z') || c == '_' || c == '.';
}

constexpr bool is_letter_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// Names of accounts, after the first character.
constexpr bool is_account_name_character(char c) {
  return is_letter_or_digit(c) || c == '.' || c == '_' || c == '@' || c == '+' || c == '-';
}

// UTF-8 without overlong forms, surrogates and values beyond U+10FFFF (RFC 3629).
bool is_utf8(std::string_view text);

// Free text of the operator or backend, in the field `description`.
void check_description(const std::string& text, Violations& violations);

// May be empty.
void check_pop_name(std::string_view field, const std::string& name, Violations& violations);

}  // namespace simplon::control
