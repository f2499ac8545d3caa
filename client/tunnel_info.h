// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// One tunnel as the client knows it: from TIC `tunnel show` (docs/protocols.md §9.2).

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "dataplane/net/address.h"

namespace simplon::client {

enum class TunnelType : uint8_t { kStatic, kHeartbeat, kAyiya };

struct TunnelInfo {
  std::string id;  // "T123"
  TunnelType type = TunnelType::kStatic;
  Ipv6Address client;  // ours inside: P:slot::2
  Ipv6Address pop;     // the PoP's inside: P:slot::1
  uint8_t prefix_length = 64;
  std::string pop_id;  // name of the PoP
  // Our outer address as the broker has it; only of a static tunnel.
  std::optional<Ipv4Address> client_ipv4;
  // The PoP's outer address: a name or an address, as given. Resolved at each start.
  std::string pop_ipv4;
  bool user_enabled = true;
  bool admin_enabled = true;
  std::string password;                // heartbeat and AYIYA
  uint32_t heartbeat_interval_s = 60;  // 5..3600 whatever the server said
  uint32_t mtu = 1280;                 // inner, 1280..1480

  friend bool operator==(const TunnelInfo&, const TunnelInfo&) = default;
};

}  // namespace simplon::client
