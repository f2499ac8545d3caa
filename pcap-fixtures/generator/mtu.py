# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Too big, and the answers to it (docs/protocols.md 2.4, 3.7)."""

from .case import Case, hop, one_port, two_ports
from .frames import NATIVE, echo6, echo6_reply, fragments, ipv4, udp6
from .tunnels import T1, T7, T10


def case(name, *args, **kw):
    return Case("mtu/" + name, *args, **kw)


c = case("1480", "1480 bytes pass a tunnel with MTU 1480; 1481 get Packet Too Big 1480 and nothing is sent", [37, 38, 58])
c.forward_in(T1, udp6(NATIVE, T1.client, 1480))
c.refuse_net(udp6(NATIVE, T1.client, 1481), "packet-too-big", 2, 0, T1.near, 1480)
c.refuse_net(udp6(NATIVE, "2001:db8:1000::1", 1500), "packet-too-big", 2, 0, T1.near, 1480)

c = case("1280", "MTU 1280: 1280 bytes pass, 1281 get Packet Too Big 1280", [39])
c.forward_in(T7, udp6(NATIVE, T7.client, 1280))
c.refuse_net(udp6(NATIVE, T7.client, 1281), "packet-too-big", 2, 0, T7.near, 1280)

c = case("1400-static", "A static MTU in between", [5, 37])
c.forward_in(T10, udp6(NATIVE, T10.client, 1400))
c.refuse_net(udp6(NATIVE, T10.client, 1401), "packet-too-big", 2, 0, T10.near, 1400)

c = case("quote", "Packet Too Big quotes as much as fits in 1280 bytes, from the IPv6 header on", [38],
         note="The answer to a packet of 1500 bytes has exactly 1280; a short answer to a short packet is whole.")
c.refuse_net(udp6(NATIVE, T1.client, 1500), "packet-too-big", 2, 0, T1.near, 1480)
c.refuse_net(udp6(NATIVE, T1.client, 1231, hop_limit=1), "hop-limit-exceeded", 3, 0, T1.near)
c.refuse_net(udp6(NATIVE, T1.client, 1232, hop_limit=1), "hop-limit-exceeded", 3, 0, T1.near)
c.refuse_net(udp6(NATIVE, T1.client, 1233, hop_limit=1), "hop-limit-exceeded", 3, 0, T1.near)

c = case("hairpin", "From a large tunnel into a small one: Packet Too Big comes from the sender's own tunnel", [37, 62])
c.forward_across(T1, T7, udp6(T1.client, T7.client, 1280))
c.refuse_client(T1, udp6(T1.client, T7.client, 1281), "packet-too-big", 2, 0, argument=1280)

c = case("native-narrow", "From a tunnel to an uplink with a smaller MTU: Packet Too Big with the uplink's", [37, 58],
         topology=two_ports("narrow-native"))
c.forward_out(T1, udp6(T1.client, NATIVE, 1400))
c.refuse_client(T1, udp6(T1.client, NATIVE, 1401), "packet-too-big", 2, 0, argument=1400)

c = case("jumbo", "A jumbo frame from an uplink with MTU 9000 gets Packet Too Big", [56], topology=two_ports("jumbo"))
c.forward_in(T1, udp6(NATIVE, T1.client, 1480))
c.refuse_net(udp6(NATIVE, T1.client, 9000), "packet-too-big", 2, 0, T1.near, 1480)
c.refuse_net(udp6(NATIVE, T1.client, 5000), "packet-too-big", 2, 0, T1.near, 1480)

c = case("mru", "A tunnel with MTU 1280 may send up to what the uplink carries", [31])
c.forward_out(T7, udp6(T7.client, NATIVE, 1480))

c = case("in-fragments", "With DF clear an outer packet above the link's MTU leaves in two fragments", [10],
         topology=one_port("narrow"),
         note="The uplink carries 1280 bytes. Its tunnels have MTU 1280, so the outer packet has 1300: 1256 bytes of "
              "payload in the first fragment, 24 in the second.")


def in_two(c, tunnel, packet, ident):
    """Leaves in two fragments. The path does not carry 1280 + 20 bytes: DF=0 with an identification, also in dynamic
    mode."""
    whole = ipv4(tunnel.local, tunnel.remote, packet, ttl=tunnel.outer_ttl, id=ident, flags=0)
    for piece in fragments(whole, 1256):
        c.send(c.frame_to_gateway4(piece))
    c.count("worker fragments_made")
    c.count_out(tunnel, packet)


packet = udp6(NATIVE, T1.client, 1280)
for number in (1, 2):
    c.receive(c.from_net(packet))
    in_two(c, T1, hop(packet), number)

c = case("answer-in-fragments", "So does an answer of the PoP's own", [10, 65], topology=one_port("narrow"))
request = echo6(T1.client, T1.near, 1280)
c.receive(c.from_client(T1, request))
c.count("worker consumed")
c.count_in(T1, request)
c.originate("echo_replies")
in_two(c, T1, echo6_reply(request), 1)

c = case("fragments-across", "In fragments from one tunnel, in fragments into the next", [10, 28, 33],
         topology=one_port("narrow"))
packet = udp6(T1.client, T7.client, 1280)
for piece in fragments(c.outer_from(T1, packet, id=5, flags=0), 656):
    c.receive(c.frame_from(c.topology.link4, piece))
c.count("worker consumed")
c.count("worker reassembled")
c.count("worker hairpin")
c.count_in(T1, packet)
in_two(c, T7, hop(packet), 1)
