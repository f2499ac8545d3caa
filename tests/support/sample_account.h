// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Accounts and secrets for tests of them.

#pragma once

#include <string>

#include "control/config/secret.h"
#include "simplon/v1/config.pb.h"
#include "tests/support/store_content.h"

namespace simplon::testing {

inline constexpr const char* kFirst = "first-account-secret";
inline constexpr const char* kSecond = "second-account-secret";
inline constexpr const char* kKey = "update-key-0123456789";
inline constexpr const char* kNextKey = "next-update-key-0123456789";

inline v1::Account account(const std::string& name, const std::string& secret = "") {
  v1::Account a;
  a.set_name(name);
  if (!secret.empty()) a.set_secret(secret);
  return a;
}

// In clear text or as MD5, in any spelling.
inline bool shows_secret(const std::string& bytes) {
  for (const char* secret : {kFirst, kSecond, kKey, kNextKey}) {
    for (const std::string& form : {std::string(secret), control::md5_hex(secret)}) {
      if (bytes.find(form) != bytes.npos || bytes.find(hex(form)) != bytes.npos) return true;
    }
  }
  return false;
}

}  // namespace simplon::testing
