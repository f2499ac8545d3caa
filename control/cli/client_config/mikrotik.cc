// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/client_config/platform.h"

namespace simplon::cli {
namespace {

// Keepalives of RouterOS are answered by RouterOS only: with them the interface would go down.
constexpr std::string_view kSit = R"~(
/interface 6to4 add name=simplon local-address=@LOCAL@ remote-address=@POP@ mtu=@MTU@ clamp-tcp-mss=yes !keepalive comment="@T@"
)~";

constexpr std::string_view kGre = R"~(
/interface gre add name=simplon local-address=@LOCAL@ remote-address=@POP@ mtu=@MTU@ clamp-tcp-mss=yes !keepalive comment="@T@"
)~";

constexpr std::string_view kGreOverIpv6 = R"~(
/interface gre6 add name=simplon local-address=@LOCAL@ remote-address=@POP@ mtu=@MTU@ clamp-tcp-mss=yes !keepalive comment="@T@"
)~";

constexpr std::string_view kInner =
    R"~(/ipv6 address add address=@ME@/64 interface=simplon advertise=no
/ipv6 route add dst-address=::/0 gateway=@PEER@ comment="@T@"
/interface list member add list=WAN interface=simplon
@?LANADDR@
@?LANADDR@# Routed to you. One /64 on a LAN (here: bridge); what no LAN has must not go back into the tunnel.
/ipv6 route add blackhole dst-address=@V6PREFIX@ distance=250
/ipv6 address add address=@LANADDR@ interface=bridge advertise=yes
@?V4ADDR@
@?V4ADDR@# IPv4 through the tunnel, for hosts with an address of yours.
@?V4ADDR@/routing table add name=simplon fib
@?V4ADDR@/ip route add dst-address=0.0.0.0/0 gateway=simplon routing-table=simplon
/ip address add address=@V4ADDR@ interface=bridge
/routing rule add src-address=@V4PREFIX@ action=lookup table=simplon
@?V4ADDR@# Move this above the rule that masquerades.
@?V4ADDR@/ip firewall nat add chain=srcnat out-interface=simplon action=accept comment="@T@"

# Firewall: protocol @PROTO@ must come in from the PoP. Move the rule above the one that drops.
)~";

constexpr std::string_view kFirewall =
    R"~(/ip firewall filter add chain=input src-address=@POP@ protocol=@PROTO@ action=accept comment="@T@"
)~";

constexpr std::string_view kFirewallIpv6 =
    R"~(/ipv6 firewall filter add chain=input src-address=@POP@/128 protocol=@PROTO@ action=accept comment="@T@"
)~";

constexpr std::string_view kUpdate = R"~(@?UPDATE@
@?UPDATE@# Your address changes? Looked after every minute; "ether1" is your outside interface.
@?UPDATE@/system script add name=simplon-update policy=read,write,test source={
@?UPDATE@  :local with [/ip address get [find interface=ether1] address]
@?UPDATE@  :local ip [:pick $with 0 [:find $with "/"]]
@?UPDATE@  :if ($ip != [:tostr [/interface @ROS_MENU@ get simplon local-address]]) do={
@?UPDATE@    /tool fetch url=("@URL@&myip=" . $ip) user="@T@" password="@UPDATEKEY_ROS@" http-auth-scheme=basic@ROS_TLS@ output=none
@?UPDATE@    /interface @ROS_MENU@ set simplon local-address=$ip
@?UPDATE@  }
@?UPDATE@}
@?UPDATE@/system scheduler add name=simplon-update interval=1m on-event=simplon-update policy=read,write,test
)~";

}  // namespace

const Platform& mikrotik_platform() {
  static const Platform platform{
      .name = "mikrotik",
      .title = "MikroTik RouterOS 7",
      .comment = "#",
      .recipes = {{Carry::kProto41, {kSit, kInner, kFirewall, kUpdate}},
                  {Carry::kGre, {kGre, kInner, kFirewall, kUpdate}},
                  {Carry::kGreOverIpv6, {kGreOverIpv6, kInner, kFirewallIpv6}}},
      .outside = "ether1",
      .inside = "bridge",
      .gre_key = false,
      .gre_checksum = false,
      .gre_sequence = false,
      .limits =
          "RouterOS has no AYIYA, its scripts send no UDP and so no beats, and it carries no "
          "IPv6 in IPv6; for an address that changes take a proto41 tunnel with an update key",
  };
  return platform;
}

}  // namespace simplon::cli
