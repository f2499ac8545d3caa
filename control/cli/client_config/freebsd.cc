// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/client_config/platform.h"

namespace simplon::cli {
namespace {

constexpr std::string_view kGif = R"~(
sysrc cloned_interfaces+=gif0
@!OUTER6@sysrc ifconfig_gif0="tunnel @LOCAL_BSD@ @POP@ mtu @MTU@"
@?OUTER6@sysrc ifconfig_gif0="inet6 tunnel @LOCAL_BSD@ @POP@ mtu @MTU@"
)~";

constexpr std::string_view kGre = R"~(
sysrc cloned_interfaces+=gre0
@!OUTER6@sysrc ifconfig_gre0="tunnel @LOCAL_BSD@ @POP@@GRE_BSD@ mtu @MTU@"
@?OUTER6@sysrc ifconfig_gre0="inet6 tunnel @LOCAL_BSD@ @POP@@GRE_BSD@ mtu @MTU@"
)~";

constexpr std::string_view kInner =
    R"~(sysrc ifconfig_@BSD_IFACE@_ipv6="inet6 @ME@ @PEER@ prefixlen 128"
sysrc ipv6_defaultrouter="@PEER@"
@?V6PREFIX@
@?V6PREFIX@# Routed to you. One /64 on a LAN; what no LAN has must not go back into the tunnel.
@?V6PREFIX@sysrc ipv6_gateway_enable=YES
@?V6PREFIX@sysrc ipv6_static_routes+="@V6ROUTES_BSD@"
sysrc @V6ROUTE_BSD@
@?LANADDR@sysrc ifconfig_em1_ipv6="inet6 @LANADDR@"
@?LANADDR@sysrc rtadvd_enable=YES rtadvd_interfaces=em1
@?V4ADDR@
@?V4ADDR@# IPv4 through the tunnel, for hosts with an address of yours: the LAN's address, and in pf.conf
@?V4ADDR@sysrc gateway_enable=YES
@?V4ADDR@sysrc ifconfig_em1_alias0="inet @V4ADDR@"
@?V4ADDR@sysrc ifconfig_@BSD_IFACE@_alias0="inet 192.0.0.2 192.0.0.1 netmask 255.255.255.255"
#   pass in quick on em1 route-to (@BSD_IFACE@ 192.0.0.1) from @V4PREFIX@ to ! @V4PREFIX@

# pf.conf: protocol @PROTO@ must come in from the PoP. em0 is your outside interface.
#   pass in quick on em0 proto @PROTO_BSD@ from @POP@
# What comes out of the tunnel is the Internet: filter @BSD_IFACE@ as you filter your uplink.

service netif start @BSD_IFACE@
service routing restart
@?V6PREFIX@service rtadvd start
)~";

constexpr std::string_view kUpdate = R"~(@?UPDATE@
@?UPDATE@# Your address changes? Run this when it has, or every ten minutes:
@?UPDATE@#   curl -4fsS -u '@T@:@UPDATEKEY_SH@' '@URL@'
@?UPDATE@#   ifconfig @BSD_IFACE@ tunnel "$(ifconfig em0 inet | awk '/inet /{print $2; exit}')" @POP@
)~";

// gif(4) has to be told the address it sends from.
constexpr std::string_view kBeats = R"~(
# Beats, which tell the PoP where you are. The clock must be right to two minutes: sysrc ntpd_enable=YES
(umask 077; printf '%s\n' '@PASSWORD_SH@' >/usr/local/etc/simplon-@T@.secret)
cat >/usr/local/sbin/simplon-beat <<'EOF'
#!/bin/sh
left=60
while [ "$left" -gt 0 ]; do
  here=$(ifconfig em0 inet | awk '/inet /{print $2; exit}')
  ifconfig gif0 | grep -qF "inet $here --> @POP@" || ifconfig gif0 tunnel "$here" @POP@
  text="HEARTBEAT TUNNEL @ME@ sender $(date +%s)"
  digest=$(printf '%s' "$text $(cat /usr/local/etc/simplon-@T@.secret)" | md5)
  printf '%s' "$text $digest" | nc -u -w 1 @POP@ 3740
  left=$((left - @BEAT@))
  [ "$left" -le 0 ] || sleep @BEAT@
done
EOF
chmod 755 /usr/local/sbin/simplon-beat
mkdir -p /usr/local/etc/cron.d
echo '* * * * * root /usr/local/sbin/simplon-beat' >/usr/local/etc/cron.d/simplon
/usr/local/sbin/simplon-beat &
)~";

}  // namespace

const Platform& freebsd_platform() {
  static const Platform platform{
      .name = "freebsd",
      .title = "FreeBSD, as root",
      .comment = "#",
      .recipes = {{Carry::kProto41, {kGif, kInner, kUpdate}},
                  {Carry::kHeartbeat, {kGif, kInner, kBeats}},
                  {Carry::kGre, {kGre, kInner, kUpdate}},
                  {Carry::kGreOverIpv6, {kGre, kInner}},
                  {Carry::kIpv6Tunnel, {kGif, kInner}}},
      .outside = "em0",
      .inside = "em1",
      .limits = "it has no AYIYA",
  };
  return platform;
}

}  // namespace simplon::cli
