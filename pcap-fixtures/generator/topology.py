# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Two ports, VLANs."""

from .case import OTHER_MAC, POP_MAC, POP_MAC_2, Case, one_port, two_ports
from .frames import (NATIVE, echo6, echo6_reply, ethernet, ethernet_of, link_layer_option, neighbor_advertisement,
                     neighbor_solicitation, solicited_node, udp6)
from .link import ZERO, arp
from .tunnels import POP_ADDRESS, T1, T2


def case(name, *args, **kw):
    return Case("topology/" + name, *args, **kw)


def both_ways(c):
    c.forward_in(T1, udp6(NATIVE, T1.client))
    c.forward_out(T1, udp6(T1.client, NATIVE))
    c.forward_across(T1, T2, udp6(T1.client, T2.client))
    c.refuse_net(udp6(NATIVE, T1.client, 1481), "packet-too-big", 2, 0, T1.near, 1480)
    c.refuse_client(T1, udp6(T1.client, NATIVE, hop_limit=1), "hop-limit-exceeded", 3, 0)
    request = echo6(NATIVE, T1.near)
    c.answer_net(request, echo6_reply(request), "echo_replies")
    request = echo6(T1.client, T1.near)
    c.answer_client(T1, request, echo6_reply(request), "echo_replies")
    request = echo6(NATIVE, POP_ADDRESS)
    c.answer_net(request, echo6_reply(request), "echo_replies")


c = case("two-ports", "IPv4 on one port and IPv6 on another: each packet leaves where it belongs", [1, 14], topology=two_ports())
both_ways(c)

c = case("two-ports-link", "On two ports each answers for its own addresses only", [], topology=two_ports())
c.answer_link(arp(1, OTHER_MAC, "192.0.2.77", ZERO, "192.0.2.1"),
              arp(2, POP_MAC, "192.0.2.1", OTHER_MAC, "192.0.2.77", OTHER_MAC), "neighbor_adverts", "wan4")
c.answer_link(
    ethernet("33:33:ff:00:00:01", OTHER_MAC, neighbor_solicitation(
        "fe80::77", solicited_node("2001:db8:ffff::1"), "2001:db8:ffff::1", link_layer_option(1, OTHER_MAC))),
    ethernet(OTHER_MAC, POP_MAC_2, neighbor_advertisement(
        "2001:db8:ffff::1", "fe80::77", "2001:db8:ffff::1", 0xe0000000, link_layer_option(2, POP_MAC_2))),
    "neighbor_adverts", "wan6")
c.drop(ethernet(POP_MAC, OTHER_MAC, udp6(NATIVE, T1.client)), "frame-not-for-us", "wan6")

c = case("vlans", "A port with VLANs sends the tag of the family and takes it off", [12], topology=one_port("vlans", 100, 200))
both_ways(c)

c = case("vlan-unknown", "Untagged frames and other VLANs are dropped", [12], topology=one_port("vlans", 100, 200))
packet = udp6(NATIVE, T1.client)
c.drop(ethernet(POP_MAC, OTHER_MAC, packet), "vlan-unknown")
for vlan in (1, 101, 300, 4095):
    c.drop(ethernet(POP_MAC, OTHER_MAC, packet, vlan), "vlan-unknown")
c.drop(ethernet_of(POP_MAC, OTHER_MAC, 0x0800, c.outer_from(T1, udp6(T1.client, NATIVE)), 300), "vlan-unknown")
c.drop(ethernet_of(POP_MAC, OTHER_MAC, 0x0800, b"", 0)[:12] + b"\x81\x00\x00", "frame-malformed")

c = case("vlan-on-untagged", "On a port without VLANs a tag is unknown, but a priority tag is none", [12])
c.drop(ethernet(POP_MAC, OTHER_MAC, packet, 100), "vlan-unknown")
frame = c.from_net(packet)
c.receive(frame[:12] + b"\x81\x00\xa0\x00" + frame[12:])  # priority 5, VLAN 0
c.delivered_in(T1, packet[:7] + bytes([packet[7] - 1]) + packet[8:])
