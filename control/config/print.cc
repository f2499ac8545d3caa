// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/config/print.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/util/json_util.h>

#include "control/config/normalize.h"
#include "control/config/secret.h"

namespace simplon::control {
namespace {

void shorten(v1::Pop& pop) {
  if (pop.service_state() == v1::IN_SERVICE) pop.clear_service_state();
  v1::TicPolicy& tic = *pop.mutable_tic();
  if (tic.clear_text() == v1::TicPolicy::CLEAR_TEXT_ALLOWED) tic.clear_clear_text();
  if (tic.clear_challenge() == v1::TicPolicy::CHALLENGE_WITH_TLS) tic.clear_clear_challenge();
  if (tic.md5_challenge() == v1::TicPolicy::CHALLENGE_ALLOWED) tic.clear_md5_challenge();
  if (tic.ByteSizeLong() == 0) pop.clear_tic();
}

// Leaves out what normalize() puts in again, so that a tunnel with nothing special about it stays
// short.
void shorten(v1::Config& config, Secrets secrets) {
  normalize(config);
  if (secrets == Secrets::kHide) drop_secrets(config);
  shorten(*config.mutable_pop());
  for (v1::Account& account : *config.mutable_accounts()) {
    if (account.state() == v1::Account::ENABLED) account.clear_state();
  }
  for (v1::Pool& pool : *config.mutable_pools()) {
    if (pool.unit_length() == default_unit_length(pool)) pool.clear_unit_length();
  }
  for (v1::Tunnel& tunnel : *config.mutable_tunnels()) {
    if (tunnel.admin_state() == v1::Tunnel::ENABLED) tunnel.clear_admin_state();
    if (tunnel.mtu_mode() == v1::Tunnel::DYNAMIC) tunnel.clear_mtu_mode();
    if (tunnel.ecn_mode() == v1::Tunnel::COMPATIBILITY) tunnel.clear_ecn_mode();
    if (tunnel.dscp_mode() == v1::Tunnel::PIPE) tunnel.clear_dscp_mode();
    if (tunnel.replay_mode() == v1::Tunnel::ENDPOINT) tunnel.clear_replay_mode();
    if (tunnel.tic_type() == v1::Tunnel::TIC_AYIYA) tunnel.clear_tic_type();
  }
}

std::string print_line(const google::protobuf::Message& message) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  printer.PrintToString(message, &text);
  // The printer leaves a blank at the end.
  while (!text.empty() && text.back() == ' ') text.pop_back();
  return text;
}

std::string print_block(const char* name, const google::protobuf::Message& message) {
  google::protobuf::TextFormat::Printer printer;
  printer.SetInitialIndentLevel(1);
  printer.SetUseUtf8StringEscaping(true);
  std::string body;
  printer.PrintToString(message, &body);
  return std::string(name) + " {\n" + body + "}\n";
}

}  // namespace

// The PoP in lines of its own, pools, accounts and tunnels a line each: what a person reads and a
// diff shows.
std::string print_config_text(v1::Config config, Secrets secrets) {
  shorten(config, secrets);
  std::string text = print_block("pop", config.pop());
  for (const v1::Pool& pool : config.pools()) text += "pools { " + print_line(pool) + " }\n";
  for (const v1::Account& account : config.accounts()) {
    text += "accounts { " + print_line(account) + " }\n";
  }
  for (const v1::Tunnel& tunnel : config.tunnels()) {
    text += "tunnels { " + print_line(tunnel) + " }\n";
  }
  return text;
}

std::string print_config_json(v1::Config config, Secrets secrets) {
  shorten(config, secrets);
  google::protobuf::util::JsonPrintOptions options;
  options.add_whitespace = true;
  options.preserve_proto_field_names = true;
  std::string text;
  // Fails only for types the message does not have.
  (void)google::protobuf::util::MessageToJsonString(config, &text, options);
  return text;
}

}  // namespace simplon::control
