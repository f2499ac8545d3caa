# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Outer packets in fragments (docs/protocols.md 2.6)."""

import itertools

from .case import Case, hop
from .frames import NATIVE, echo6, echo6_reply, fragments, ipv4, udp6
from .tunnels import T1, T2, T7


def case(name, *args, **kw):
    return Case("fragments/" + name, *args, **kw)


def pieces(c, tunnel, packet, *cuts, ident=1):
    return [c.frame_from(c.topology.link4, piece)
            for piece in fragments(c.outer_from(tunnel, packet, id=ident, flags=0), *cuts)]


def reassembled(c, frames):
    """Receives them; all but one are consumed by becoming part of the packet."""
    for frame in frames:
        c.receive(frame)
    c.count("worker consumed", len(frames) - 1)
    c.count("worker reassembled")


c = case("in-order", "Two fragments in order are put together and forwarded", [28])
for ident, size in enumerate((100, 1280, 1480, 1500), 1):
    packet = udp6(T1.client, NATIVE, size)
    reassembled(c, pieces(c, T1, packet, 48, ident=ident))
    c.delivered_out(T1, hop(packet))

c = case("reversed", "The last fragment first", [28])
packet = udp6(T1.client, NATIVE, 1500)
reassembled(c, reversed_ := pieces(c, T1, packet, 1480)[::-1])
c.delivered_out(T1, hop(packet))

c = case("any-order", "Three fragments in every order", [28])
packet = udp6(T1.client, NATIVE, 600)
for ident, order in enumerate(itertools.permutations(range(3)), 1):
    parts = pieces(c, T1, packet, 200, 400, ident=ident)
    reassembled(c, [parts[i] for i in order])
    c.delivered_out(T1, hop(packet))

c = case("interleaved", "Fragments of two tunnels and two packets between each other", [28])
one, two = udp6(T1.client, NATIVE, 500), udp6(T2.client, NATIVE, 700)
a, b = pieces(c, T1, one, 304, ident=7), pieces(c, T2, two, 304, ident=7)
other = pieces(c, T1, udp6(T1.client, NATIVE, 800), 304, ident=8)
for frame in (a[0], b[1], other[1]):
    c.receive(frame)
c.receive(b[0])
c.delivered_out(T2, hop(two))
c.receive(a[1])
c.delivered_out(T1, hop(one))
c.receive(other[0])
c.delivered_out(T1, hop(udp6(T1.client, NATIVE, 800)))
c.count("worker consumed", 3)
c.count("worker reassembled", 3)

c = case("to-pop", "A fragmented echo request to ::1 is answered", [28, 65])
request = echo6(T1.client, T1.near, 1400)
parts = pieces(c, T1, request, 1024)
reassembled(c, parts)
c.count("worker consumed")
c.count_in(T1, request)
c.originate_to_client(T1, echo6_reply(request), "echo_replies")

c = case("mru", "1500 inner bytes in fragments are accepted from a tunnel with MTU 1280", [28, 31])
packet = udp6(T7.client, NATIVE, 1500)
reassembled(c, pieces(c, T7, packet, 1232))
c.delivered_out(T7, hop(packet))

c = case("checked-again", "What is put together passes the same checks as what came whole", [16, 18, 25, 28])
for ident, (packet, reason) in enumerate((
        (udp6("2001:db8:1001::5", NATIVE), "outer-source-mismatch"), (udp6("ff0e::1", NATIVE), "inner-source-invalid"),
        (udp6(T1.client, NATIVE)[:-1], "inner-malformed"), (b"\x40" + udp6(T1.client, NATIVE)[1:], "inner-not-ipv6")), 1):
    reassembled(c, pieces(c, T1, packet, 48, ident=ident))
    c.count(f"drop {reason}")

c = case("unowned", "Fragments from a source that is no tunnel's endpoint are dropped", [15, 29])
for frame in pieces(c, T1, udp6(T1.client, NATIVE), 48):
    c.drop(frame.replace(bytes([198, 51, 100, 10]), bytes([203, 0, 113, 9])), "outer-bad-checksum")
for piece in fragments(ipv4("203.0.113.9", "192.0.2.1", udp6(T1.client, NATIVE), id=1), 48):
    c.drop(c.frame_from(c.topology.link4, piece), "reassembly-unowned")
