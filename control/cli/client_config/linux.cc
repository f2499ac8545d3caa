// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/client_config/platform.h"
#include "control/cli/client_config/shared_parts.h"

namespace simplon::cli {
namespace {

constexpr std::string_view kSit = R"~(
@?LOCAL@ip link add simplon type sit local @LOCAL@ remote @POP@ ttl @TTL@
@!LOCAL@ip link add simplon type sit remote @POP@ ttl @TTL@
)~";

constexpr std::string_view kGre = R"~(
@?LOCAL@ip link add simplon type gre local @LOCAL@ remote @POP@ ttl @TTL@@GRE_LINUX@
@!LOCAL@ip link add simplon type gre remote @POP@ ttl @TTL@@GRE_LINUX@
)~";

constexpr std::string_view kGreOverIpv6 = R"~(
ip link add simplon type ip6gre local @LOCAL@ remote @POP@ hoplimit @TTL@ encaplimit none@GRE_LINUX@
)~";

constexpr std::string_view kIpv6Tunnel = R"~(
ip link add simplon type ip6tnl mode any local @LOCAL@ remote @POP@ hoplimit @TTL@ encaplimit @ENCAP@
)~";

constexpr std::string_view kInner = R"~(ip link set simplon up mtu @MTU@
ip -6 address add @ME@/64 dev simplon
ip -6 route replace default via @PEER@ dev simplon
@?LANADDR@
@?LANADDR@# Routed to you. One /64 on a LAN; what no LAN has must not go back into the tunnel.
@?LANADDR@lan=eth1    # your inside interface
ip -6 route replace unreachable @V6PREFIX@
ip -6 address replace @LANADDR@ dev "$lan"
@?LANADDR@sysctl -qw net.ipv6.conf.all.forwarding=1    # uplink with SLAAC: also its accept_ra=2
# radvd.conf: interface eth1 { AdvSendAdvert on; AdvLinkMTU @MTU@; prefix @LANNET@ { }; };
@?V4ADDR@
@?V4ADDR@# IPv4 through the tunnel, for hosts with an address of yours.
ip address replace @V4ADDR@ dev "$lan"
@?V4ADDR@ip route replace default dev simplon table 464
ip rule add from @V4PREFIX@ lookup 464
@?V4ADDR@sysctl -qw net.ipv4.ip_forward=1
)~";

}  // namespace

const Platform& linux_platform() {
  static const Platform platform{
      .name = "linux",
      .title = "Linux with iproute2, as root",
      .comment = "#",
      .recipes = {{Carry::kProto41, {kSit, kInner, kNftablesHint, kCurlUpdate}},
                  {Carry::kHeartbeat, {kSit, kInner, kNftablesHint, kBeatScript, kBeatCron}},
                  {Carry::kGre, {kGre, kInner, kNftablesHint, kCurlUpdate}},
                  {Carry::kGreOverIpv6, {kGreOverIpv6, kInner, kNftablesHint}},
                  {Carry::kIpv6Tunnel, {kIpv6Tunnel, kInner, kNftablesHint}}},
      .local_optional = true,
      .limits = "its kernel has no AYIYA",
  };
  return platform;
}

}  // namespace simplon::cli
