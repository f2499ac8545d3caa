# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""GRE (docs/protocols.md 11.1; RFC 2784, RFC 2890)."""

from . import clients
from .clients import gre, outer
from .dynamic_case import DynamicCase, every_ecn_combination, hop
from .dynamic_tunnels import A1, G7, G8, G9, G16, G20, G25, H2, P4, P4B, P6, P6B, S6, S10
from .frames import NATIVE, echo6, echo6_reply, udp6
from .frames import fragments as in_fragments


def case(name, *args, **kw):
    return DynamicCase("gre/" + name, *args, **{"bursts": True, **kw})


NATIVE4 = "203.0.113.77"


def both_ways(c, tunnel, size=200, **fields):
    c.forward_in(tunnel, udp6(NATIVE, tunnel.client, size))
    c.forward_out(tunnel, udp6(tunnel.client, NATIVE, size), **fields)


c = case("plain", "GRE without options: four bytes between outer and inner header, both ways",
         note="00 00 86 dd, as sixxsd sent it; but only for tunnels that are configured so.")
assert gre(udp6(NATIVE, NATIVE))[:4].hex() == "000086dd"
both_ways(c, G7)
c.forward_out(G7, udp6("2001:db8:3007::1", NATIVE))
c.forward_in(G7, udp6(NATIVE, G7.routed(1)))

c = case("options", "Key, checksum and sequence number are sent as configured; the numbers count from 0", bursts=False)
for _ in range(3):
    both_ways(c, G8)
c.forward_in(G8, udp6(NATIVE, G8.client, 201))  # an odd number of bytes under the checksum

c = case("options-received", "Checksum and sequence number are understood whether configured or not, in any order")
for tunnel in (G7, G8):
    packet = udp6(tunnel.client, NATIVE, 151)
    for checksum in (False, True):
        for sequence in (None, 7, 3, 0xffffffff):
            c.forward_out(tunnel, packet, checksum=checksum, sequence=sequence)
    c.forward_out(tunnel, packet, checksum=True, reserved=0)

c = case("key", "The key is the tunnel's, or the packet is dropped; so is one with a key for a tunnel without")
for key in (None, 0, 0xdecadf, 0xadecade):
    c.drop_client(G8, udp6(G8.client, NATIVE), "gre-key-mismatch", key=key)
for key in (0, 1):
    c.drop_client(G7, udp6(G7.client, NATIVE), "gre-key-mismatch", key=key)
both_ways(c, G8)

c = case("checksum", "A wrong checksum is dropped")
for wrong in (1, 0x8000, 0xff00):
    packet = gre(udp6(G7.client, NATIVE), checksum=True, bad_checksum=wrong)
    c.refuse(outer(G7.remote, P4, packet, 47), "gre-bad-checksum")

c = case("malformed", "A short header, another version, source routing or another payload is dropped")
inner = udp6(G7.client, NATIVE)
for size in (0, 1, 3):
    c.refuse(outer(G7.remote, P4, gre(inner)[:size], 47), "gre-malformed")
for size in (4, 7, 11, 15):
    c.refuse(outer(G7.remote, P4, gre(inner, key=1, checksum=True, sequence=1)[:size], 47), "gre-malformed")
for version in (1, 2, 7):  # 1 is PPTP's
    c.refuse(outer(G7.remote, P4, gre(inner, version=version), 47), "gre-malformed")
for flags in (0x4000, 0x0800, 0x0400):  # RFC 1701's: routing, strict source route, recursion
    c.refuse(outer(G7.remote, P4, gre(inner, flags=flags), 47), "gre-malformed")
for flags in (0x0200, 0x0100, 0x0080, 0x0008, 0x03f8):  # to be ignored
    c.arrive(outer(G7.remote, P4, gre(inner, flags=flags), 47))
    c.delivered_out(G7, hop(inner))
for protocol in (0, 0x6558, 0x8847, 0x880b, 0xffff):
    c.refuse(outer(G7.remote, P4, gre(inner, protocol=protocol), 47), "gre-malformed")

c = case("inner", "Behind the header the inner packet is checked as in 6in4; what is behind its end is trimmed")
for size in (0, 1, 39, 99):
    c.refuse(outer(G7.remote, P4, gre(inner, protocol=0x86dd)[:4 + size], 47), "inner-malformed")
c.refuse(outer(G7.remote, P4, gre(b"\x45" + inner[1:], protocol=0x86dd), 47), "inner-not-ipv6")
c.arrive(outer(G7.remote, P4, gre(inner) + bytes(9), 47))
c.delivered_out(G7, hop(inner))
for source, reason in ((G7.near, "inner-source-is-pop"), (G7.link(3), "inner-source-not-client")):
    c.drop_client(G7, udp6(source, NATIVE), reason)
for source, reason in (("2001:db8:beef::1", "inner-source-not-delegated"), ("ff02::1", "inner-source-invalid"),
                       ("2001:db8:2ff:77::2", "tunnel-unknown")):
    c.drop_client(G7, udp6(source, NATIVE), reason, blame=None)

c = case("addresses", "Outer source and destination are the tunnel's: nothing is learned from GRE", [16])
c.drop_client(G7, inner, "outer-source-mismatch", src="203.0.113.9")
c.drop_client(G7, inner, "outer-destination-mismatch", dst=P4B)
c.drop_client(G7, inner, "outer-source-invalid", src=P4B, blame=None)
c.refuse(outer(S6.remote, P4, gre(inner), 47), "outer-source-mismatch", S6)
c.refuse(outer(G9.remote, P6B, gre(udp6(G9.client, NATIVE)), 47), "outer-destination-mismatch", G9)
c.refuse(outer("2001:db8:9::2", P6, gre(udp6(G9.client, NATIVE)), 47), "outer-source-mismatch")
both_ways(c, G7)

c = case("other-kinds", "GRE for tunnels of another kind, and other encapsulations for a GRE tunnel, are dropped", [149],
         note="The original accepted GRE for every static tunnel and turned it over.")
c.refuse(outer(S6.remote, P4, gre(udp6(S6.client, NATIVE)), 47), "encapsulation-mismatch", S6)
c.refuse(outer(S10.remote, P6, gre(udp6(S10.client, NATIVE)), 47), "encapsulation-mismatch", S10)
c.refuse(outer(G7.remote, P4, inner, 41), "encapsulation-mismatch", G7)
c.refuse(outer(G9.remote, P6, udp6(G9.client, NATIVE), 41), "encapsulation-mismatch", G9)
c.refuse(outer("203.0.113.9", P4, gre(udp6(H2.client, NATIVE)), 47), "tunnel-down", H2)
c.refuse(outer("203.0.113.9", P4, gre(udp6(A1.client, NATIVE)), 47), "tunnel-down", A1)
both_ways(c, G7)
both_ways(c, G9)

c = case("over-ipv6", "GRE over IPv6, both ways")
both_ways(c, G9)
c.forward_in(G9, udp6(NATIVE, G9.client, 1456))

c = case("mtu", "1476 over IPv4, less 4 for each option; 1456 over IPv6; what is configured if that is less", bursts=False)
for tunnel, mtu in ((G7, 1476), (G8, 1464), (G9, 1456), (G25, 1400)):
    c.forward_in(tunnel, udp6(NATIVE, tunnel.client, mtu))
    c.refuse_net(udp6(NATIVE, tunnel.client, mtu + 1), "packet-too-big", 2, 0, tunnel.near, mtu, blame=tunnel)

c = case("ecn", "RFC 6040 and DSCP as in 6in4", [89, 90, 91, 92, 93, 94, 95, 96, 97, 99])
every_ecn_combination(c, (G7, G16))

c = case("fragmented", "GRE in fragments is put together", [28])
for ident, order in enumerate(((0, 1), (1, 0)), 1):
    packet = udp6(G7.client, NATIVE, 1476)
    parts = in_fragments(outer(G7.remote, P4, gre(packet), 47, id=ident, flags=0), 744)
    for index in order:
        c.arrive(parts[index])
    c.count("worker consumed")
    c.count("worker reassembled")
    c.delivered_out(G7, hop(packet))

c = case("across", "From GRE into other tunnels and back", [33])
c.forward_across(G7, S6, udp6(G7.client, S6.client))
c.forward_across(S6, G7, udp6(S6.client, G7.client))
c.forward_across(G9, S10, udp6(G9.client, S10.client))
c.forward_across(S10, G9, udp6(S10.client, G9.client))
c.refuse_client(G7, udp6(G7.client, G7.routed(1)), "same-in-out", 1, 3)

c = case("pop", "The PoP's end answers through the tunnel", [65, 67])
request = echo6(G7.client, G7.near)
c.answer_client(G7, request, echo6_reply(request), "echo_replies")
c.refuse_client(G7, udp6(G7.client, G7.near), "port-unreachable", 1, 4, accepted=True)
request = echo6(G9.client, G9.near)
c.answer_client(G9, request, echo6_reply(request), "echo_replies")

c = case("ipv4", "IPv4 inside: EtherType 0800, both ways")
packet = clients.udp4(NATIVE4, "10.128.20.9", 200)
assert gre(packet)[:4].hex() == "00000800"
c.forward_in(G20, packet)
c.forward_out(G20, clients.udp4("10.128.20.9", NATIVE4, 200))
c.forward_out(G20, clients.udp4("10.128.23.255", NATIVE4, 200))
c.forward_out(G25, clients.udp4("10.64.0.1", NATIVE4, 200))
both_ways(c, G20)
