// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <span>
#include <string_view>
#include <vector>

// The client systems there are configurations for. Each has a file of its own with its templates
// (client_config/template.h); the facts they can name are those of client_config.cc.
namespace simplon::cli {

// What carries a tunnel's packets, as a client sees it.
enum class Carry { kProto41, kHeartbeat, kAyiya, kGre, kGreOverIpv6, kIpv6Tunnel };

struct Recipe {
  Carry carry;
  std::vector<std::string_view> parts;  // templates, one after the other
};

struct Platform {
  std::string_view name;     // as --for takes it
  std::string_view title;    // what a person calls it
  std::string_view comment;  // begins a line of comment
  std::vector<Recipe> recipes;
  std::string_view outside = {};  // names of interfaces that stand in the templates as examples
  std::string_view inside = {};
  // The tunnel follows the local address when it is not told one.
  bool local_optional = false;
  // What it cannot do of GRE.
  bool gre_key = true;
  bool gre_checksum = true;
  bool gre_sequence = true;
  // Why it has no recipe for the rest, in one clause.
  std::string_view limits = {};
};

const Platform& linux_platform();
const Platform& networkd_platform();
const Platform& openwrt_platform();
const Platform& mikrotik_platform();
const Platform& ios_platform();
const Platform& junos_platform();
const Platform& vyos_platform();
const Platform& freebsd_platform();
const Platform& aiccu_platform();
const Platform& simplon_client_platform();

}  // namespace simplon::cli
