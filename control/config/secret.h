// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Passwords of tunnels. None of the texts made here contains one.

#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "simplon/v1/config.pb.h"

namespace simplon::control {

inline constexpr std::size_t kMinPasswordLength = 16;

using Sha1Digest = std::array<uint8_t, 20>;

// FIPS 180-4. Never all zero for anything a password may be, as far as anybody knows.
Sha1Digest sha1(std::string_view text);

// What is wrong with a password, for people; null: nothing.
const char* fault_of_password(std::string_view password);

// Types whose endpoint is learned, and which therefore have a password.
constexpr bool is_dynamic_type(v1::Tunnel::Type type) {
  return type == v1::Tunnel::HEARTBEAT || type == v1::Tunnel::AYIYA ||
         type == v1::Tunnel::DYNAMIC_ENDPOINT;
}

// Names of the fields of Tunnel that hold them.
constexpr bool is_secret_field(std::string_view name) {
  return name == "password" || name == "previous_password";
}

// Takes the passwords out and says in has_password and has_previous_password whether there were
// any. The form in which a tunnel leaves the process.
void hide_secrets(v1::Tunnel& tunnel);
void hide_secrets(v1::Config& config);

// An update that says nothing about passwords keeps them: what `next` lacks is taken from `old`, if
// the type of `next` has passwords. A previous password that becomes the current one again is
// dropped.
void keep_secrets(const v1::Tunnel& old, v1::Tunnel& next);

}  // namespace simplon::control
