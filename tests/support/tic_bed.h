// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// TIC sessions without sockets, over a configuration that is only in memory, at any time of day.

#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "control/config/parse.h"
#include "control/model/model.h"
#include "control/tic/tic_session.h"

namespace simplon::testing {

// Account SX1-SIXXS has the secret "secret" and is the one of the capture.
inline constexpr std::string_view kTicConfig = R"(
pop {
  name: "sxpop01"
  number: 5
  interfaces {
    port: "uplink"
    ipv4_address: "198.51.100.1/24"
    ipv4_gateway: "198.51.100.254"
    ipv6_address: "2001:db8:ffff::1/64"
    ipv6_gateway: "fe80::1"
  }
  ipv4_addresses: "192.0.2.9"
  ipv6_address: "2001:db8:2ff:ffff::1"
  details {
    city: "Zuerich"
    country: "ch"
    isp_short_name: "EX"
    isp_name: "Example"
    isp_website: "https://www.example.net/"
    isp_asn: 64496
    isp_lir: "ch.example"
  }
  peer_pops { number: 3 name: "sxpop00" ipv4_address: "203.0.113.1" ipv6_address: "2001:db8:dddd::1" }
}
pools { name: "link" kind: LINK prefix: "2001:db8:2ff::/52" }
accounts { name: "SX1-SIXXS" secret_md5: "5ebe2294ecd0e0f08eab7690d2a6ee69" }
accounts { name: "other" secret_md5: "5ebe2294ecd0e0f08eab7690d2a6ee69" }
accounts { name: "disabled" state: DISABLED secret_md5: "5ebe2294ecd0e0f08eab7690d2a6ee69" }
accounts { name: "secretless" }
accounts { name: "careful" clear_text: CLEAR_TEXT_REFUSED secret_md5: "5ebe2294ecd0e0f08eab7690d2a6ee69" }
accounts { name: "old" clear_text: CLEAR_TEXT_ALLOWED secret_md5: "5ebe2294ecd0e0f08eab7690d2a6ee69" }
tunnels { id: 5072 slot: 1 type: AYIYA password: "f3d47c2de40fb698e1ab15d757a09bfc" account: "SX1-SIXXS" }
tunnels { id: 3740 slot: 2 type: HEARTBEAT password: "91915d757a09bfc94d5028832d85cc0d"
          beat_timeout_seconds: 600 account: "SX1-SIXXS" }
tunnels { id: 41 slot: 3 type: PROTO41 remote: "203.0.113.2" local: "192.0.2.9" account: "SX1-SIXXS" }
tunnels { id: 50 slot: 4 type: DYNAMIC_ENDPOINT password: "0123456789abcdef" beat_timeout_seconds: 10
          account: "SX1-SIXXS" }
tunnels { id: 51 slot: 5 type: DYNAMIC_ENDPOINT password: "0123456789abcdef" tic_type: TIC_HEARTBEAT
          mtu: 1400 account: "SX1-SIXXS" }
tunnels { id: 47 slot: 6 type: GRE remote: "203.0.113.3" account: "SX1-SIXXS" }
tunnels { id: 48 slot: 7 type: IPV6_TUNNEL remote: "2001:db8:eeee::1" account: "SX1-SIXXS" }
tunnels { id: 42 slot: 8 type: PROTO41 remote: "203.0.113.4" admin_state: DISABLED account: "SX1-SIXXS" }
tunnels { id: 60 slot: 9 type: PROTO41 remote: "203.0.113.5" account: "other" }
tunnels { id: 61 slot: 10 type: PROTO41 remote: "203.0.113.6" }
)";

class TestTicHost : public control::TicHost {
 public:
  explicit TestTicHost(std::string_view config_text = kTicConfig) {
    auto parsed = control::parse_config(config_text, "test.txtpb", nullptr);
    if (!parsed.ok()) throw std::runtime_error(std::string(parsed.status().message()));
    config = *std::move(parsed);
    reload();
  }
  // After changing `config`.
  void reload() { model_.load(config); }

  void read(const std::function<void(const control::Model&)>& look) const override { look(model_); }
  bool dataplane_connected() const override { return connected; }
  bool tls_available() const override { return tls; }
  std::chrono::steady_clock::time_point now() const override { return time; }
  int64_t unix_time_s() const override { return unix_time; }
  std::string make_challenge() const override {
    if (fixed_challenge) return *fixed_challenge;
    return std::string(30, 'c') + std::to_string(10 + ++challenges_ % 90);
  }
  absl::Status set_remote(std::string_view account, uint32_t tunnel_id,
                          Ipv4Address remote) override {
    remotes_set.emplace_back(std::string(account), tunnel_id, remote.to_string());
    return set_remote_status;
  }

  v1::Config config;
  bool connected = true;
  bool tls = false;
  std::chrono::steady_clock::time_point time{std::chrono::hours(1000)};
  int64_t unix_time = 1795234189;
  std::optional<std::string> fixed_challenge;
  std::vector<std::tuple<std::string, uint32_t, std::string>> remotes_set;
  absl::Status set_remote_status;

 private:
  control::Model model_;
  mutable unsigned challenges_ = 0;
};

inline control::LinePeer tic_peer(std::string_view address) {
  const auto v4 = Ipv4Address::parse(address);
  return {v4 ? Ipv6Address::from_ipv4(*v4) : Ipv6Address::parse(address).value(), 40000};
}

}  // namespace simplon::testing
