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

// One tunnel of each type, with everything the type has; pools of both families.
inline constexpr std::string_view kEveryTypeConfig = R"(
pop {
  name: "test-pop"
  interfaces {
    port: "uplink"
    ipv4_address: "192.0.2.1/24"
    ipv4_gateway: "192.0.2.254"
    ipv6_address: "2001:db8:ffff::1/64"
    ipv6_gateway: "fe80::1"
  }
  ipv4_addresses: "192.0.2.9"
  ipv6_addresses: "2001:db8:fffe::9"
  ipv6_address: "2001:db8:10:ffff::1"
  other_pop_addresses: "203.0.113.250"
  other_pop_addresses: "2001:db8:dddd::1"
  ayiya_udp_checksum: true
}
pools { name: "link" kind: LINK prefix: "2001:db8:10::/52" }
pools { name: "routed" kind: ROUTED prefix: "2001:db8:10:8000::/52" }
pools { name: "subnets" kind: DELEGATED prefix: "2001:db8:1000::/46" unit_length: 56 }
pools { name: "routed4" kind: ROUTED prefix: "198.18.0.0/20" unit_length: 30 first_slot: 1 }
pools { name: "subnets4" kind: DELEGATED prefix: "198.51.100.0/24" unit_length: 29 }
tunnels { id: 101 slot: 1 type: PROTO41 remote: "203.0.113.1" }
tunnels {
  id: 102
  slot: 2
  type: HEARTBEAT
  password: "heartbeat-password"
  previous_password: "heartbeat-password-before"
  beat_timeout_seconds: 60
}
tunnels {
  id: 103
  slot: 3
  type: AYIYA
  password: "ayiya-password-of-T103"
  previous_password: "ayiya-password-before"
  ipv4_prefixes: "198.51.100.8/29"
  replay_mode: STRICT
}
tunnels {
  id: 104
  slot: 4
  type: DYNAMIC_ENDPOINT
  password: "dynamic-password"
  previous_password: "dynamic-password-before"
  delegated_prefixes: "2001:db8:1001::/56"
  ipv4_prefixes: "198.51.100.16/28"
}
tunnels {
  id: 105
  slot: 5
  type: GRE
  remote: "203.0.113.5"
  local: "192.0.2.9"
  gre_key: 3405691582
  gre_checksum: true
  gre_sequence: true
  ipv4_prefixes: "198.51.100.32/29"
}
tunnels { id: 106 slot: 6 type: GRE remote: "2001:db8:5::6" local: "2001:db8:fffe::9" }
tunnels {
  id: 107
  slot: 7
  type: IPV6_TUNNEL
  remote: "2001:db8:5::7"
  encapsulation_limit: 4
  ipv4_prefixes: "198.51.100.40/29"
}
tunnels { id: 108 slot: 8 type: AYIYA password: "ayiya-password-of-T108" }
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

inline v1::Config every_type_config() {
  return config_from(kEveryTypeConfig);
}

}  // namespace simplon::testing
