# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Outer packets in fragments (docs/protocols.md 2.6)."""

import itertools

from .case import Case, hop
from .frames import NATIVE, echo6, echo6_reply, fragments, icmp4, ipv4, pattern, udp6, with_traffic_class
from .tunnels import T1, T2, T3, T7


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
reassembled(c, pieces(c, T1, packet, 1480)[::-1])
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


# ---- What cannot be put together.

WHOLE = udp6(T1.client, NATIVE, 400)


def piece(c, start, end, more, tunnel=T1, payload=WHOLE, ident=1, **fields):
    """One fragment with bytes start..end of a payload; offsets need not make sense."""
    outer = c.outer_from(tunnel, payload[start:end] if end <= len(payload) else pattern(end - start), id=ident,
                         frag=start // 8, flags="MF" if more else 0, **fields)
    return c.frame_from(c.topology.link4, outer)


def refused(c, reason, *frames):
    for frame in frames:
        c.drop(frame, reason)


c = case("overlap", "Fragments that overlap spoil the datagram, and what follows of it", [29],
         note="RFC 5722's rule for IPv6 fragments, for those of IPv4 too.")
refused(c, "reassembly-invalid", piece(c, 0, 200, True), piece(c, 192, 400, False), piece(c, 200, 400, False))
refused(c, "reassembly-invalid", piece(c, 0, 200, True, ident=2), piece(c, 8, 16, True, ident=2))
refused(c, "reassembly-invalid", piece(c, 200, 400, False, ident=3), piece(c, 0, 208, True, ident=3))

c = case("duplicate", "An exact duplicate is dropped, and the datagram goes on", [29])
c.receive(piece(c, 0, 200, True))
refused(c, "reassembly-invalid", piece(c, 0, 200, True))
c.receive(piece(c, 200, 400, False))
c.count("worker consumed")
c.count("worker reassembled")
c.delivered_out(T1, hop(WHOLE))

c = case("past-the-end", "Fragments past 65,535 bytes, as of a ping of death, are dropped", [29])
refused(c, "reassembly-invalid", piece(c, 65512, 65612, False), piece(c, 65528, 65536, True, ident=2),
        piece(c, 65528, 65529, False, ident=3))

c = case("too-large", "A datagram above 2,000 bytes is not put together", [29])
refused(c, "reassembly-quota", piece(c, 0, 1400, True), piece(c, 1400, 2000, False))
refused(c, "reassembly-quota", piece(c, 8000, 8104, True, ident=2))

c = case("tiny", "A datagram in more than 16 pieces is refused", [29])
for number in range(17):
    refused(c, "reassembly-quota", piece(c, 8 * number, 8 * number + 8, True))

c = case("sixteen", "One in 16 pieces is not", [28, 29])
parts = [piece(c, 24 * number, 24 * number + 24, True) for number in range(15)] + [piece(c, 360, 400, False)]
reassembled(c, parts)
c.delivered_out(T1, hop(WHOLE))

c = case("misaligned", "A piece before the last whose length is no multiple of eight, or empty, is refused", [29])
refused(c, "reassembly-invalid", piece(c, 0, 201, True), piece(c, 0, 7, True, ident=2), piece(c, 0, 0, True, ident=3),
        piece(c, 200, 200, False, ident=4))

c = case("two-ends", "Pieces that disagree about the end are refused", [29])
refused(c, "reassembly-invalid", piece(c, 200, 400, False), piece(c, 160, 200, False))
refused(c, "reassembly-invalid", piece(c, 200, 304, False, ident=2), piece(c, 304, 400, True, ident=2))
refused(c, "reassembly-invalid", piece(c, 304, 400, True, ident=3), piece(c, 200, 304, False, ident=3))

c = case("timeout", "What is not complete after 30 seconds is dropped, without an ICMP", [29], bursts=False,
         arguments=["--linger 31"])
c.receive(piece(c, 0, 200, True))
c.receive(piece(c, 200, 400, False, ident=2))
c.count("drop reassembly-timeout", 2)

c = case("almost-timeout", "A piece after 29 seconds is in time, one after 31 begins anew", [29], bursts=False)
c.receive(piece(c, 0, 200, True))
c.at(29)
c.receive(piece(c, 200, 400, False))
c.count("worker consumed")
c.count("worker reassembled")
c.delivered_out(T1, hop(WHOLE))
c.receive(piece(c, 0, 200, True, ident=2))
c.at(60.5)
c.receive(piece(c, 200, 400, False, ident=2))
c.count("drop reassembly-timeout")
c.count("worker held_reassembly")

c = case("per-source", "A source may have eight datagrams unfinished; beyond, its own oldest goes", [29, 30], bursts=False)
for ident in range(1, 11):
    c.receive(piece(c, 0, 200, True, ident=ident))
c.count("drop reassembly-quota", 2)
for ident in (10, 3):
    c.receive(piece(c, 200, 400, False, ident=ident))
    c.count("worker consumed")
    c.count("worker reassembled")
    c.delivered_out(T1, hop(WHOLE))
c.receive(piece(c, 200, 400, False, ident=2))  # its first half is gone: begins anew
c.count("worker held_reassembly", 7)

c = case("flood", "A flood of fragments through one endpoint does not evict those of another tunnel", [30])
c.receive(piece(c, 0, 200, True))
flood = udp6(T2.client, NATIVE, 400)
for ident in range(1, 301):
    c.receive(piece(c, 0, 64, True, tunnel=T2, payload=flood, ident=ident))
c.count("drop reassembly-quota", 292)
c.count("worker held_reassembly", 8)
c.receive(piece(c, 200, 400, False))
c.count("worker consumed")
c.count("worker reassembled")
c.delivered_out(T1, hop(WHOLE))

c = case("ecn", "A mark on one fragment marks the whole; CE on one and not-ECT on another spoils it", [28, 94],
         note="RFC 3168 5.3.")
marked = udp6(T1.client, NATIVE, 400, traffic_class=2)
c.receive(piece(c, 0, 200, True, payload=marked, tos=2))
c.receive(piece(c, 200, 400, False, payload=marked, tos=3))
c.count("worker consumed")
c.count("worker reassembled")
c.delivered_out(T1, hop(with_traffic_class(marked, 3)))
refused(c, "reassembly-invalid", piece(c, 0, 200, True, payload=marked, tos=0, ident=2),
        piece(c, 200, 400, False, payload=marked, tos=3, ident=2))

c = case("other-protocols", "Fragments of what carries no tunnel are not put together", [28])
for number, fragment in enumerate(fragments(ipv4(T1.remote, "192.0.2.1", pattern(200), 50, id=9), 96)):
    c.drop(c.frame_from(c.topology.link4, fragment), "protocol-unsupported")
echo = icmp4("203.0.113.5", "192.0.2.1", 8, 0, 1, pattern(200), id=9)
for fragment in fragments(echo, 96):
    c.drop(c.frame_from(c.topology.link4, fragment), "icmpv4-ignored")

c = case("last-only", "A last fragment is a fragment too, though its MF is clear", [28],
         note="Taken for a whole packet it would be decapsulated from its middle.")
inside = WHOLE[:200] + udp6(T1.client, NATIVE, 200)
c.receive(piece(c, 200, 400, False, payload=inside))
c.count("worker held_reassembly")

c = case("static-hairpin", "Put together from one tunnel and sent into another with DF clear", [28, 33])
packet = udp6(T1.client, T3.client, 700)
reassembled(c, pieces(c, T1, packet, 304))
c.count_in(T1, packet)
c.count("worker hairpin")
c.delivered_in(T3, hop(packet))
