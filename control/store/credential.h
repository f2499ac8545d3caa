// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The secrets of one tunnel, apart from the rest of it. Thread: any.

#pragma once

#include <cstdint>
#include <string>

#include "simplon/v1/config.pb.h"

namespace simplon::control {

struct Credential {
  std::string password;
  std::string previous_password;
  std::string update_key;

  bool empty() const { return password.empty() && previous_password.empty() && update_key.empty(); }
  friend bool operator==(const Credential&, const Credential&) = default;
};

inline bool has_credential(const v1::Tunnel& tunnel) {
  return !tunnel.password().empty() || !tunnel.previous_password().empty() ||
         !tunnel.update_key().empty();
}

inline bool same_credential(const v1::Tunnel& a, const v1::Tunnel& b) {
  return a.password() == b.password() && a.previous_password() == b.previous_password() &&
         a.update_key() == b.update_key();
}

inline Credential credential_of(const v1::Tunnel& tunnel) {
  return {tunnel.password(), tunnel.previous_password(), tunnel.update_key()};
}

// Puts these in place of what is there, if only a note that there are some.
inline void set_credential(v1::Tunnel& tunnel, const Credential& credential) {
  tunnel.clear_password();
  tunnel.clear_previous_password();
  tunnel.clear_update_key();
  tunnel.clear_has_password();
  tunnel.clear_has_previous_password();
  tunnel.clear_has_update_key();
  if (!credential.password.empty()) tunnel.set_password(credential.password);
  if (!credential.previous_password.empty()) {
    tunnel.set_previous_password(credential.previous_password);
  }
  if (!credential.update_key.empty()) tunnel.set_update_key(credential.update_key);
}

// The same of an account.
inline void set_account_secret(v1::Account& account, const std::string& secret_md5) {
  account.clear_has_secret();
  account.clear_secret_md5();
  if (!secret_md5.empty()) account.set_secret_md5(secret_md5);
}

// 128 bits of the kernel's randomness as 32 hexadecimal digits.
std::string make_password();

}  // namespace simplon::control
