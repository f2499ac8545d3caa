// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "control/config/parse.h"

namespace simplon::testing {

// A PoP in the address plan of the original: one /48 of link prefixes and routed /64s, one /40 of
// subnets.
inline constexpr std::string_view kSampleConfig = R"(# A small PoP.
pop {
  name: "test-pop"
  interfaces {
    port: "uplink"
    ipv4_address: "192.0.2.1/24"
    ipv4_gateway: "192.0.2.254"
    ipv6_address: "2001:db8:ffff::1/64"
    ipv6_gateway: "fe80::1"
  }
  ipv4_addresses: "198.51.100.1"
  ipv6_address: "2001:db8:10:ffff::1"
}
pools { name: "link" kind: LINK prefix: "2001:db8:10::/49" }
pools { name: "routed" kind: ROUTED prefix: "2001:db8:10:8000::/49" }
pools { name: "subnets" kind: DELEGATED prefix: "2001:db8:1000::/40" unit_length: 56 }
tunnels {
  id: 1
  slot: 0
  type: PROTO41
  remote: "203.0.113.1"
}
tunnels {
  id: 18572
  slot: 686
  type: PROTO41
  remote: "203.0.113.2"
  local: "198.51.100.1"
  mtu: 1400
  mtu_mode: STATIC
  ttl: 255
  ecn_mode: NORMAL
  dscp_mode: UNIFORM
  dscp: 46
  delegated_prefixes: "2001:db8:1001::/48"
  delegated_prefixes: "2001:db8:1002:300::/56"
  description: "second"
}
tunnels { id: 7 slot: 1023 type: PROTO41 admin_state: DISABLED remote: "203.0.113.1" }
)";

// A configuration a test takes for granted.
inline v1::Config config_from(std::string_view text) {
  auto config = control::parse_config(text, "sample.txtpb", nullptr);
  if (!config.ok()) throw std::runtime_error(std::string(config.status().message()));
  return *std::move(config);
}

inline v1::Config sample_config() {
  return config_from(kSampleConfig);
}

}  // namespace simplon::testing
