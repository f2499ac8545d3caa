# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
#
# Sends one heartbeat from Cisco IOS ("TCL UDP" feature; md5 of tcllib on the flash):
#
#   scripting tcl init flash:tcllib1.12/md5/pkgIndex.tcl
#   event manager applet heartbeat
#    event timer cron cron-entry "* * * * *"
#    action 1.0 cli command "enable"
#    action 2.0 cli command "tclsh flash:beat.tcl"
#
# Elsewhere it needs the packages md5 (tcllib) and udp.
package require md5
catch {package require udp}

set pop      192.0.2.1
set identity 2001:db8:10:1::2
set password example-only-of-T101

set text "HEARTBEAT TUNNEL $identity sender [clock seconds]"
set digest [string tolower [md5::md5 -hex "$text $password"]]
set socket [udp_open]
udp_conf $socket $pop 3740
puts $socket "$text $digest"
close $socket
