// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The passwords of one tunnel, apart from the rest of it. Thread: any.

#pragma once

#include <cstdint>
#include <string>

#include "simplon/v1/config.pb.h"

namespace simplon::control {

struct Credential {
  std::string password;
  std::string previous_password;

  bool empty() const { return password.empty() && previous_password.empty(); }
  friend bool operator==(const Credential&, const Credential&) = default;
};

inline Credential credential_of(const v1::Tunnel& tunnel) {
  return {tunnel.password(), tunnel.previous_password()};
}

// Puts these in place of what is there, if only a note that there are some.
inline void set_credential(v1::Tunnel& tunnel, const Credential& credential) {
  tunnel.clear_password();
  tunnel.clear_previous_password();
  tunnel.clear_has_password();
  tunnel.clear_has_previous_password();
  if (!credential.password.empty()) tunnel.set_password(credential.password);
  if (!credential.previous_password.empty()) {
    tunnel.set_previous_password(credential.previous_password);
  }
}

// 128 bits of the kernel's randomness as 32 hexadecimal digits.
std::string make_password();

}  // namespace simplon::control
