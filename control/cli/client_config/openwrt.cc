// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/client_config/platform.h"

namespace simplon::cli {
namespace {

constexpr std::string_view kSitHead = R"~(
# Package 6in4: opkg update && opkg install 6in4 (apk add 6in4 from OpenWrt 25.12 on).
uci batch <<'EOF'
set network.simplon=interface
set network.simplon.proto='6in4'
set network.simplon.peeraddr='@POP@'
set network.simplon.ip6addr='@ME@/64'
add_list network.simplon.ip6prefix='@V6PREFIX@'
set network.simplon.mtu='@MTU@'
set network.simplon.ttl='@TTL@'
add_list firewall.@zone[1].network='simplon'
)~";

constexpr std::string_view kGreHead = R"~(
# Package gre: opkg update && opkg install gre (apk add gre from OpenWrt 25.12 on).
uci batch <<'EOF'
set network.simplon=interface
)~";

constexpr std::string_view kGreOverIpv4 = R"~(set network.simplon.proto='gre'
set network.simplon.peeraddr='@POP@'
set network.simplon.ipaddr='@LOCAL@'
)~";

constexpr std::string_view kGreOverIpv6 = R"~(set network.simplon.proto='grev6'
set network.simplon.peer6addr='@POP@'
set network.simplon.ip6addr='@LOCAL@'
set network.simplon.encaplimit='ignore'
)~";

constexpr std::string_view kGreInner = R"~(set network.simplon.mtu='@MTU@'
set network.simplon.ttl='@TTL@'
@?KEY@set network.simplon.ikey='@KEY@'@/@set network.simplon.okey='@KEY@'
@?CSUM@set network.simplon.icsum='1'@/@set network.simplon.ocsum='1'
@?SEQ@set network.simplon.iseqno='1'@/@set network.simplon.oseqno='1'
set network.simplon6=interface
set network.simplon6.proto='static'
set network.simplon6.device='@simplon'
add_list network.simplon6.ip6addr='@ME@/64'
set network.simplon6.ip6gw='@PEER@'
add_list network.simplon6.ip6prefix='@V6PREFIX@'
add_list firewall.@zone[1].network='simplon'
add_list firewall.@zone[1].network='simplon6'
@?V4ADDR@set network.simplon4=route@/@set network.simplon4.interface='simplon'@/@set network.simplon4.target='0.0.0.0/0'@/@set network.simplon4.table='464'
add network rule@/@set network.@rule[-1].src='@V4PREFIX@'@/@set network.@rule[-1].lookup='464'
add_list firewall.@zone[1].masq_src='!@V4PREFIX@'
)~";

constexpr std::string_view kFirewall = R"~(add firewall rule
set firewall.@rule[-1].name='Allow-simplon'
set firewall.@rule[-1].src='wan'
set firewall.@rule[-1].src_ip='@POP@'
set firewall.@rule[-1].proto='@PROTO@'
set firewall.@rule[-1].target='ACCEPT'
EOF
uci commit
/etc/init.d/network reload
/etc/init.d/firewall reload

# firewall.@zone[1] is "wan" in a fresh OpenWrt: see uci show firewall.
@?V6PREFIX@# Interfaces with ip6assign (as "lan" has) get a /64 each of what is routed to you:
#   @V6PREFIX@
@?V4ADDR@# IPv4: give the interface your hosts are on an address of yours:
@?V4ADDR@#   uci add_list network.lan.ipaddr='@V4ADDR@'; uci commit; /etc/init.d/network reload
)~";

constexpr std::string_view kUpdate = R"~(@?UPDATE@
@?UPDATE@# Your address changes? Each time "wan" comes up this tells the PoP.
@?UPDATE@cat >/etc/hotplug.d/iface/90-simplon <<'EOF'
@?UPDATE@#!/bin/sh
@?UPDATE@case "$ACTION-$INTERFACE" in ifup-wan | ifupdate-wan) ;; *) exit 0 ;; esac
@?UPDATE@uclient-fetch -4 -qO- --user='@T@' --password='@UPDATEKEY_SH@' '@URL@' 2>&1 | logger -t simplon
@?UPDATE@EOF
@?UPDATE@chmod 700 /etc/hotplug.d/iface/90-simplon
)~";

constexpr std::string_view kBeats = R"~(
# Beats, which tell the PoP where you are. Package socat. The clock must be right: NTP is on by default.
(umask 077; printf '%s\n' '@PASSWORD_SH@' >/etc/simplon-@T@.secret)
cat >/usr/bin/simplon-beat <<'EOF'
#!/bin/sh
left=60
while [ "$left" -gt 0 ]; do
  text="HEARTBEAT TUNNEL @ME@ sender $(date +%s)"
  digest=$(printf '%s' "$text $(cat /etc/simplon-@T@.secret)" | md5sum | cut -d ' ' -f 1)
  printf '%s' "$text $digest" | socat -u - UDP4:@POP@:3740
  left=$((left - @BEAT@))
  [ "$left" -le 0 ] || sleep @BEAT@
done
EOF
chmod 755 /usr/bin/simplon-beat
echo '* * * * * /usr/bin/simplon-beat' >>/etc/crontabs/root
/etc/init.d/cron enable; /etc/init.d/cron restart
printf '%s\n' /etc/simplon-@T@.secret /usr/bin/simplon-beat >>/etc/sysupgrade.conf
)~";

}  // namespace

const Platform& openwrt_platform() {
  static const Platform platform{
      .name = "openwrt",
      .title = "OpenWrt, in its shell",
      .comment = "#",
      .recipes = {{Carry::kProto41, {kSitHead, kFirewall, kUpdate}},
                  {Carry::kHeartbeat, {kSitHead, kFirewall, kBeats}},
                  {Carry::kGre, {kGreHead, kGreOverIpv4, kGreInner, kFirewall, kUpdate}},
                  {Carry::kGreOverIpv6, {kGreHead, kGreOverIpv6, kGreInner, kFirewall}}},
      .local_optional = true,
      .limits = "it has no package for AYIYA, and none for IPv6 in IPv6",
  };
  return platform;
}

}  // namespace simplon::cli
