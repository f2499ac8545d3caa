// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <google/protobuf/field_mask.pb.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/cli/command.h"
#include "control/cli/render_table.h"
#include "control/cli/secrets.h"
#include "simplon/v1/config.pb.h"

namespace simplon::cli {

// Options of `tunnel create` and `tunnel update`, one for each field a client may set.
struct TunnelFields {
  std::optional<std::string> type;
  std::optional<uint32_t> slot;  // only in create
  std::optional<std::string> remote;
  std::optional<std::string> local;
  std::optional<std::string> admin_state;
  std::optional<uint32_t> mtu;
  std::optional<std::string> mtu_mode;
  std::optional<uint32_t> ttl;
  std::optional<std::string> ecn_mode;
  std::optional<std::string> dscp_mode;
  std::optional<uint32_t> dscp;
  std::vector<std::string> delegated_prefixes;
  bool no_delegated_prefixes = false;  // only in update
  std::optional<std::string> description;
  SecretOptions password;
  std::optional<std::chrono::milliseconds> beat_timeout;
  std::optional<std::string> replay_mode;
  std::vector<std::string> ipv4_prefixes;
  bool no_ipv4_prefixes = false;  // only in update
  std::optional<uint32_t> gre_key;
  bool no_gre_key = false;  // only in update
  std::optional<bool> gre_checksum;
  std::optional<bool> gre_sequence;
  std::optional<uint32_t> encapsulation_limit;
  std::optional<std::string> account;
  std::optional<std::string> tic_type;
};

// Adds the options; `fields` must outlive the command.
void add_tunnel_fields(Command& verb, TunnelFields& fields, bool update);

// Puts what was given into `tunnel` and its path into `mask`; all but the password, which
// read_secret() gets.
void apply_tunnel_fields(const TunnelFields& fields, v1::Tunnel& tunnel,
                         google::protobuf::FieldMask& mask);

// "proto41", "dynamic", "gre": as --type takes it.
std::string type_word(v1::Tunnel::Type type);

// What `tunnel show` prints: the fields every tunnel has, and those of some types where they say
// something. Of passwords only whether there are any.
void add_tunnel(FieldList& list, const v1::Tunnel& tunnel);

}  // namespace simplon::cli
