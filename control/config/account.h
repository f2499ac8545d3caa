// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The rules for accounts, and for tunnels that belong to one. No text made here has a secret in it.

#pragma once

#include <string_view>

#include "control/config/violation.h"
#include "simplon/v1/config.pb.h"

namespace simplon::control {

// A login name: a letter or digit, and then at most 63 of [A-Za-z0-9._@+-].
bool is_account_name(std::string_view name);

// Every fault of the account by itself. Paths are relative to the scope of `violations`.
void check_account(const v1::Account& account, Violations& violations);

// The names among `accounts` and the faults of each; a tunnel's account must be one of them. Scopes
// are "accounts" and "tunnels".
void check_accounts(const v1::Config& config, Violations& violations);

// Says that the account of a tunnel does not exist.
void add_unknown_account(const v1::Tunnel& tunnel, Violations& violations);

}  // namespace simplon::control
