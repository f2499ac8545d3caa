// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What a router behind the tunnel needs to give delegated prefixes to its network. Any thread.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace simplon::client {

// `subnets`: prefixes as Settings has them; of each the first /64 is used. For radvd.conf.
std::string radvd_snippet(const std::vector<std::string>& subnets, const std::string& interface,
                          std::optional<uint32_t> mtu);
// For a .network file of systemd-networkd.
std::string networkd_snippet(const std::vector<std::string>& subnets, const std::string& interface);

}  // namespace simplon::client
