# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Next hops that are not known yet (docs/protocols.md 6.2, 6.3, 6.5)."""

from .case import BROADCAST, GATEWAY4_MAC, GATEWAY6_MAC, OTHER_MAC, POP_MAC, Case, hop
from .frames import (NATIVE, address6, ethernet, link_layer_option, neighbor_advertisement, neighbor_solicitation, solicited_node,
                     udp6)
from .link import ZERO, arp
from .tunnels import T1

GATEWAY4, GATEWAY6 = "192.0.2.254", "2001:db8:ffff::fe"
INTERFACE4, INTERFACE6 = "192.0.2.1", "2001:db8:ffff::1"
SOLICITED_OVERRIDE = 0x60000000


def case(name, *args, **kw):
    kw.setdefault("resolved", False)
    return Case("resolution/" + name, *args, bursts=False, **kw)


def multicast_mac(group):
    """RFC 2464 7."""
    return "33:33:" + ":".join(f"{byte:02x}" for byte in address6(group)[12:])


def ask4(c, target, seconds):
    c.originate("neighbor_solicits")
    c.send(arp(1, POP_MAC, INTERFACE4, ZERO, target), seconds=seconds)


def ask6(c, target, seconds):
    group = solicited_node(target)
    c.originate("neighbor_solicits")
    c.send(ethernet(multicast_mac(group), POP_MAC, neighbor_solicitation(
        INTERFACE6, group, target, link_layer_option(1, POP_MAC))), seconds=seconds)


def ask_gateways(c, seconds):
    """Ahead of need, from the first moment."""
    ask4(c, GATEWAY4, seconds)
    ask6(c, GATEWAY6, seconds)


def consumed(c, frame):
    c.receive(frame)
    c.count("worker consumed")


ARP_REPLY = arp(2, GATEWAY4_MAC, GATEWAY4, POP_MAC, INTERFACE4, POP_MAC)
ADVERTISEMENT = ethernet(POP_MAC, GATEWAY6_MAC, neighbor_advertisement(
    GATEWAY6, INTERFACE6, GATEWAY6, SOLICITED_OVERRIDE | 0x80000000, link_layer_option(2, GATEWAY6_MAC)))

c = case("answered", "Packets wait for their next hop and leave when it has answered", [13])
first, second = udp6(NATIVE, T1.client), udp6(NATIVE, T1.client, 60)
back = udp6(T1.client, NATIVE)
ask_gateways(c, 0)
c.receive(c.from_net(first))
c.receive(c.from_net(second))
c.receive(c.from_client(T1, back))
consumed(c, ARP_REPLY)
c.delivered_in(T1, hop(first))
c.delivered_in(T1, hop(second))
consumed(c, ADVERTISEMENT)
c.delivered_out(T1, hop(back))
c.forward_in(T1, first)
c.forward_out(T1, back)

c = case("unanswered", "Without an answer eight packets wait, the latest, and are dropped after three tries", [13],
         note="One solicitation a second for each gateway: three tries, and a gateway is asked on for ever.")
for second in (0, 1, 2, 3):
    ask_gateways(c, second)
for size in range(60, 70):
    c.receive(c.from_net(udp6(NATIVE, T1.client, size)))
c.at(3.5)
c.receive(c.from_net(udp6(NATIVE, T1.client, 80)))
c.count("drop no-neighbor", 11)

c = case("still-waiting", "What waits when the capture ends is held, not lost", [13])
ask_gateways(c, 0)
for size in range(60, 63):
    c.receive(c.from_net(udp6(NATIVE, T1.client, size)))
c.count("worker held_neighbor", 3)

c = case("late", "An answer to the third try is as good, and what came before it is still there", [13])
for second in (0, 1, 2):
    ask_gateways(c, second)
packet = udp6(NATIVE, T1.client)
c.receive(c.from_net(packet))
c.at(2.5)
consumed(c, ARP_REPLY)
c.delivered_in(T1, hop(packet))

c = case("on-link", "A host on the uplink's own prefix is asked for itself", [13], resolved=True)
HOST, HOST_MAC = "2001:db8:ffff::77", "02:00:5e:00:00:77"
packet = udp6(T1.client, HOST)
c.receive(c.from_client(T1, packet))
ask6(c, HOST, 0)
consumed(c, ethernet(POP_MAC, HOST_MAC, neighbor_advertisement(HOST, INTERFACE6, HOST, SOLICITED_OVERRIDE,
                                                             link_layer_option(2, HOST_MAC))))
c.send(ethernet(HOST_MAC, POP_MAC, hop(packet)))
c.count_in(T1, packet)
c.receive(c.from_client(T1, packet))
c.send(ethernet(HOST_MAC, POP_MAC, hop(packet)))
c.count_in(T1, packet)

c = case("scan", "A scan of the uplink's prefix from a tunnel asks for 64 addresses and no more", [13, 163], resolved=True,
         note="RFC 6583 6.1: the number of unresolved entries is bounded.")
c.step = 0
c.at(0)
for i in range(100):
    target = f"2001:db8:ffff::a:{i:x}"
    c.receive(c.from_client(T1, udp6(T1.client, target, 60)))
    if i < 64:
        ask6(c, target, 0)
        c.count("worker held_neighbor")
    else:
        c.count("drop no-neighbor")

c = case("forged", "Answers that are none change nothing: wrong target, hop limit, checksum, no address", [13])
ask_gateways(c, 0)
packet = udp6(T1.client, NATIVE)
c.receive(c.from_client(T1, packet))
c.count("worker held_neighbor")
for message, reason in (
        (neighbor_advertisement("2001:db8:ffff::99", INTERFACE6, "2001:db8:ffff::99", SOLICITED_OVERRIDE,
                                link_layer_option(2, OTHER_MAC)), "icmpv6-ignored"),
        (neighbor_advertisement(GATEWAY6, INTERFACE6, GATEWAY6, SOLICITED_OVERRIDE, link_layer_option(2, OTHER_MAC),
                                hop_limit=254), "icmpv6-malformed"),
        (neighbor_advertisement(GATEWAY6, INTERFACE6, GATEWAY6, SOLICITED_OVERRIDE), "icmpv6-ignored"),
        (neighbor_advertisement(GATEWAY6, INTERFACE6, GATEWAY6, SOLICITED_OVERRIDE, b"\x02\x00" + bytes(6)),
         "icmpv6-malformed")):
    c.drop(ethernet(POP_MAC, OTHER_MAC, message), reason)
c.drop(arp(2, OTHER_MAC, "192.0.2.99", POP_MAC, INTERFACE4, POP_MAC), "arp-ignored")
c.drop(arp(2, BROADCAST, GATEWAY4, POP_MAC, INTERFACE4, POP_MAC, OTHER_MAC), "arp-malformed")

c = case("static", "A static neighbour is neither asked for nor forgotten", [], resolved=True)
c.forward_in(T1, udp6(NATIVE, T1.client))
c.at(700)
c.forward_in(T1, udp6(NATIVE, T1.client))
c.forward_out(T1, udp6(T1.client, NATIVE))
