// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/client_config/platform.h"

// Clients that ask TIC: what they are told here is where to ask, and as whom.
namespace simplon::cli {
namespace {

constexpr std::string_view kAiccu = R"~(# /etc/aiccu.conf, mode 0600
# The secret is that of the account, not the password of the tunnel.
username @ACCOUNT@
password @TICSECRET@
protocol tic
server @SERVER@
ipv6_interface simplon
tunnel_id @T@
requiretls true
automatic true
daemonize true
makebeats @BEATS@
behindnat @NAT@
defaultroute true

# Firewall: @TIC_FIREWALL@
@?V6PREFIX@# Routed to you, to be put on the LAN by hand:
#   @V6PREFIX@
)~";

constexpr std::string_view kSimplonClient = R"~(# /etc/simplon-client.conf, mode 0600
# The secret is that of the account, not the password of the tunnel.
username = @ACCOUNT@
password = "@TICSECRET@"
server = @SERVER@
tls = required
tunnel = @T@
interface = simplon
default_route = true
subnets = @SUBNETS@

# Firewall: @TIC_FIREWALL@
# Then: simplon-client autotest, and if it finds nothing: systemctl enable --now simplon-client
)~";

}  // namespace

const Platform& aiccu_platform() {
  static const Platform platform{
      .name = "aiccu",
      .title = "AICCU",
      .comment = "#",
      .recipes = {{Carry::kProto41, {kAiccu}},
                  {Carry::kHeartbeat, {kAiccu}},
                  {Carry::kAyiya, {kAiccu}}},
      .limits = "it knows the tunnels of TIC only",
  };
  return platform;
}

const Platform& simplon_client_platform() {
  static const Platform platform{
      .name = "simplon-client",
      .title = "simplon-client",
      .comment = "#",
      .recipes = {{Carry::kProto41, {kSimplonClient}},
                  {Carry::kHeartbeat, {kSimplonClient}},
                  {Carry::kAyiya, {kSimplonClient}}},
      .limits = "it knows the tunnels of TIC only",
  };
  return platform;
}

}  // namespace simplon::cli
