// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/client_config/platform.h"
#include "control/cli/client_config/shared_parts.h"

namespace simplon::cli {
namespace {

constexpr std::string_view kNetdev = R"~(
# ---- /etc/systemd/network/50-simplon.netdev
[NetDev]
Name=simplon
Kind=@NETDEV_KIND@
MTUBytes=@MTU@

[Tunnel]
Independent=yes
Local=@LOCAL@
Remote=@POP@
TTL=@TTL@
Mode=@NETDEV_MODE@
EncapsulationLimit=@NETDEV_ENCAP@
Key=@KEY@
@?SEQ@SerializeTunneledPackets=yes
)~";

constexpr std::string_view kNetwork = R"~(
# ---- /etc/systemd/network/50-simplon.network
[Match]
Name=simplon

[Network]
Address=@ME@/64
Gateway=@PEER@
IPv6AcceptRA=no
ConfigureWithoutCarrier=yes
@?V6PREFIX@@/@# Routed to you. What no LAN has must not go back into the tunnel.
[Route]@/@Destination=@V6PREFIX@@/@Type=unreachable
@?V4ADDR@@/@# IPv4 through the tunnel, for hosts with an address of yours.@/@[Route]@/@Destination=0.0.0.0/0@/@Scope=link@/@Table=464@/@
[RoutingPolicyRule]@/@From=@V4PREFIX@@/@Table=464
@?LANADDR@
@?LANADDR@# ---- to be added to the .network file of your inside interface
@?LANADDR@[Network]
Address=@LANADDR@
Address=@V4ADDR@
@?LANADDR@IPv6SendRA=yes
@?LANADDR@@/@[IPv6Prefix]
Prefix=@LANNET@
@?LANADDR@
@?LANADDR@# ---- /etc/sysctl.d/50-simplon.conf
@?LANADDR@net.ipv6.conf.all.forwarding=1
@?V4ADDR@net.ipv4.ip_forward=1
)~";

constexpr std::string_view kReload = R"~(
# ---- then, as root
#   sysctl --system; networkctl reload
)~";

constexpr std::string_view kBeatUnits = R"~(
# ---- /etc/simplon-@T@.secret, mode 0600, owner root
@PASSWORD@

# ---- /usr/local/sbin/simplon-beat, mode 0755. The clock must be right to two minutes: run NTP.
#!/bin/bash
text="HEARTBEAT TUNNEL @ME@ sender $(date +%s)"
digest=$(printf '%s' "$text $(cat /etc/simplon-@T@.secret)" | md5sum)
printf '%s' "$text ${digest%% *}" >/dev/udp/@POP@/3740

# ---- /etc/systemd/system/simplon-beat.service
[Unit]
Description=Heartbeat of tunnel @T@
Wants=network-online.target
After=network-online.target time-sync.target

[Service]
Type=oneshot
ExecStart=/usr/local/sbin/simplon-beat

# ---- /etc/systemd/system/simplon-beat.timer
[Unit]
Description=Heartbeats of tunnel @T@

[Timer]
OnActiveSec=0
OnUnitActiveSec=@BEAT@
AccuracySec=1

[Install]
WantedBy=timers.target

# ---- then, as root
#   systemctl daemon-reload; systemctl enable --now simplon-beat.timer
)~";

}  // namespace

const Platform& networkd_platform() {
  static const Platform platform{
      .name = "systemd-networkd",
      .title = "systemd-networkd, one file after the other",
      .comment = "#",
      .recipes = {{Carry::kProto41, {kNetdev, kNetwork, kReload, kNftablesHint, kCurlUpdate}},
                  {Carry::kHeartbeat, {kNetdev, kNetwork, kReload, kBeatUnits, kNftablesHint}},
                  {Carry::kGre, {kNetdev, kNetwork, kReload, kNftablesHint, kCurlUpdate}},
                  {Carry::kGreOverIpv6, {kNetdev, kNetwork, kReload, kNftablesHint}},
                  {Carry::kIpv6Tunnel, {kNetdev, kNetwork, kReload, kNftablesHint}}},
      .local_optional = true,
      .gre_checksum = false,
      .limits = "it sets up what the kernel has, and that has no AYIYA",
  };
  return platform;
}

}  // namespace simplon::cli
