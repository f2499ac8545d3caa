// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Configurations of any kind: whatever is accepted must print back to itself and make a snapshot.

#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/util/message_differencer.h>

#include <cstdlib>
#include <string_view>

#include "control/config/parse.h"
#include "control/config/print.h"
#include "control/table/build_snapshot.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  using namespace simplon;
  using google::protobuf::util::MessageDifferencer;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::vector<control::FieldViolation> violations;
  const auto config = control::parse_config(text, "", &violations);
  if (!config.ok()) {
    require(!violations.empty() && violations.size() <= control::Violations::kLimit);
    for (const control::FieldViolation& v : violations) {
      require(!v.reason.empty() && !v.description.empty());
    }
    return 0;
  }
  const auto again = control::parse_config(
      control::print_config_text(*config, control::Secrets::kShow), "a.txtpb", nullptr);
  require(again.ok() && MessageDifferencer::Equals(*config, *again));
  const auto json = control::parse_config(
      control::print_config_json(*config, control::Secrets::kShow), "a.json", nullptr);
  require(json.ok() && MessageDifferencer::Equals(*config, *json));
  const auto hidden =
      control::parse_config(control::print_config_text(*config), "a.txtpb", nullptr,
                            {.missing_passwords = control::MissingPasswords::kAllow});
  require(hidden.ok());
  for (const v1::Tunnel& tunnel : hidden->tunnels()) {
    require(tunnel.password().empty() && tunnel.previous_password().empty() &&
            tunnel.update_key().empty());
  }
  for (const v1::Account& account : hidden->accounts()) {
    require(account.secret().empty() && account.secret_md5().empty());
  }
  require(control::build_snapshot(*config, 1, 1).ok());
  return 0;
}
