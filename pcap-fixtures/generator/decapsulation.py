# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""What comes out of a tunnel, and what does not (docs/protocols.md 2.5-2.8)."""

import struct

from .case import BROADCAST, GATEWAY4_MAC, POP_MAC, Case, hop, one_port
from .frames import NATIVE, echo6, ethernet, icmp4, ipv4, ipv6, udp6
from .tunnels import LINK, POP_ADDRESS, T1, T2, T4, T5, T8, T9


def case(name, *args, **kw):
    return Case("decapsulation/" + name, *args, **kw)


GOOD = udp6(T1.client, NATIVE)

c = case("plain", "Protocol 41 from the remote with a source of the tunnel goes out on the uplink, one hop less", [14])
for source in (T1.client, T1.routed(5), "2001:db8:1000::5", "2001:db8:2000:1ff::1", "2001:db8:2000:1300::1"):
    c.forward_out(T1, udp6(source, NATIVE))

c = case("unknown-outer-source", "An outer source that is no tunnel's is discarded without an answer", [15, 63])
c.drop_client(T1, GOOD, "outer-source-mismatch", src="203.0.113.99")
c.drop_client(T1, udp6("2001:db8:beef::1", NATIVE), "inner-source-not-delegated", src="203.0.113.99")
c.drop_client(T1, udp6(f"{LINK}:77::2", NATIVE), "tunnel-unknown", src="203.0.113.99")

c = case("foreign-source", "The endpoint of one tunnel cannot speak with the addresses of another", [16],
         note="The tunnel is found by the inner source, so what does not match is the outer one. No answer: it would go "
              "to whoever was forged.")
c.drop_client(T2, GOOD, "outer-source-mismatch")
c.drop_client(T2, udp6("2001:db8:1000::5", NATIVE), "outer-source-mismatch")
c.drop_client(T1, udp6(T2.routed(1), NATIVE), "outer-source-mismatch")

c = case("not-delegated", "A source outside every pool is dropped", [16])
c.drop_client(T1, udp6("2001:db8:beef::1", NATIVE), "inner-source-not-delegated")
c.drop_client(T1, udp6("2001:db8:ffff::77", NATIVE), "inner-source-not-delegated")

c = case("no-owner", "A source in a pool whose unit belongs to nobody is dropped", [16])
for source in (f"{LINK}:b::2", f"{LINK}:7ffe::2", f"{LINK}:800b::1", "2001:db8:1009::1", "2001:db8:2000:ff00::1"):
    c.drop_client(T1, udp6(source, NATIVE), "tunnel-unknown")

c = case("outer-destination", "An outer destination that is broadcast, multicast or not ours is dropped", [17])
for destination, mac in (("255.255.255.255", BROADCAST), ("192.0.2.255", BROADCAST), ("224.0.0.1", "01:00:5e:00:00:01"),
                         ("192.0.2.77", POP_MAC), ("192.0.2.254", POP_MAC)):
    c.drop(ethernet(mac, GATEWAY4_MAC, c.outer_from(T1, GOOD, dst=destination)), "outer-not-local")

c = case("other-local-address", "A packet to another local address than the tunnel's is dropped", [9, 17])
c.drop_client(T1, GOOD, "outer-destination-mismatch", dst="192.0.2.2")
c.drop_client(T5, udp6(T5.client, NATIVE), "outer-destination-mismatch", dst="192.0.2.1")
c.forward_out(T5, udp6(T5.client, NATIVE))

c = case("outer-source-invalid", "An outer source that is our own, multicast, broadcast or reserved is dropped", [157])
for source in ("192.0.2.1", "192.0.2.2", "127.0.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.5", "255.255.255.255", "240.0.0.1"):
    c.drop_client(T1, GOOD, "outer-source-invalid", src=source)

for name, source in (("loopback", "::1"), ("multicast", "ff0e::1"), ("compatible", "::198.51.100.10"),
                     ("mapped", "::ffff:198.51.100.10"), ("unspecified", "::")):
    c = case(f"inner-source-{name}", f"An inner source {source} is dropped silently", [18])
    c.drop_client(T1, udp6(source, NATIVE), "inner-source-invalid")

c = case("link-local-source", "A link-local inner source is not forwarded", [19])
c.drop_client(T1, udp6("fe80::c633:640a", NATIVE), "link-local-transit")

c = case("inner-destination", "Link-local and multicast inner destinations are not forwarded", [20])
c.drop_client(T1, udp6(T1.client, "ff02::5"), "multicast")
c.drop_client(T1, udp6(T1.client, "ff0e::101"), "multicast")
c.drop_client(T1, udp6(T1.client, "ff02::1"), "multicast")
c.receive(c.from_client(T1, udp6(T1.client, "fe80::1")))
c.count_in(T1, udp6(T1.client, "fe80::1"))
c.count("drop link-local-transit")

c = case("inner-destination-invalid", "Unspecified, loopback, compatible and mapped destinations are dropped", [20])
for destination in ("::", "::1", "::192.0.2.1", "::ffff:192.0.2.1"):
    c.drop_client(T1, udp6(T1.client, destination), "destination-invalid")

c = case("pops-own-source", "The tunnel's ::1 as a source from the client is dropped", [21])
c.drop_client(T1, udp6(T1.near, NATIVE), "inner-source-is-pop")
c.drop_client(T1, echo6(T1.near, T1.near), "inner-source-is-pop")

c = case("pops-own-source-2", "The PoP's own address as a source from a client is dropped", [21],
         note="It lies in the last unit of the routed pool, which no tunnel can own.")
c.drop_client(T1, udp6(POP_ADDRESS, NATIVE), "tunnel-unknown")
c.drop_client(T1, udp6("2001:db8:ffff::1", NATIVE), "inner-source-not-delegated")

c = case("not-the-client", "A source in the link /64 that is neither ::1 nor ::2 is dropped silently by default", [22])
c.drop_client(T1, udp6(T1.link(3), NATIVE), "inner-source-not-client")
c.drop_client(T1, udp6(T1.link(0), NATIVE), "inner-source-not-client")

c = case("not-the-client-told", "With the setting on, such a source gets code 5 back into its tunnel", [22, 70],
         topology=one_port("talkative"))
c.refuse_client(T1, udp6(T1.link(3), NATIVE), "inner-source-not-client", 1, 5)

for version in (0, 4, 5, 15):
    c = case(f"inner-version-{version}", f"Protocol 41 around a packet of version {version} is dropped", [23])
    c.drop_client(T1, bytes([version << 4]) + GOOD[1:], "inner-not-ipv6")
    c.drop_client(T1, bytes([version << 4]) + bytes(7), "inner-not-ipv6")

c = case("total-length-long", "A total length beyond the frame is dropped", [24])
c.drop_client(T1, GOOD, "outer-malformed", len=20 + len(GOOD) + 1)
c.drop_client(T1, GOOD, "outer-malformed", len=65535)

c = case("padding", "Bytes behind the outer packet, and between inner and outer end, are trimmed", [24])
c.forward_out(T1, ipv6(T1.client, NATIVE), trailer=bytes(20))
c.receive(c.from_client(T1, GOOD + bytes(9)))  # outer length covers more than the inner packet
c.delivered_out(T1, hop(GOOD))

c = case("inner-length-long", "An inner payload length beyond the outer payload is dropped without an answer", [25])
c.drop_client(T1, GOOD[:4] + struct.pack("!H", len(GOOD) - 39) + GOOD[6:], "inner-malformed")
c.drop_client(T1, GOOD[:4] + b"\xff\xff" + GOOD[6:], "inner-malformed")
c.drop_client(T1, GOOD, "inner-malformed", len=20 + len(GOOD) - 1)  # cut by the outer length, not by the frame

c = case("inner-short", "Fewer than 40 inner bytes are dropped without an answer", [25])
for size in (0, 1, 8, 20, 39):
    c.drop_client(T1, GOOD[:size], "inner-malformed")

c = case("options", "IPv4 options are skipped, whatever they are, if they are well formed", [26])
for options in (b"\x01\x01\x01\x00", b"\x07\x0b\x04" + bytes(8) + b"\x00", b"\x44\x08\x05\x00\x00\x00\x00\x00",
                b"\x94\x04\x00\x00", b"\x01" * 40):
    c.forward_out(T1, GOOD, raw_options=options)

c = case("source-route", "A source route option is dropped", [26])
for options in (b"\x83\x07\x04\xc0\x00\x02\x01\x00", b"\x89\x07\x04\xc0\x00\x02\x01\x00",
                b"\x01\x01\x01\x83\x07\x04\xc0\x00\x02\x01\x00\x00"):
    c.drop_client(T1, GOOD, "outer-source-route", raw_options=options)

c = case("options-malformed", "Options that run past the header are dropped", [26])
for options in (b"\x07\x00\x00\x00", b"\x07\x01\x00\x00", b"\x07\x09\x04\x00", b"\x01\x01\x01\x07"):
    c.drop_client(T1, GOOD, "outer-malformed", raw_options=options)

c = case("bad-checksum", "A bad outer checksum is dropped", [27])
c.drop_client(T1, GOOD, "outer-bad-checksum", chksum=0)
c.drop_client(T1, GOOD, "outer-bad-checksum", chksum=0xffff)

c = case("outer-ttl", "Any outer TTL above 0 is taken, whatever DSCP, DF and identification say", [27])
for ttl in (1, 2, 255):
    c.forward_out(T1, GOOD, ttl=ttl)
c.forward_out(T1, GOOD, tos=0xb8, id=0xbeef, flags=0)

c = case("outer-header", "An outer header with a wrong version or length is dropped", [27])
frame = c.from_client(T1, GOOD)
for first in (0x05, 0x55, 0x65, 0xf5):
    c.drop(frame[:14] + bytes([first]) + frame[15:], "outer-malformed")
c.drop_client(T1, GOOD, "outer-malformed", ihl=4)
c.drop_client(T1, GOOD, "outer-malformed", len=19)
c.drop_client(T1, GOOD[:12], "outer-malformed", ihl=15)
c.drop(c.from_client(T1, GOOD)[:14 + 19], "outer-malformed")

c = case("disabled", "A disabled tunnel: from it silence, to it code 1", [63])
c.drop_client(T4, udp6(T4.client, NATIVE), "tunnel-disabled")
c.drop_client(T4, udp6("2001:db8:1004::1", NATIVE), "tunnel-disabled")
c.refuse_net(udp6(NATIVE, T4.client), "destination-disabled", 1, 1, T4.near)
c.refuse_net(udp6(NATIVE, "2001:db8:1004::1"), "destination-disabled", 1, 1, T4.near)
c.refuse_net(udp6(NATIVE, T4.routed(9)), "destination-disabled", 1, 1, T4.near)
c.refuse_client(T1, udp6(T1.client, T4.client), "destination-disabled", 1, 1)

c = case("hop-limit", "Hop limits 1 and 0 from a tunnel get Time Exceeded back into it", [3, 4, 62])
c.refuse_client(T1, udp6(T1.client, NATIVE, hop_limit=1), "hop-limit-exceeded", 3, 0)
c.refuse_client(T1, udp6("2001:db8:1000::5", NATIVE, hop_limit=0), "hop-limit-exceeded", 3, 0)
c.forward_out(T1, udp6(T1.client, NATIVE, hop_limit=2))

c = case("shared-remote-foreign", "Behind a shared address a tunnel's inner source alone decides whose packet it is", [])
c.forward_out(T8, udp6(T8.client, NATIVE))
c.forward_out(T9, udp6(T9.routed(9), NATIVE))
c.drop_client(T8, udp6(T1.client, NATIVE), "outer-source-mismatch")

c = case("nested", "A tunnel packet inside a tunnel is not decapsulated a second time", [32],
         note="To the PoP's own address it is one more protocol that is not served; in transit it passes.")
inner = udp6("2001:db8:1000::5", NATIVE)
c.refuse_client(T1, ipv6(T1.client, T1.near, inner, 41), "port-unreachable", 1, 4, accepted=True)
c.refuse_client(T1, ipv6(T1.client, T1.near, ipv4("198.51.100.10", "192.0.2.1", inner), 4), "port-unreachable", 1, 4,
                accepted=True)
c.forward_out(T1, ipv6(T1.client, NATIVE, inner, 41))

c = case("unknown-outer-source-told", "With the setting on, what matches no tunnel gets ICMPv4 protocol unreachable", [15],
         topology=one_port("talkative"),
         note="Of as much as fits 576 bytes in all (RFC 1812 4.3.2.3), with precedence 6 (4.3.2.5).")
for packet, reason in ((GOOD, "outer-source-mismatch"), (udp6(T1.client, NATIVE, 1400), "outer-source-mismatch"),
                       (udp6("2001:db8:beef::1", NATIVE), "inner-source-not-delegated"),
                       (udp6(f"{LINK}:77::2", NATIVE), "tunnel-unknown")):
    outer = c.outer_from(T1, packet, src="203.0.113.99")
    c.drop(c.frame_from(c.topology.link4, outer), reason)
    c.originate("icmpv4_errors_sent")
    c.send(c.frame_to_gateway4(icmp4("192.0.2.1", "203.0.113.99", 3, 2, 0, outer[:548], ttl=64, id=0, flags="DF",
                                     tos=0xc0)))
c.drop_client(T1, udp6("ff0e::1", NATIVE), "inner-source-invalid", src="203.0.113.99")
c.drop_client(T1, GOOD, "outer-source-invalid", src="192.0.2.2")
