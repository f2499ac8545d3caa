# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Neighbour discovery on tunnels (docs/protocols.md 4.6, RFC 4213 3.7, 3.8)."""

from .case import OTHER_MAC, Case
from .frames import (IPv6ExtHdrFragment, address6, echo6, echo6_reply, icmp6, icmp6_raw, ipv6, link_layer_option,
                     neighbor_advertisement, neighbor_solicitation, solicited_node, udp6)
from .tunnels import T1, T2, T4, T5, T8, T9

CLIENT_LOCAL = "fe80::c633:640a"  # of T1's client, from 198.51.100.10
POP_LOCAL = "fe80::c000:201"  # of the PoP on tunnels from 192.0.2.1 (RFC 4213 3.7)
SOLICITED, UNSOLICITED = 0xc0000000, 0x80000000  # Router, with and without Solicited; never Override


def case(name, *args, **kw):
    return Case("neighbors/" + name, *args, **kw)


def answered(c, tunnel, source, target, options=b"", destination=None, **fields):
    """A solicitation and the advertisement it gets."""
    request = neighbor_solicitation(source, destination or solicited_node(target), target, options)
    if source == "::":
        reply = neighbor_advertisement(target, "ff02::1", target, UNSOLICITED)
    else:
        reply = neighbor_advertisement(target, source, target, SOLICITED)
    c.answer_client(tunnel, request, reply, "neighbor_adverts", **fields)


c = case("solicitation", "A solicitation for ::1 gets an advertisement, Router and Solicited, with no link-layer option", [101])
answered(c, T1, T1.client, T1.near)
answered(c, T1, T1.client, T1.near, destination=T1.near)
answered(c, T1, CLIENT_LOCAL, T1.near)
answered(c, T1, CLIENT_LOCAL, T1.near, destination=T1.near)
answered(c, T5, T5.client, T5.near)

c = case("source-option", "A source link-layer option is ignored and the solicitation answered", [103])
answered(c, T1, T1.client, T1.near, link_layer_option(1, OTHER_MAC))
answered(c, T1, CLIENT_LOCAL, T1.near, link_layer_option(1, OTHER_MAC) + b"\xfd\x01" + bytes(6))

c = case("malformed", "Hop limit not 255, code not 0, too short, a group as target, a bad checksum, an empty option: ignored", [102])
good = neighbor_solicitation(T1.client, T1.near, T1.near)
for packet in (
        neighbor_solicitation(T1.client, T1.near, T1.near, hop_limit=254),
        neighbor_solicitation(T1.client, T1.near, T1.near, hop_limit=64),
        neighbor_solicitation(T1.client, T1.near, T1.near, code=1),
        neighbor_solicitation(T1.client, T1.near, T1.near, checksum=0x1234),
        neighbor_solicitation(T1.client, T1.near, "ff02::1"),
        neighbor_solicitation(T1.client, T1.near, T1.near, b"\x01\x00" + bytes(6)),
        neighbor_solicitation(T1.client, T1.near, T1.near, b"\x01\x02" + bytes(6)),
        icmp6_raw(T1.client, T1.near, good[40:63], 255),
        icmp6_raw(T1.client, T1.near, good[40:48], 255)):
    c.ignore_client(T1, packet, "icmpv6-malformed")

c = case("not-ours", "A solicitation for an address that is not the PoP's is not answered", [104])
for target in (T1.link(3), T1.client, T2.near, "2001:db8:1000::1", "fe80::1"):
    c.ignore_client(T1, neighbor_solicitation(T1.client, solicited_node(target), target), "nd-not-ours")

c = case("duplicate-address", "Duplicate address detection: for ::1 an answer to ff02::1, for ::2 silence", [105])
answered(c, T1, "::", T1.near)
c.ignore_client(T1, neighbor_solicitation("::", solicited_node(T1.client), T1.client), "nd-not-ours")

c = case("duplicate-address-malformed", "From :: only to the solicited-node group and without a link-layer option", [102, 105])
c.ignore_client(T1, neighbor_solicitation("::", "ff02::1", T1.near), "icmpv6-malformed")
c.ignore_client(T1, neighbor_solicitation("::", solicited_node(T1.near), T1.near, link_layer_option(1, OTHER_MAC)),
                "icmpv6-malformed")

c = case("fragment", "A solicitation in a fragment is dropped", [106])
message = neighbor_solicitation(T1.client, T1.near, T1.near)[40:]
for header in (IPv6ExtHdrFragment(nh=58, id=1), IPv6ExtHdrFragment(nh=58, m=1, id=1)):
    c.ignore_client(T1, ipv6(T1.client, T1.near, bytes(header) + message, 44, hop_limit=255), "extension-header")

c = case("link-local", "The PoP's link-local address answers echo and solicitations on its tunnel", [108])
answered(c, T1, CLIENT_LOCAL, POP_LOCAL)
answered(c, T1, T1.client, POP_LOCAL)
for source in (CLIENT_LOCAL, T1.client):
    request = echo6(source, POP_LOCAL)
    c.answer_client(T1, request, echo6_reply(request), "echo_replies")
request = echo6(CLIENT_LOCAL, T1.near)
c.answer_client(T1, request, echo6_reply(request), "echo_replies")

c = case("link-local-foreign", "Link-local packets for anybody else, or from no tunnel's endpoint, are dropped", [19, 20])
c.ignore_client(T1, echo6(CLIENT_LOCAL, "fe80::1"), "link-local-transit")
c.drop_client(T1, echo6(CLIENT_LOCAL, POP_LOCAL), "outer-source-mismatch", src="203.0.113.99")
c.drop_client(T4, echo6("fe80::2", POP_LOCAL), "tunnel-disabled")
c.drop_client(T1, udp6(CLIENT_LOCAL, POP_LOCAL), "link-local-transit")

c = case("shared-remote", "Behind a shared address the target tells the tunnel", [101])
answered(c, T8, "::", T8.near)
answered(c, T9, "::", T9.near)
answered(c, T9, "fe80::9", T9.near)

c = case("quiet", "Multicast listener reports, advertisements and other multicast from a tunnel are dropped quietly", [110])
report = bytes([0x3a, 0, 5, 2, 0, 0, 1, 0]) + icmp6(CLIENT_LOCAL, "ff02::16", 143, 0, 1, b"\x04\0\0\0" + address6("ff02::1:ff00:2"))[40:]
c.drop_client(T1, ipv6(CLIENT_LOCAL, "ff02::16", report, 0, hop_limit=1), "multicast")
c.drop_client(T1, ipv6(T1.client, "ff02::16", report, 0, hop_limit=1), "multicast")
c.drop_client(T1, icmp6(T1.client, "ff02::1:2", 200), "multicast")
c.drop_client(T1, udp6(CLIENT_LOCAL, "ff02::fb"), "multicast")
c.ignore_client(T1, neighbor_advertisement(T1.client, "ff02::1", T1.client, 0x20000000), "icmpv6-ignored")
