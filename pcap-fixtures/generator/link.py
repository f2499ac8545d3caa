# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""The uplink: frames, ARP, neighbour discovery, ICMPv4 (docs/protocols.md 5, 6)."""

import struct

from .case import BROADCAST, GATEWAY4_MAC, GATEWAY6_MAC, OTHER_MAC, POP_MAC, Case, one_port
from .frames import (ARP, NATIVE, echo6, echo6_reply, ethernet, ethernet_of, icmp4, ipv4, link_layer_option,
                     neighbor_advertisement, neighbor_solicitation, pattern, solicited_node, udp6)
from .tunnels import T1

ZERO = "00:00:00:00:00:00"
INTERFACE = "2001:db8:ffff::1"
LINK_LOCAL = "fe80::5eff:fe00:1"  # of POP_MAC (RFC 4291 appendix A)
HOST = "2001:db8:ffff::77"
HOST_MAC = "02:00:5e:00:00:77"


def case(name, *args, **kw):
    return Case("link/" + name, *args, **kw)


def arp(operation, sender_mac, sender, target_mac, target, destination=BROADCAST, source=None, **fields):
    """An ARP frame, padded to 60 bytes as Ethernet does."""
    packet = ARP(op=operation, hwsrc=sender_mac, psrc=sender, hwdst=target_mac, pdst=target, **fields)
    return ethernet(destination, source or sender_mac, packet).ljust(60, b"\0")


c = case("arp", "An ARP request for an IPv4 address of the PoP is answered to the asker", [])
for address in ("192.0.2.1", "192.0.2.2"):
    for asker, mac in (("192.0.2.77", OTHER_MAC), ("192.0.2.254", GATEWAY4_MAC)):
        c.answer_link(arp(1, mac, asker, ZERO, address), arp(2, POP_MAC, address, mac, asker, mac), "neighbor_adverts")

c = case("arp-unicast", "A unicast ARP request, as a router sends to refresh its entry, is answered too", [])
c.answer_link(arp(1, GATEWAY4_MAC, "192.0.2.254", POP_MAC, "192.0.2.1", POP_MAC),
              arp(2, POP_MAC, "192.0.2.1", GATEWAY4_MAC, "192.0.2.254", GATEWAY4_MAC), "neighbor_adverts")

c = case("arp-foreign", "ARP for others, and replies nobody asked for, are ignored", [])
c.drop(arp(1, OTHER_MAC, "192.0.2.77", ZERO, "192.0.2.78"), "arp-ignored")
c.drop(arp(1, OTHER_MAC, "192.0.2.77", ZERO, "192.0.2.77"), "arp-ignored")  # gratuitous
c.drop(arp(2, OTHER_MAC, "192.0.2.77", POP_MAC, "192.0.2.1", POP_MAC), "arp-ignored")

c = case("address-conflict", "Somebody else with an address of ours is counted and answered with the announcement", [],
         bursts=False, note="At most every ten seconds (RFC 5227 2.4).")
for seconds, answered in ((0, True), (1, False), (11, True)):
    c.at(seconds)
    c.drop(arp(1, OTHER_MAC, "192.0.2.1", ZERO, "192.0.2.1"), "arp-ignored")
    c.count("worker address_conflicts")
    if not answered:
        continue
    for address in ("192.0.2.1", "192.0.2.2"):
        c.originate("neighbor_adverts")
        c.send(arp(1, POP_MAC, address, ZERO, address))
    for address in (INTERFACE, LINK_LOCAL):
        c.originate("neighbor_adverts")
        c.send(ethernet("33:33:00:00:00:01", POP_MAC, neighbor_advertisement(
            address, "ff02::1", address, 0xa0000000, link_layer_option(2, POP_MAC))))

c = case("arp-flood", "A flood of ARP is cut to the budget of its class", [],
         note="256 at once, then 2,000 a second: what exceeds it never reaches the slow path.")
c.step = 0
c.at(0)
for i in range(300):
    request = arp(1, OTHER_MAC, "192.0.2.77", ZERO, "192.0.2.1")
    if i < 256:
        c.answer_link(request, arp(2, POP_MAC, "192.0.2.1", OTHER_MAC, "192.0.2.77", OTHER_MAC), "neighbor_adverts")
    else:
        c.drop(request, "punt-policed")

c = case("arp-malformed", "ARP that is not Ethernet and IPv4, or is cut off, is dropped", [])
good = arp(1, OTHER_MAC, "192.0.2.77", ZERO, "192.0.2.1")
for at, value in ((14, b"\0\6"), (16, b"\x86\xdd"), (18, b"\7"), (19, b"\x10")):
    c.drop(good[:at] + value + good[at + len(value):], "arp-malformed")
c.drop(arp(3, OTHER_MAC, "192.0.2.77", POP_MAC, "192.0.2.1"), "arp-malformed")  # reverse ARP
c.drop(arp(1, BROADCAST, "192.0.2.77", ZERO, "192.0.2.1", source=OTHER_MAC), "arp-malformed")
c.drop(good[:14 + 27], "arp-malformed")
c.drop(good[:14], "arp-malformed")

c = case("nd", "A solicitation for an address of the uplink is answered with the link-layer address", [])
for target in (INTERFACE, LINK_LOCAL):
    for source in (HOST, "fe80::77"):
        c.answer_link(
            ethernet("33:33:ff:00:00:01", HOST_MAC, neighbor_solicitation(
                source, solicited_node(target), target, link_layer_option(1, HOST_MAC))),
            ethernet(HOST_MAC, POP_MAC, neighbor_advertisement(
                target, source, target, 0xe0000000, link_layer_option(2, POP_MAC))), "neighbor_adverts")

c = case("nd-unicast", "A unicast solicitation, as a router sends to probe, is answered too", [])
c.answer_link(
    ethernet(POP_MAC, GATEWAY6_MAC, neighbor_solicitation("2001:db8:ffff::fe", INTERFACE, INTERFACE,
                                                         link_layer_option(1, GATEWAY6_MAC))),
    ethernet(GATEWAY6_MAC, POP_MAC, neighbor_advertisement(INTERFACE, "2001:db8:ffff::fe", INTERFACE, 0xe0000000,
                                                          link_layer_option(2, POP_MAC))), "neighbor_adverts")

c = case("nd-duplicate-address", "Duplicate address detection for the uplink's address is answered to all nodes", [])
c.answer_link(
    ethernet("33:33:ff:00:00:01", HOST_MAC, neighbor_solicitation("::", solicited_node(INTERFACE), INTERFACE)),
    ethernet("33:33:00:00:00:01", POP_MAC, neighbor_advertisement(INTERFACE, "ff02::1", INTERFACE, 0xa0000000,
                                                                 link_layer_option(2, POP_MAC))), "neighbor_adverts")

c = case("nd-foreign", "Solicitations for others, on the link as much as for tunnel addresses, are ignored", [])
for target in (HOST, "fe80::77", T1.client, "2001:db8:1000::1"):
    c.drop(ethernet("33:33:ff:00:00:01", HOST_MAC, neighbor_solicitation(
        "fe80::78", solicited_node(target), target, link_layer_option(1, HOST_MAC))), "nd-not-ours")

c = case("nd-malformed", "Hop limit not 255, code not 0, a bad checksum, an empty option: ignored", [])
for packet in (
        neighbor_solicitation(HOST, INTERFACE, INTERFACE, hop_limit=254),
        neighbor_solicitation(HOST, INTERFACE, INTERFACE, code=1),
        neighbor_solicitation(HOST, INTERFACE, INTERFACE, checksum=1),
        neighbor_solicitation(HOST, INTERFACE, INTERFACE, b"\x01\x00" + bytes(6)),
        neighbor_solicitation("::", INTERFACE, INTERFACE)):
    c.drop(ethernet(POP_MAC, HOST_MAC, packet), "icmpv6-malformed")

c = case("nd-echo-link-local", "Echo to the uplink's link-local address goes back to the station that asked", [])
request = echo6("fe80::77", LINK_LOCAL)
c.receive(ethernet(POP_MAC, HOST_MAC, request))
c.count("worker consumed")
c.originate("echo_replies")
c.send(ethernet(HOST_MAC, POP_MAC, echo6_reply(request)))

c = case("icmpv4-echo", "An ICMPv4 echo request to each IPv4 address of the PoP is answered from it", [49])
for address in ("192.0.2.1", "192.0.2.2"):
    for size in (0, 1, 56, 1472):
        data = pattern(size)
        c.receive(c.frame_from(c.topology.link4, icmp4("203.0.113.5", address, 8, 0, 0x12340001, data, ttl=57, id=7)))
        c.count("worker consumed")
        c.originate("echo_replies")
        c.send(ethernet(GATEWAY4_MAC, POP_MAC, icmp4(address, "203.0.113.5", 0, 0, 0x12340001, data, ttl=64, id=0, flags="DF")))

c = case("icmpv4-echo-off", "With the setting on, ICMPv4 echo requests are not answered", [49], topology=one_port("talkative"))
c.drop(c.frame_from(c.topology.link4, icmp4("203.0.113.5", "192.0.2.1", 8, 0, 0x12340001, pattern(56))), "icmpv4-ignored")

c = case("icmpv4-other", "Other ICMPv4 to the PoP is dropped: malformed, or nothing it answers", [49])
c.drop(c.frame_from(c.topology.link4, icmp4("203.0.113.5", "192.0.2.1", 8, 0, 1, pattern(56), checksum=0)), "icmpv4-malformed")
c.drop(c.frame_from(c.topology.link4, ipv4("203.0.113.5", "192.0.2.1", b"\x08\0\xf7\xff", 1)), "icmpv4-malformed")
for kind in (0, 4, 5, 9, 10, 13, 15, 17):
    c.drop(c.frame_from(c.topology.link4, icmp4("203.0.113.5", "192.0.2.1", kind, 0, 1, pattern(20))), "icmpv4-ignored")

c = case("icmpv4-errors", "ICMPv4 errors about our outer packets are counted and change nothing", [44])
quoted = c.outer_to(T1, udp6(NATIVE, T1.client))
foreign = ipv4("203.0.113.1", "198.51.100.10", udp6(NATIVE, T1.client))
for kind, code in ((3, 1), (3, 2), (3, 4), (11, 0)):
    for quote in (quoted, quoted[:28]):
        c.receive(c.frame_from(c.topology.link4, icmp4("203.0.113.5", "192.0.2.1", kind, code, 0, quote)))
        c.count("worker consumed")
        c.count("worker icmpv4_errors_received")
    for quote in (foreign[:28], quoted[:19], b""):
        c.drop(c.frame_from(c.topology.link4, icmp4("203.0.113.5", "192.0.2.1", kind, code, 0, quote)), "icmpv4-ignored")

c = case("protocols", "IPv4 to the PoP of protocols it does not serve is dropped without an answer", [])
for protocol in (6, 17, 132, 50, 4, 254):
    c.drop(c.frame_from(c.topology.link4, ipv4("203.0.113.5", "192.0.2.1", pattern(40), protocol)), "protocol-unsupported")

c = case("frames", "Frames that are too short, for somebody else or of another kind are dropped by name", [])
packet = udp6(NATIVE, T1.client)
for size in (0, 1, 13):
    c.drop(c.from_net(packet)[:size], "frame-malformed")
c.drop_net(packet, "frame-not-for-us", destination=OTHER_MAC)
for kind in (0x88cc, 0x0026, 0x8847, 0x88b5):
    c.drop(ethernet_of("01:80:c2:00:00:0e", OTHER_MAC, kind, bytes(46)), "ethertype-unknown")

c = case("ipv6-malformed", "A native packet with a wrong version or length is dropped", [])
packet = udp6(NATIVE, T1.client)
frame = c.from_net(packet)
for first in (0x00, 0x45, 0x70):
    c.drop(frame[:14] + bytes([first]) + frame[15:], "frame-malformed")
c.drop(frame[:-1], "frame-malformed")
c.drop(frame[:14 + 39], "frame-malformed")
c.drop(frame[:14 + 4] + struct.pack("!H", len(packet) - 39) + frame[14 + 6:], "frame-malformed")
c.drop(frame[:14], "frame-malformed")
