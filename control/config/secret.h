// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Passwords and update keys of tunnels, secrets of accounts. None of the texts made here contains
// one.

#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "simplon/v1/config.pb.h"

namespace simplon::control {

inline constexpr std::size_t kMinPasswordLength = 16;
inline constexpr std::size_t kMinAccountSecretLength = 8;
inline constexpr std::size_t kMd5HexLength = 32;

using Sha1Digest = std::array<uint8_t, 20>;

// FIPS 180-4. Never all zero for anything a password may be, as far as anybody knows.
Sha1Digest sha1(std::string_view text);

// RFC 1321, as 32 lower-case hexadecimal digits.
std::string md5_hex(std::string_view text);

// What is wrong with a password or update key, for people; null: nothing.
const char* fault_of_password(std::string_view password);
// The same of the TIC secret of an account, which people choose.
const char* fault_of_account_secret(std::string_view secret);

// Types whose endpoint is learned, and which therefore have a password.
constexpr bool is_dynamic_type(v1::Tunnel::Type type) {
  return type == v1::Tunnel::HEARTBEAT || type == v1::Tunnel::AYIYA ||
         type == v1::Tunnel::DYNAMIC_ENDPOINT;
}

// Names of the fields of Tunnel and Account that hold them.
constexpr bool is_secret_field(std::string_view name) {
  return name == "password" || name == "previous_password" || name == "update_key" ||
         name == "secret" || name == "secret_md5";
}

// Takes the secrets out and says in has_password, has_secret and so on whether there were any. The
// form in which a resource leaves the process.
void hide_secrets(v1::Tunnel& tunnel);
void hide_secrets(v1::Account& account);
void hide_secrets(v1::Config& config);

// Takes them out without a word.
void drop_secrets(v1::Config& config);

// A configuration that says nothing about a secret keeps it: what `next` lacks is taken from `old`,
// if the type of `next` has it. A new password ends a rotation: the previous one is not kept then.
void keep_secrets(const v1::Tunnel& old, v1::Tunnel& next);
void keep_secrets(const v1::Account& old, v1::Account& next);

}  // namespace simplon::control
