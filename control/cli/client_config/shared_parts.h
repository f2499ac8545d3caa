// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <string_view>

// Templates several Unix systems share.
namespace simplon::cli {

inline constexpr std::string_view kNftablesHint = R"~(
# Firewall: protocol @PROTO@ must come in from the PoP, for instance
#   nft add rule inet filter input @FAMILY@ saddr @POP@ meta l4proto @PROTO@ accept
# What comes out of the tunnel is the Internet: filter "simplon" as you filter your uplink.
)~";

// A static tunnel behind an address that changes.
inline constexpr std::string_view kCurlUpdate = R"~(@?UPDATE@
@?UPDATE@# Your address changes? Run this when it has, or every ten minutes:
@?UPDATE@#   curl -4fsS -u '@T@:@UPDATEKEY_SH@' '@URL@'
@?UPDATE@# or let ddclient do it: use=if, if=eth0, protocol=dyndns2, server=@HOST@, login=@T@,
@?UPDATE@# password='@UPDATEKEY_SH@', and @T@ as host.
)~";

// One beat (docs/protocols.md §7), and more until the minute is over.
inline constexpr std::string_view kBeatScript = R"~(
# Beats, which tell the PoP where you are. The clock must be right to two minutes: run NTP.
(umask 077; printf '%s\n' '@PASSWORD_SH@' >/etc/simplon-@T@.secret)
cat >/usr/local/sbin/simplon-beat <<'EOF'
#!/bin/bash
for ((left = 60; left > 0; left -= @BEAT@)); do
  text="HEARTBEAT TUNNEL @ME@ sender $(date +%s)"
  digest=$(printf '%s' "$text $(cat /etc/simplon-@T@.secret)" | md5sum)
  printf '%s' "$text ${digest%% *}" >/dev/udp/@POP@/3740
  ((left <= @BEAT@)) || sleep @BEAT@
done
EOF
chmod 755 /usr/local/sbin/simplon-beat
)~";

inline constexpr std::string_view kBeatCron =
    R"~(echo '* * * * * root /usr/local/sbin/simplon-beat' >/etc/cron.d/simplon
/usr/local/sbin/simplon-beat &
)~";

}  // namespace simplon::cli
