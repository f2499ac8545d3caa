// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Options of `pop update` for what no packet meets: what subscribers are told, who may do what.

#pragma once

#include <google/protobuf/field_mask.pb.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/cli/command.h"
#include "simplon/v1/config.pb.h"

namespace simplon::cli {

struct PolicyOptions {
  std::optional<std::string> city, country, isp_short_name, isp_name, isp_website, isp_lir,
      info_url;
  std::optional<uint32_t> isp_asn;
  std::optional<uint32_t> number;
  std::vector<v1::PeerPop> peers;
  bool no_peers = false;
  std::optional<std::string> tic_clear_text, tic_clear_challenge, tic_md5_challenge;
  std::optional<uint32_t> tic_max_failures;
  std::optional<uint32_t> update_max_unchanged, update_max_changes;
  std::vector<std::string> console_addresses;
  bool no_console_addresses = false;
};

// Adds the options; `options` must outlive the command.
void add_policy_options(Command& verb, PolicyOptions& options);

// Puts what was given into `pop` and its path into `mask`.
void apply_policy(const PolicyOptions& options, v1::Pop& pop, google::protobuf::FieldMask& mask);

// "port=uplink,mtu=1500": text and number fields of a message. Throws std::invalid_argument.
void parse_fields(const std::string& text, google::protobuf::Message& message);

}  // namespace simplon::cli
