// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/support/test_snapshot.h"

#include <stdexcept>
#include <vector>

#include "control/config/parse.h"

namespace simplon::testing {

control::SealedSnapshot make_snapshot(uint64_t generation, uint64_t revision,
                                      const std::string& port) {
  const std::string text = R"(
pop {
  name: "test"
  interfaces {
    port: ")" + port + R"("
    ipv4_address: "192.0.2.2/30" ipv4_gateway: "192.0.2.1"
    ipv6_address: "2001:db8:0:1::2/64" ipv6_gateway: "2001:db8:0:1::1"
  }
}
pools { name: "link" kind: LINK prefix: "2001:db8:1000::/52" }
tunnels { id: 101 slot: 1 type: PROTO41 remote: "198.51.100.2" }
tunnels { id: 102 slot: 2 type: HEARTBEAT password: "0123456789abcdef0123" }
tunnels { id: 103 slot: 3 type: AYIYA password: "0123456789abcdef0123" }
tunnels { id: 104 slot: 4 type: DYNAMIC_ENDPOINT password: "0123456789abcdef0123" }
tunnels { id: 105 slot: 5 type: AYIYA password: "0123456789abcdef0123" admin_state: DISABLED }
)";
  std::vector<control::FieldViolation> violations;
  const auto config = control::parse_config(text, "test.txtpb", &violations);
  if (!config.ok()) throw std::runtime_error(config.status().ToString());
  auto snapshot = control::build_snapshot(*config, generation, revision);
  if (!snapshot.ok()) throw std::runtime_error(snapshot.status().ToString());
  return std::move(*snapshot);
}

}  // namespace simplon::testing
