// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/cli/client_config/platform.h"

namespace simplon::cli {
namespace {

constexpr std::string_view kHead = R"~(
ipv6 unicast-routing
!
interface Tunnel@ID@
 description @T@ of PoP @POPNAME@
@!V4IP@ no ip address
@?V4IP@ ip unnumbered GigabitEthernet0/1
@?V4IP@ ip mtu @MTU@
 ipv6 address @ME@/64
 ipv6 mtu @MTU@
 ipv6 tcp adjust-mss @MSS@
@?LOCAL@ tunnel source @LOCAL@
@!LOCAL@ tunnel source Dialer0
 tunnel destination @POP@
)~";

constexpr std::string_view kSit = R"~( tunnel mode ipv6ip
 tunnel ttl @TTL@
)~";

constexpr std::string_view kGre = R"~( tunnel mode gre ip
 tunnel ttl @TTL@
 tunnel key @KEY@
@?CSUM@ tunnel checksum
@?SEQ@ tunnel sequence-datagrams
)~";

constexpr std::string_view kGreOverIpv6 = R"~( tunnel mode gre ipv6
 tunnel ttl @TTL@
 tunnel key @KEY@
@?CSUM@ tunnel checksum
@?SEQ@ tunnel sequence-datagrams
)~";

constexpr std::string_view kIpv6Tunnel = R"~( tunnel mode ipv6
 tunnel ttl @TTL@
)~";

constexpr std::string_view kInner = R"~(!
ipv6 route ::/0 Tunnel@ID@ @PEER@
@?V6PREFIX@!
@?V6PREFIX@! Routed to you. One /64 on a LAN; what no LAN has must not go back into the tunnel.
ipv6 route @V6PREFIX@ Null0 254
@?LANADDR@interface GigabitEthernet0/1
 ipv6 address @LANADDR@
@?V4IP@!
@?V4IP@! IPv4 through the tunnel, for hosts with an address of yours.
access-list 164 permit ip @V4NET@ @V4WILD@ any
@?V4IP@route-map SIMPLON permit 10
@?V4IP@ match ip address 164
@?V4IP@ set interface Tunnel@ID@
@?V4IP@interface GigabitEthernet0/1
 ip address @V4IP@ @V4MASK@ secondary
@?V4IP@ ip policy route-map SIMPLON
!
! In an access list on the outside interface:
!  permit @PROTO_IOS@ host @POP@ any
! What comes out of the tunnel is the Internet: filter it as you filter your uplink.
)~";

constexpr std::string_view kUpdate = R"~(@?UPDATE@!
@?UPDATE@! Your address changes? This tells the PoP. Type Ctrl-V before the question mark. IOS sends it over
@?UPDATE@! HTTP, where others may read the key. Take "tunnel source Dialer0" instead of the address.
@?UPDATE@ip ddns update method simplon
@?UPDATE@ HTTP
@?UPDATE@  add http://@T@:@UPDATEKEY_URL@@AT@@HOST@/nic/update?hostname=@T@&myip=<a>
@?UPDATE@ interval maximum 0 0 10 0
@?UPDATE@interface Dialer0
@?UPDATE@ ip ddns update hostname @T@
@?UPDATE@ ip ddns update simplon
)~";

constexpr std::string_view kBeats = R"~(!
! Beats, which tell the PoP where you are. The clock must be right to two minutes: "ntp server". The
! image needs the feature "TCL UDP"; md5 of tcllib goes to the flash.
scripting tcl init flash:tcllib1.12/md5/pkgIndex.tcl
event manager applet simplon-beat
 event timer watchdog time @BEAT@
 action 1.0 cli command "enable"
 action 2.0 cli command "tclsh flash:beat.tcl"
!
! ---- flash:beat.tcl
!  package require md5
!  catch {package require udp}
!  set text "HEARTBEAT TUNNEL @ME@ sender [clock seconds]"
!  set digest [string tolower [md5::md5 -hex "$text @PASSWORD_TCL@"]]
!  set socket [udp_open]
!  udp_conf $socket @POP@ 3740
!  puts -nonewline $socket "$text $digest"
!  close $socket
)~";

}  // namespace

const Platform& ios_platform() {
  static const Platform platform{
      .name = "ios",
      .title = "Cisco IOS and IOS XE",
      .comment = "!",
      .recipes = {{Carry::kProto41, {kHead, kSit, kInner, kUpdate}},
                  {Carry::kHeartbeat, {kHead, kSit, kInner, kBeats}},
                  {Carry::kGre, {kHead, kGre, kInner, kUpdate}},
                  {Carry::kGreOverIpv6, {kHead, kGreOverIpv6, kInner}},
                  {Carry::kIpv6Tunnel, {kHead, kIpv6Tunnel, kInner}}},
      .outside = "Dialer0",
      .inside = "GigabitEthernet0/1",
      .limits = "it has no AYIYA",
  };
  return platform;
}

}  // namespace simplon::cli
