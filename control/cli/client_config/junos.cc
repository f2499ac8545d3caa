// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/client_config/platform.h"

namespace simplon::cli {
namespace {

constexpr std::string_view kConfig = R"~(
set interfaces @JUNOS_IFACE@ unit 0 description "@T@ of PoP @POPNAME@"
set interfaces @JUNOS_IFACE@ unit 0 tunnel source @LOCAL@
set interfaces @JUNOS_IFACE@ unit 0 tunnel destination @POP@
set interfaces @JUNOS_IFACE@ unit 0 tunnel ttl @TTL@
set interfaces @JUNOS_IFACE@ unit 0 tunnel key @KEY@
set interfaces @JUNOS_IFACE@ unit 0 family inet6 mtu @MTU@
set interfaces @JUNOS_IFACE@ unit 0 family inet6 address @ME@/64
@?V4ADDR@set interfaces @JUNOS_IFACE@ unit 0 family inet mtu @MTU@
set routing-options rib inet6.0 static route ::/0 next-hop @PEER@
@?V6PREFIX@
@?V6PREFIX@# Routed to you. One /64 on a LAN; what no LAN has must not go back into the tunnel.
set routing-options rib inet6.0 static route @V6PREFIX@ discard
set interfaces ge-0/0/1 unit 0 family inet6 address @LANADDR@
set protocols router-advertisement interface ge-0/0/1.0 prefix @LANNET@
@?LANADDR@set protocols router-advertisement interface ge-0/0/1.0 link-mtu @MTU@
@?V4ADDR@
@?V4ADDR@# IPv4 through the tunnel, for hosts with an address of yours.
set interfaces ge-0/0/1 unit 0 family inet address @V4ADDR@
set firewall family inet filter simplon term own from source-address @V4PREFIX@
@?V4ADDR@set firewall family inet filter simplon term own then routing-instance simplon
@?V4ADDR@set firewall family inet filter simplon term rest then accept
@?V4ADDR@set interfaces ge-0/0/1 unit 0 family inet filter input simplon
@?V4ADDR@set routing-instances simplon instance-type forwarding
@?V4ADDR@set routing-instances simplon routing-options static route 0.0.0.0/0 next-hop @JUNOS_IFACE@.0
@?V4ADDR@set routing-options rib-groups simplon import-rib [ inet.0 simplon.inet.0 ]
@?V4ADDR@set routing-options interface-routes rib-group inet simplon

# SRX: IPv6 must be forwarded (takes a reboot), and the tunnel needs a zone.
set security forwarding-options family inet6 mode flow-based
set security zones security-zone untrust interfaces @JUNOS_IFACE@.0
# A filter on the outside interface must accept protocol @PROTO@ from @POP@.
)~";

constexpr std::string_view kUpdate = R"~(@?UPDATE@
@?UPDATE@# Your address changes? Junos has nothing for that: let a host behind it tell the PoP,
@?UPDATE@#   curl -4fsS -u '@T@:@UPDATEKEY_SH@' '@URL@'
@?UPDATE@# and set "tunnel source" anew.
)~";

}  // namespace

const Platform& junos_platform() {
  static const Platform platform{
      .name = "junos",
      .title = "Juniper Junos",
      .comment = "#",
      .recipes = {{Carry::kProto41, {kConfig, kUpdate}},
                  {Carry::kGre, {kConfig, kUpdate}},
                  {Carry::kGreOverIpv6, {kConfig}}},
      .inside = "ge-0/0/1",
      .gre_checksum = false,
      .gre_sequence = false,
      .limits = "Junos has neither beats nor AYIYA, and not on every platform IPv6 in IPv6",
  };
  return platform;
}

}  // namespace simplon::cli
