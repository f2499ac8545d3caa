# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""IPv6 and IPv4 in IPv6 (docs/protocols.md 11.2; RFC 2473)."""

import struct

from . import clients
from .clients import in_ipv6, limit_option, outer, udp4
from .dynamic_case import DynamicCase, every_ecn_combination, hop
from .dynamic_tunnels import G7, P4, P6, P6B, S6, S10, S11, S23
from .frames import NATIVE, echo6, echo6_reply, error6, ipv6, pattern, udp6


def case(name, *args, **kw):
    return DynamicCase("ipv6_tunnel/" + name, *args, **{"bursts": True, **kw})


NATIVE4 = "203.0.113.77"


def both_ways(c, tunnel, size=200, **fields):
    c.forward_in(tunnel, udp6(NATIVE, tunnel.client, size))
    c.forward_out(tunnel, udp6(tunnel.client, NATIVE, size), **fields)


c = case("plain", "6in6 both ways: next header 41, hop limit of its own, flow label 0")
both_ways(c, S10)
both_ways(c, S23)
c.forward_out(S10, udp6("2001:db8:300a::1", NATIVE))
c.forward_in(S10, udp6(NATIVE, S10.routed(1), flow=0x12345))

c = case("4in6", "4in6 both ways: next header 4")
c.forward_in(S10, udp4(NATIVE4, "10.128.10.1", 200))
c.forward_out(S10, udp4("10.128.10.1", NATIVE4, 200))
c.forward_in(S11, udp4(NATIVE4, "10.128.11.1", 200))
c.forward_out(S11, udp4("10.128.11.1", NATIVE4, 200))

c = case("limit", "The encapsulation limit option is sent where it is configured, and stepped over where it comes")
assert limit_option(41, 4).hex() == "2900040104010100"
both_ways(c, S11)
for tunnel in (S10, S11):
    packet = udp6(tunnel.client, NATIVE)
    for limit in (0, 4, 255):
        c.arrive(in_ipv6(tunnel.remote, tunnel.local, packet, limit=limit))
        c.delivered_out(tunnel, hop(packet))
packet = udp6(S10.client, NATIVE)
for options in (bytes([41, 0, 1, 4, 0, 0, 0, 0]), bytes([41, 0, 0, 0, 0, 0, 0, 0]), bytes([41, 1, 1, 12]) + bytes(12)):
    c.arrive(ipv6(S10.remote, P6, options + packet, 60))
    c.delivered_out(S10, hop(packet))

c = case("limit-nested", "A packet with a limit of 0 is not encapsulated once more; one with n leaves with n - 1",
         note="RFC 2473 4.1.1: Parameter Problem code 0 that points at the value.")
for limit in (2, 4):
    nested = ipv6(NATIVE, S11.client, limit_option(59, limit), 60)
    c.receive_net(nested)
    c.depart(in_ipv6(P6B, S11.remote, hop(nested), limit=limit - 1))
    c.count_out(S11, nested)
nested = ipv6(NATIVE, S11.client, limit_option(59, 0), 60)
for tunnel in (S11, S10):
    nested = ipv6(NATIVE, tunnel.client, limit_option(59, 0), 60)
    c.drop_net(nested, "encapsulation-limit", tunnel)
    c.originate_to_net(error6(4, 0, tunnel.near, nested, 44), "icmpv6_errors_sent")

c = case("mtu", "1460, and 1452 with the option", bursts=False)
for tunnel, mtu in ((S10, 1460), (S11, 1452)):
    c.forward_in(tunnel, udp6(NATIVE, tunnel.client, mtu))
    c.refuse_net(udp6(NATIVE, tunnel.client, mtu + 1), "packet-too-big", 2, 0, tunnel.near, mtu, blame=tunnel)

c = case("ecn", "RFC 6040 and DSCP, with IPv6 outside", [89, 90, 91, 92, 93, 94, 95, 96, 97, 99])
every_ecn_combination(c, (S10, S23))

c = case("addresses", "Outer source and destination are the tunnel's", [16, 157])
packet = udp6(S10.client, NATIVE)
c.drop_client(S10, packet, "outer-source-mismatch", src="2001:db8:10::2")
c.drop_client(S10, packet, "outer-source-mismatch", src=S11.remote)
c.drop_client(S10, packet, "outer-destination-mismatch", dst=P6B)
for source in (P6, P6B, "::1", "::", "ff02::1", "::ffff:198.51.100.10"):
    c.drop_client(S10, packet, "outer-source-invalid", blame=None, src=source)
c.drop_client(S10, packet, "tunnel-source-from-uplink", blame=None, src=S11.client)
both_ways(c, S10)

c = case("other-kinds", "6in6 for tunnels of another kind, 6in4 for a tunnel over IPv6", [149])
c.refuse(outer("2001:db8:10::1", P6, udp6(S6.client, NATIVE), 41), "encapsulation-mismatch", S6)
c.refuse(outer("2001:db8:10::1", P6, udp6(G7.client, NATIVE), 41), "encapsulation-mismatch", G7)
c.refuse(outer("198.51.100.60", P4, packet, 41), "encapsulation-mismatch", S10)
c.refuse(outer("198.51.100.60", P4, udp4("10.128.10.1", NATIVE4), 4), "protocol-unsupported")

c = case("inner", "Bounds and versions of the inner packet; what is behind its end is trimmed")
for size in (0, 1, 39, 99):
    c.refuse(outer(S10.remote, P6, packet[:size], 41), "inner-malformed")
c.refuse(outer(S10.remote, P6, b"\x45" + packet[1:], 41), "inner-not-ipv6")
c.refuse(outer(S10.remote, P6, packet, 4), "inner-not-ipv4")
c.arrive(outer(S10.remote, P6, packet + bytes(9), 41))
c.delivered_out(S10, hop(packet))

c = case("options-refused", "Other destination options before the inner packet, and headers that run past the end, are refused")
for options in (bytes([41, 0, 0xc9, 4, 0, 0, 0, 0]), bytes([41, 0, 5, 2, 0, 0, 0, 0]), bytes([41, 0, 4, 2, 1, 1, 1, 0])):
    c.refuse(ipv6(S10.remote, P6, options + packet, 60), "extension-header")

c = case("fragmented", "Outer fragments of IPv6 are put together, in any order; overlapping ones are not", [28, 82, 143])


def pieces6(tunnel, whole, cut, ident):
    """An outer packet's payload of protocol 41 in two fragments."""
    head = lambda at, more: struct.pack("!BBHI", 41, 0, at | more, ident)  # noqa: E731
    return [ipv6(tunnel.remote, tunnel.local, head(0, 1) + whole[:cut], 44),
            ipv6(tunnel.remote, tunnel.local, head(cut, 0) + whole[cut:], 44)]


whole = udp6(S10.client, NATIVE, 1460)
for ident, order in enumerate(((0, 1), (1, 0)), 1):
    parts = pieces6(S10, whole, 1000, ident)
    for index in order:
        c.arrive(parts[index])
    c.count("worker consumed")
    c.count("worker reassembled")
    c.delivered_out(S10, hop(whole))

c = case("across", "Between 6in6, 6in4 and 4in6", [33])
c.forward_across(S10, S6, udp6(S10.client, S6.client))
c.forward_across(S6, S11, udp6(S6.client, S11.client))
c.forward_across(S10, S11, udp4("10.128.10.1", "10.128.11.1"))
c.refuse_client(S10, udp6(S10.client, S10.routed(1)), "same-in-out", 1, 3)

c = case("pop", "The PoP's end answers through the tunnel; its link-local address too", [65, 67, 108])
request = echo6(S10.client, S10.near, 300)
c.answer_client(S10, request, echo6_reply(request), "echo_replies")
c.refuse_client(S10, udp6(S10.client, S10.near), "port-unreachable", 1, 4, accepted=True)

c = case("uplink", "Packets to the tunnel end that are none of the tunnel's go to the PoP as before", [65, 67])
request = echo6("2001:db8:77::1", P6, 100)
c.answer_net(request, echo6_reply(request), "echo_replies")
stray = clients.udp("2001:db8:77::1", 4000, P6, 5353, pattern(40))
c.refuse_net(stray, "port-unreachable", 1, 4, P6)
