# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""ICMPv6 the PoP makes, and does not make (docs/protocols.md 4)."""

from .case import BROADCAST, Case, one_port
from .frames import (NATIVE, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, PadN, echo6, echo6_reply, error6, icmp6,
                     icmp6_raw, ipv6, pattern, tcp6, udp6)
from .tunnels import POP_ADDRESS, T1, T2, T3, T4, T5, T6, T7, T8

INTERFACE_ADDRESS = "2001:db8:ffff::1"


def case(name, *args, **kw):
    return Case("icmpv6/" + name, *args, **kw)


# ---- Errors.

c = case("no-error-about-errors", "No error is sent about an ICMPv6 error or a redirect", [60])
for kind in (1, 2, 3, 4, 100, 127, 137):
    c.drop_net(icmp6(NATIVE, T1.client, kind, 0, 0, pattern(48), hop_limit=1), "hop-limit-exceeded")
    c.count("worker icmpv6_errors_not_owed")
    c.drop_client(T1, icmp6(T1.client, NATIVE, kind, 0, 0, pattern(48), hop_limit=1), "hop-limit-exceeded")
    c.count("worker icmpv6_errors_not_owed")

c = case("no-error-behind-headers", "Nor where the error stands behind extension headers", [60])
error = icmp6(NATIVE, T1.client, 1, 0, 0, pattern(48))[40:]
option = bytes(IPv6ExtHdrDestOpt(nh=58, options=[PadN(optdata=bytes(4))]))
c.drop_net(ipv6(NATIVE, T1.client, option + error, 60, hop_limit=1), "hop-limit-exceeded")
c.drop_net(ipv6(NATIVE, T1.client, option[:1].replace(b":", b"\x3c") + option[1:] + option + error, 60, hop_limit=1),
           "hop-limit-exceeded")
c.count("worker icmpv6_errors_not_owed", 2)

c = case("no-error-to-group", "No error is sent about a packet to a link-layer group, but Packet Too Big", [60])
c.drop_net(udp6(NATIVE, T1.client, hop_limit=1), "hop-limit-exceeded", destination=BROADCAST)
c.drop_net(udp6(NATIVE, T1.client, hop_limit=1), "hop-limit-exceeded", destination="33:33:00:00:00:01")
c.count("worker icmpv6_errors_not_owed", 2)
large = udp6(NATIVE, T1.client, 1481)
c.drop_net(large, "packet-too-big", destination=BROADCAST)
c.originate_to_net(error6(2, 0, T1.near, large, 1480), "icmpv6_errors_sent")

c = case("no-error-to-nobody", "No error is sent where the source names no single host", [60])
for source in ("::", "ff02::1", "ff0e::1234"):
    c.drop_net(udp6(source, T1.client, hop_limit=1), "source-invalid")
    c.drop_net(udp6(source, T4.client), "source-invalid")

c = case("error-about-echo", "Informational messages are packets like any other: an error about them is sent", [60])
for kind in (128, 129, 200):
    c.refuse_net(icmp6(NATIVE, T1.client, kind, 0, 7, pattern(48), hop_limit=1), "hop-limit-exceeded", 3, 0, T1.near)

c = case("error-about-tiny", "An error about an empty packet quotes its 40 bytes", [38])
c.refuse_net(ipv6(NATIVE, T1.client, hop_limit=1), "hop-limit-exceeded", 3, 0, T1.near)
c.refuse_client(T1, ipv6(T1.client, NATIVE, hop_limit=0), "hop-limit-exceeded", 3, 0)

c = case("source", "The source of an error is ::1 of the tunnel concerned, the one it came from first, else the PoP's", [62])
c.refuse_net(udp6(NATIVE, T2.client, hop_limit=1), "hop-limit-exceeded", 3, 0, T2.near)
c.refuse_client(T1, udp6(T1.client, T2.client, hop_limit=1), "hop-limit-exceeded", 3, 0)
c.refuse_net(udp6(NATIVE, "2001:db8:1009::1"), "no-such-endpoint", 1, 3, POP_ADDRESS)

c = case("rate-limit", "Errors pass a bucket per tunnel and one for the PoP; what is suppressed is counted", [61],
         topology=one_port("few-errors"), bursts=False,
         note="Two a second for a tunnel, ten for the PoP, and as many at once. All frames before the last second come at "
              "one instant.")
c.step = 0
c.at(0)


def expired(tunnel, sent):
    packet = udp6(NATIVE, tunnel.client, hop_limit=1)
    if sent:
        c.refuse_net(packet, "hop-limit-exceeded", 3, 0, tunnel.near)
    else:
        c.drop_net(packet, "hop-limit-exceeded")
        c.count("worker icmpv6_errors_limited")


for i in range(30):
    expired(T1, i < 2)
for one in (T2, T3, T5, T6):
    for i in range(4):
        expired(one, i < 2)
for i in range(4):
    expired(T7, False)  # the PoP's ten are spent
c.at(1)
for one in (T1, T8):
    for i in range(4):
        expired(one, i < 2)

# ---- Echo.

c = case("echo", "Echo to ::1 from tunnel and uplink: reply from the address pinged, same data, hop limit 64", [65])
for size in (48, 49, 104, 1280):
    request = echo6(T1.client, T1.near, size, hop_limit=255)
    c.answer_client(T1, request, echo6_reply(request), "echo_replies")
    request = echo6(NATIVE, T1.near, size, ident=1, sequence=size, hop_limit=57)
    c.answer_net(request, echo6_reply(request), "echo_replies")

c = case("echo-sources", "Every address of a tunnel may ping its ::1, at whatever hop limit", [65])
for source in (T1.client, T1.routed(7), "2001:db8:1000::5"):
    for hop_limit in (0, 1, 64):
        request = echo6(source, T1.near, hop_limit=hop_limit)
        c.answer_client(T1, request, echo6_reply(request), "echo_replies")

c = case("echo-other-end", "Another tunnel's ::1 answers with its own address, into the tunnel that asks", [65])
request = echo6(T1.client, T2.near)
c.answer_client(T1, request, echo6_reply(request), "echo_replies")

c = case("echo-disabled", "::1 of a disabled tunnel still answers; one of no tunnel does not", [63, 65])
request = echo6(NATIVE, T4.near)
c.answer_net(request, echo6_reply(request), "echo_replies")
c.refuse_net(echo6(NATIVE, "2001:db8:ff:b::1"), "no-such-endpoint", 1, 3, POP_ADDRESS)

c = case("echo-pop", "The PoP's own address and the uplink's answer echo, from outside and from tunnels", [65],
         note="The PoP's own lies inside the routed pool.")
for address in (POP_ADDRESS, INTERFACE_ADDRESS):
    request = echo6(NATIVE, address)
    c.answer_net(request, echo6_reply(request), "echo_replies")
    request = echo6(T1.client, address)
    c.answer_client(T1, request, echo6_reply(request), "echo_replies")

c = case("echo-large", "A reply as large as the link is sent; one above the tunnel's MTU is dropped and counted", [65])
request = echo6(NATIVE, T1.near, 1500)
c.answer_net(request, echo6_reply(request), "echo_replies")
request = echo6(T1.client, T1.near, 1480)
c.answer_client(T1, request, echo6_reply(request), "echo_replies")
request = echo6(T7.client, T7.near, 1281)
c.receive(c.from_client(T7, request))
c.count_in(T7, request)
c.count("worker consumed")
c.originate()
c.count("drop reply-too-big")

c = case("echo-bad", "An echo request with a bad checksum, or too short to be one, is dropped", [66])
for checksum in (0, 0xffff, 0x1234):
    c.ignore_client(T1, echo6(T1.client, T1.near, checksum=checksum), "icmpv6-malformed")
    c.drop_net(echo6(NATIVE, T1.near, checksum=checksum), "icmpv6-malformed")
for size in (4, 7):
    c.ignore_client(T1, icmp6_raw(T1.client, T1.near, b"\x80\0\0\0\x42\x42\0\1"[:size]), "icmpv6-malformed")
c.ignore_client(T1, ipv6(T1.client, T1.near, b"", 58), "icmpv6-malformed")

c = case("echo-reply-unasked", "An echo reply to ::1 is ignored", [64])
c.ignore_client(T1, icmp6(T1.client, T1.near, 129, 0, 1, pattern(56)), "icmpv6-ignored")
c.drop_net(icmp6(NATIVE, T1.near, 129, 0, 1, pattern(56)), "icmpv6-ignored")

# ---- The rest that comes to the PoP.

c = case("port-unreachable", "TCP, UDP and whatever else comes to an address of the PoP gets code 4", [67, 70])
for packet in (udp6(T1.client, T1.near), tcp6(T1.client, T1.near), ipv6(T1.client, T1.near, pattern(30), 253)):
    c.refuse_client(T1, packet, "port-unreachable", 1, 4, accepted=True)
for destination in (T1.near, POP_ADDRESS, INTERFACE_ADDRESS):
    c.refuse_net(udp6(NATIVE, destination), "port-unreachable", 1, 4, destination)
    c.refuse_net(tcp6(NATIVE, destination), "port-unreachable", 1, 4, destination)

c = case("port-unreachable-other", "From a tunnel to another address of the PoP: code 4 from that address", [62, 67],
         note="RFC 4443 2.2 (a): a message to one of the node's addresses is answered from it.")
for destination in (T2.near, POP_ADDRESS, INTERFACE_ADDRESS):
    c.refuse_client(T1, udp6(T1.client, destination), "port-unreachable", 1, 4, destination, accepted=True)

c = case("unknown-types", "Unknown informational types are discarded, errors ignored, without an answer", [64, 71, 72],
         note="Among them a node information query (139) and an extended echo request (160, RFC 8335).")
for kind in (1, 3, 100, 127, 139, 140, 151, 160, 200, 255):
    c.ignore_client(T1, icmp6(T1.client, T1.near, kind, 0, 0, pattern(64)), "icmpv6-ignored")
    c.drop_net(icmp6(NATIVE, T1.near, kind, 0, 0, pattern(64)), "icmpv6-ignored")

c = case("router-discovery", "Redirect, router solicitation and advertisement from a tunnel are ignored", [68])
for kind, body in ((133, b""), (134, bytes(8)), (137, bytes(32))):
    c.ignore_client(T1, icmp6(T1.client, T1.near, kind, 0, 0, body, hop_limit=255), "icmpv6-ignored")
c.drop_client(T1, icmp6("fe80::c633:640a", "ff02::2", 133, hop_limit=255), "multicast")
c.drop_client(T1, icmp6(T1.client, "ff02::2", 133, hop_limit=255), "multicast")

# ---- Extension headers in packets to the PoP.

c = case("headers-answered", "Echo behind harmless extension headers is answered without them", [76, 77, 81])
for destination_options in (b"\x01\x04\0\0\0\0", b"\x1e\x04\x20\x01\x0d\xb8", b"\0\0\0\0\0\0"):
    request = echo6(T1.client, T1.near)
    packet = ipv6(T1.client, T1.near, b"\x3a\x00" + destination_options + request[40:], 60)
    c.answer_client(T1, packet, echo6_reply(request), "echo_replies")
    packet = ipv6(T1.client, T1.near, b"\x3a\x00" + destination_options + request[40:], 0)
    c.answer_client(T1, packet, echo6_reply(request), "echo_replies")
request = echo6(T1.client, T1.near)
packet = ipv6(T1.client, T1.near, b"\x3a\x00\x00\x00\x00\x00\x00\x00" + request[40:], 43)  # type 0, no segments left
c.answer_client(T1, packet, echo6_reply(request), "echo_replies")
packet = ipv6(T1.client, T1.near, bytes(IPv6ExtHdrFragment(nh=58, id=9)) + request[40:], 44)  # atomic, RFC 6946
c.answer_client(T1, packet, echo6_reply(request), "echo_replies")

c = case("headers-routing", "A routing header with segments left is refused at its type, first or not", [73, 75])
routing = b"\x3a\x02\x00\x01" + bytes(4) + bytes(IPv6(dst=NATIVE))[24:40]
request = echo6(T1.client, T1.near)[40:]
c.refuse_client(T1, ipv6(T1.client, T1.near, routing + request, 43), "extension-header", 4, 0, argument=42, accepted=True)
c.refuse_client(T1, ipv6(T1.client, T1.near, b"\x2b\x00\x01\x04\0\0\0\0" + routing + request, 60), "extension-header", 4, 0,
                argument=50, accepted=True)
c.refuse_net(ipv6(NATIVE, T1.near, routing + request, 43), "extension-header", 4, 0, T1.near, 42)

c = case("headers-options", "Unknown options: 01 discards, 10 and 11 discard and say so", [77])
request = echo6(T1.client, T1.near)[40:]
c.ignore_client(T1, ipv6(T1.client, T1.near, b"\x3a\x00\x5e\x04\0\0\0\0" + request, 60), "extension-header")
for kind in (0x9e, 0xde):
    c.refuse_client(T1, ipv6(T1.client, T1.near, b"\x3a\x00" + bytes([kind]) + b"\x04\0\0\0\0" + request, 60),
                    "extension-header", 4, 2, argument=42, accepted=True)

c = case("headers-order", "Hop-by-hop options anywhere but first are refused", [78])
request = echo6(T1.client, T1.near)[40:]
c.refuse_client(T1, ipv6(T1.client, T1.near, b"\x00\x00\x01\x04\0\0\0\0" + b"\x3a\x00\x01\x04\0\0\0\0" + request, 60),
                "extension-header", 4, 1, argument=40, accepted=True)

c = case("headers-discarded", "Fragments, endless chains and cut off chains to the PoP are dropped", [82, 83, 85])
request = echo6(T1.client, T1.near)[40:]
c.ignore_client(T1, ipv6(T1.client, T1.near, bytes(IPv6ExtHdrFragment(nh=58, m=1, id=9)) + request[:48], 44),
                "extension-header")
c.ignore_client(T1, ipv6(T1.client, T1.near, bytes(IPv6ExtHdrFragment(nh=58, offset=6, id=9)) + request[48:], 44),
                "extension-header")
c.ignore_client(T1, ipv6(T1.client, T1.near, b"\x3c\x00\x01\x04\0\0\0\0" * 60 + b"\x3a\x00\x01\x04\0\0\0\0" + request, 60),
                "extension-header")
for size in (1, 2, 7):
    c.ignore_client(T1, ipv6(T1.client, T1.near, b"\x3a\x00\x01\x04\0\0\0\0"[:size], 60), "extension-header")
c.ignore_client(T1, ipv6(T1.client, T1.near, b"\x3a\x09\x01\x04\0\0\0\0" + request[:16], 60), "extension-header")
