// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/client_config/platform.h"

namespace simplon::cli {
namespace {

constexpr std::string_view kConfig = R"~(
configure
set interfaces tunnel tun@ID@ description '@T@ of PoP @POPNAME@'
set interfaces tunnel tun@ID@ encapsulation @VYOS_ENCAP@
@?LOCAL@set interfaces tunnel tun@ID@ source-address @LOCAL@
@!LOCAL@set interfaces tunnel tun@ID@ source-interface eth0
set interfaces tunnel tun@ID@ remote @POP@
set interfaces tunnel tun@ID@ address @ME@/64
set interfaces tunnel tun@ID@ mtu @MTU@
set interfaces tunnel tun@ID@ ipv6 adjust-mss clamp-mss-to-pmtu
@!OUTER6@set interfaces tunnel tun@ID@ parameters ip ttl @TTL@
@?OUTER6@set interfaces tunnel tun@ID@ parameters ipv6 hoplimit @TTL@
set interfaces tunnel tun@ID@ parameters ipv6 encaplimit @VYOS_ENCAPLIMIT@
set interfaces tunnel tun@ID@ parameters ip key @KEY@
set protocols static route6 ::/0 next-hop @PEER@ interface tun@ID@
@?V6PREFIX@
@?V6PREFIX@# Routed to you. One /64 on a LAN; what no LAN has must not go back into the tunnel.
set protocols static route6 @V6PREFIX@ blackhole distance 254
set interfaces ethernet eth1 address @LANADDR@
set service router-advert interface eth1 prefix @LANNET@
@?LANADDR@set service router-advert interface eth1 link-mtu @MTU@
@?V4ADDR@
@?V4ADDR@# IPv4 through the tunnel, for hosts with an address of yours.
set interfaces ethernet eth1 address @V4ADDR@
@?V4ADDR@set protocols static table 64 route 0.0.0.0/0 interface tun@ID@
@?V4ADDR@set policy local-route rule 64 set table 64
set policy local-route rule 64 source address @V4PREFIX@
commit
save

# A firewall must accept protocol @PROTO@ from @POP@. What comes out of the tunnel is the Internet:
# filter tun@ID@ as you filter your uplink.
@?V4LOST@# 4in6 would need a second tunnel with the same ends, which VyOS refuses: not used are
#   @V4LOST@
)~";

constexpr std::string_view kUpdate = R"~(@?UPDATE@
@?UPDATE@# Your address changes? This tells the PoP, and the tunnel follows the interface.
@?UPDATE@configure
@?UPDATE@delete interfaces tunnel tun@ID@ source-address
@?UPDATE@set interfaces tunnel tun@ID@ source-interface eth0
@?UPDATE@set service dns dynamic name simplon address interface eth0
@?UPDATE@set service dns dynamic name simplon protocol dyndns2
@?UPDATE@set service dns dynamic name simplon server '@HOST@'
@?UPDATE@set service dns dynamic name simplon username '@T@'
@?UPDATE@set service dns dynamic name simplon password '@UPDATEKEY_SH@'
@?UPDATE@set service dns dynamic name simplon host-name '@T@'
@?UPDATE@commit
@?UPDATE@save
)~";

constexpr std::string_view kBeats = R"~(
# Beats, which tell the PoP where you are. The clock must be right to two minutes: "service ntp".
(umask 077; printf '%s\n' '@PASSWORD_SH@' >/config/auth/simplon-@T@.secret)
cat >/config/scripts/simplon-beat <<'EOF'
#!/bin/bash
for ((left = 60; left > 0; left -= @BEAT@)); do
  text="HEARTBEAT TUNNEL @ME@ sender $(date +%s)"
  digest=$(printf '%s' "$text $(cat /config/auth/simplon-@T@.secret)" | md5sum)
  printf '%s' "$text ${digest%% *}" >/dev/udp/@POP@/3740
  ((left <= @BEAT@)) || sleep @BEAT@
done
EOF
chmod 755 /config/scripts/simplon-beat
configure
set system task-scheduler task simplon-beat interval 1m
set system task-scheduler task simplon-beat executable path /config/scripts/simplon-beat
commit
save
)~";

}  // namespace

const Platform& vyos_platform() {
  static const Platform platform{
      .name = "vyos",
      .title = "VyOS 1.4 and later",
      .comment = "#",
      .recipes = {{Carry::kProto41, {kConfig, kUpdate}},
                  {Carry::kHeartbeat, {kConfig, kBeats}},
                  {Carry::kGre, {kConfig, kUpdate}},
                  {Carry::kGreOverIpv6, {kConfig}},
                  {Carry::kIpv6Tunnel, {kConfig}}},
      .outside = "eth0",
      .inside = "eth1",
      .gre_checksum = false,
      .gre_sequence = false,
      .limits = "it has no AYIYA",
  };
  return platform;
}

}  // namespace simplon::cli
