// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/config/account.h"

#include <absl/container/flat_hash_set.h>

#include <algorithm>
#include <string>

#include "control/config/names.h"
#include "control/config/secret.h"

namespace simplon::control {
namespace {

constexpr std::size_t kMaxName = 64;

bool is_hex(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

void check_secret(const v1::Account& account, Violations& violations) {
  const std::string& secret = account.secret();
  const std::string& md5 = account.secret_md5();
  if (!secret.empty() && !md5.empty()) {
    violations.add("secret_md5", reason::kBadSecret, "not beside `secret`: give one of them");
  } else if (const char* fault = secret.empty() ? nullptr : fault_of_account_secret(secret)) {
    violations.add("secret", reason::kBadSecret, fault);
  } else if (!md5.empty() &&
             (md5.size() != kMd5HexLength || !std::all_of(md5.begin(), md5.end(), is_hex))) {
    violations.add("secret_md5", reason::kBadSecret, "must be 32 hexadecimal digits");
  }
}

}  // namespace

bool is_account_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxName && is_letter_or_digit(name.front()) &&
         std::all_of(name.begin(), name.end(), is_account_name_character);
}

void check_account(const v1::Account& account, Violations& violations) {
  const std::string& name = account.name();
  if (name.empty()) {
    violations.add("name", reason::kRequired, "an account needs a login name");
  } else if (name.size() > kMaxName) {
    violations.add("name", reason::kTooLong, "at most 64 characters");
  } else if (!is_account_name(name)) {
    violations.add("name", reason::kBadName,
                   "must begin with a letter or digit and have only letters, digits and . _ @ + -");
  }
  if (!v1::Account::State_IsValid(account.state())) {
    violations.add("state", reason::kUnknownValue, "must be ENABLED or DISABLED");
  }
  if (!v1::TicPolicy::ClearText_IsValid(account.clear_text())) {
    violations.add("clear_text", reason::kUnknownValue,
                   "must be CLEAR_TEXT_ALLOWED or CLEAR_TEXT_REFUSED");
  }
  check_description(account.description(), violations);
  check_secret(account, violations);
}

void check_accounts(const v1::Config& config, Violations& violations) {
  // Views of what outlives the set.
  absl::flat_hash_set<std::string_view> names;
  names.reserve(static_cast<std::size_t>(config.accounts_size()));
  for (int i = 0; i < config.accounts_size() && !violations.full(); ++i) {
    violations.set_scope("accounts", i);
    check_account(config.accounts(i), violations);
    if (!names.insert(config.accounts(i).name()).second) {
      violations.add("name", reason::kDuplicate,
                     "there is another account " + config.accounts(i).name());
    }
  }
  for (int i = 0; i < config.tunnels_size() && !violations.full(); ++i) {
    const v1::Tunnel& tunnel = config.tunnels(i);
    if (tunnel.account().empty() || names.contains(tunnel.account())) continue;
    violations.set_scope("tunnels", i);
    add_unknown_account(tunnel, violations);
  }
}

void add_unknown_account(const v1::Tunnel& tunnel, Violations& violations) {
  const std::string& name = tunnel.account();
  if (is_account_name(name)) {
    violations.add("account", reason::kUnknownAccount,
                   "there is no account " + name + "; create it first");
  } else {
    violations.add("account", reason::kBadName, "not an account's name");
  }
}

}  // namespace simplon::control
