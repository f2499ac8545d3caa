# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""What goes into a tunnel: the outer header (docs/protocols.md 2.1, 2.2)."""

from .case import Case
from .frames import (NATIVE, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, PadN, echo6, echo6_reply, icmp6,
                     ipv6, pattern, tcp6, udp6)
from .tunnels import T1, T3, T5, T8, T9


def case(name, *args, **kw):
    return Case("encapsulation/" + name, *args, **kw)


c = case("plain", "A packet to ::2 leaves as protocol 41 behind a fresh outer header of 20 bytes", [1, 7, 8],
         note="DF is set and the identification 0: the path carries 1280 + 20 bytes, so the outer packet is an atomic "
              "datagram (RFC 4213 3.2.2, RFC 6864 4.1).")
c.forward_in(T1, udp6(NATIVE, T1.client))

c = case("prefixes", "Every prefix of a tunnel leads into it: link ::2, default routed /64, delegated /48, /56, /54", [1])
for address in (T1.client, T1.routed(0x1234), T1.routed(1), "2001:db8:1000::1", "2001:db8:1000:ffff:ffff:ffff:ffff:ffff",
                "2001:db8:2000:100::1", "2001:db8:2000:1ff::9", "2001:db8:2000:1000::1", "2001:db8:2000:13ff::1"):
    c.forward_in(T1, udp6(NATIVE, address))

c = case("ttl", "The outer TTL is the configured one whatever the hop limit inside, which falls by one", [2])
for hop_limit in (255, 64, 3, 2):
    c.forward_in(T1, udp6(NATIVE, T1.client, hop_limit=hop_limit))
    c.forward_in(T5, udp6(NATIVE, T5.client, hop_limit=hop_limit))

c = case("hop-limit-1", "Hop limit 1 is not encapsulated; the source gets Time Exceeded from the tunnel's ::1", [3])
c.refuse_net(udp6(NATIVE, T1.client, hop_limit=1), "hop-limit-exceeded", 3, 0, T1.near)

c = case("hop-limit-0", "Hop limit 0 is never forwarded and is answered like hop limit 1", [4])
c.refuse_net(udp6(NATIVE, T1.client, hop_limit=0), "hop-limit-exceeded", 3, 0, T1.near)

c = case("static-mtu", "In static MTU mode DF is clear and identifications do not repeat", [5, 6],
         note="The runner compares identifications by equality only.")
for size in (48, 100, 1280, 1480, 100, 100):
    c.forward_in(T3, udp6(NATIVE, T3.client, size))

c = case("static-mtu-answers", "So does what the PoP itself sends into such a tunnel", [5, 6])
for i in range(3):
    request = echo6(T3.client, T3.near, sequence=i)
    c.answer_client(T3, request, echo6_reply(request), "echo_replies")
    c.forward_in(T3, udp6(NATIVE, T3.client))

c = case("local-address", "The outer source is the tunnel's configured local address, not the PoP's first", [9])
c.forward_in(T5, udp6(NATIVE, T5.client))
c.forward_in(T1, udp6(NATIVE, T1.client))

c = case("ethernet-padding", "Bytes behind the IPv6 packet stay behind; the length comes from the IPv6 header", [8])
c.forward_in(T1, ipv6(NATIVE, T1.client), trailer=bytes(6))
c.forward_in(T1, udp6(NATIVE, T1.client, 60), trailer=b"\xee" * 40)

c = case("sizes", "Every size from an empty packet to the MTU passes whole", [1, 8])
c.forward_in(T1, ipv6(NATIVE, T1.client))
for size in (49, 50, 51, 576, 1279, 1280, 1281, 1479, 1480):
    c.forward_in(T1, udp6(NATIVE, T1.client, size))

c = case("order", "Two flows in one tunnel leave in the order in which they came", [11])
for i in range(20):
    c.forward_in(T1, udp6(NATIVE if i % 3 else "2001:db8:bbbb::1", T1.client, 60 + i, sport=1000 + i % 3, flow=i % 3))

c = case("class-and-label", "Traffic class and flow label of the inner packet are untouched", [87])
for traffic_class in (0, 1, 2, 3, 0xb8, 0xff):
    c.forward_in(T1, udp6(NATIVE, T1.client, traffic_class=traffic_class, flow=0xabcde))

c = case("shared-remote", "Two tunnels behind one IPv4 address take their own packets", [])
c.forward_in(T8, udp6(NATIVE, T8.client))
c.forward_in(T9, udp6(NATIVE, T9.client))
c.forward_out(T8, udp6(T8.client, NATIVE))
c.forward_out(T9, udp6(T9.client, NATIVE))

c = case("unread", "Extension headers, fragments and unknown protocols in transit are forwarded unread",
         [32, 59, 74, 79, 80, 81, 88],
         note="Among them an atomic fragment, a later fragment, hop-by-hop with a router alert, routing headers of type "
              "2, 3 and 4, a packet with next header 59 and trailing bytes, and a tunnel of the subscriber's own.")
udp = udp6(NATIVE, T1.client)[40:]
padding = [PadN(optdata=bytes(4))]
for number, header in ((44, IPv6ExtHdrFragment(nh=17, id=7)), (44, IPv6ExtHdrFragment(nh=17, offset=100, m=1, id=7)),
                       (0, IPv6ExtHdrHopByHop(nh=17, options=padding)), (60, IPv6ExtHdrDestOpt(nh=17, options=padding))):
    c.forward_in(T1, ipv6(NATIVE, T1.client, bytes(header) + udp, number))
c.forward_in(T1, ipv6(NATIVE, T1.client, b"\x11\x00\x05\x02\x00\x00\x01\x00" + udp, 0))  # router alert
for kind in (2, 3, 4):
    c.forward_in(T1, ipv6(NATIVE, T1.client, bytes([17, 2, kind, 1]) + bytes(20) + udp, 43))
c.forward_in(T1, ipv6(NATIVE, T1.client, pattern(33), 59))
c.forward_in(T1, ipv6(NATIVE, T1.client, pattern(33), 253))
c.forward_in(T1, ipv6(NATIVE, T1.client, udp6("2001:db8:1::1", "2001:db8:2::2"), 41))
c.forward_out(T1, ipv6(T1.client, NATIVE, udp6("2001:db8:1::1", "2001:db8:2::2"), 41))

c = case("icmpv6-transit", "ICMPv6 that must not be filtered passes both ways, Packet Too Big unchanged", [55, 161])
lost_in = udp6(T1.client, NATIVE, 200)
lost_out = udp6(NATIVE, T1.client, 200)
for kind, code, rest in ((1, 0, 0), (1, 3, 0), (1, 4, 0), (2, 0, 1300), (3, 0, 0), (3, 1, 0), (4, 0, 6), (4, 1, 6), (4, 2, 40)):
    c.forward_in(T1, icmp6(NATIVE, T1.client, kind, code, rest, lost_in))
    c.forward_out(T1, icmp6(T1.client, NATIVE, kind, code, rest, lost_out))
for kind in (128, 129):
    c.forward_in(T1, icmp6(NATIVE, T1.client, kind, 0, 0x12340001, pattern(56)))
    c.forward_out(T1, icmp6(T1.client, NATIVE, kind, 0, 0x12340001, pattern(56)))

c = case("tcp", "A TCP handshake crosses in both directions, its MSS untouched", [1, 14])
c.forward_in(T1, tcp6(NATIVE, "2001:db8:1000::80"))
c.forward_out(T1, tcp6("2001:db8:1000::80", NATIVE, flags="SA"))
c.forward_in(T1, tcp6(NATIVE, "2001:db8:1000::80", flags="A"))

c = case("scan", "A scan of a delegated /48 is forwarded and leaves no state behind", [163],
         note="No held packet, no solicitation, no memory: the counters are those of plain forwarding.")
for i in range(64):
    c.forward_in(T1, udp6(NATIVE, f"2001:db8:1000:{i * 977 & 0xffff:x}::{i * 7919 & 0xffff:x}", 60))
