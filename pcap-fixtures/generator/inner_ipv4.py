# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""IPv4 inside tunnels (docs/protocols.md 11.3)."""

from . import clients
from .clients import udp4
from .dynamic_case import START, DynamicCase, hop
from .dynamic_tunnels import A1, A19, A24, D18, G7, G20, G25, G27, H2, P4, P6, S6, S10, S11
from .frames import NATIVE, fragments, icmp4, ipv4, pattern, udp6, with_header4


def case(name, *args, **kw):
    return DynamicCase("inner_ipv4/" + name, *args, **kw)


NATIVE4 = "203.0.113.77"
HOME, PORT = "203.0.113.19", 41000
# Tunnels that carry IPv4, and an address behind each.
BEHIND = {G20: "10.128.20.1", S10: "10.128.10.1", A19: "10.128.19.1", G25: "10.64.0.1"}


def up(c, tunnel=A19, port=PORT):
    """An AYIYA endpoint that is verified, so that nothing is throttled."""
    c.accept_noop(tunnel, HOME, port, epoch=START - 1, expect="up")
    c.accept_noop(tunnel, HOME, port, epoch=START, expect="verified")


c = case("both-ways", "To and from clients by GRE, 4in6 and AYIYA, one hop less each way, header checksum kept right", [148])
up(c)
for tunnel, address in BEHIND.items():
    c.forward_in(tunnel, udp4(NATIVE4, address, 200))
    c.forward_out(tunnel, udp4(address, NATIVE4, 200))
    for ttl in (2, 128, 255):
        c.forward_in(tunnel, udp4(NATIVE4, address, 60, ttl=ttl))
        c.forward_out(tunnel, udp4(address, NATIVE4, 60, ttl=ttl))

c = case("prefixes", "Delegated prefixes and the routed address of the slot go to the tunnel", [148])
up(c, A24)
for address in ("10.128.20.0", "10.128.20.255", "10.128.22.7", "10.128.23.255"):
    c.forward_in(G20, udp4(NATIVE4, address))
    c.forward_out(G20, udp4(address, NATIVE4))
c.forward_in(A24, udp4(NATIVE4, "10.64.0.0"))
c.forward_out(A24, udp4("10.64.0.0", NATIVE4))
c.forward_in(G25, udp4(NATIVE4, "10.64.0.1"))

c = case("across", "From tunnel to tunnel", [33])
up(c)
c.forward_across(A19, G20, udp4("10.128.19.1", "10.128.20.1"))
c.forward_across(G20, A19, udp4("10.128.20.1", "10.128.19.1"))
c.forward_across(S10, G25, udp4("10.128.10.1", "10.64.0.1"))
c.refuse_client(G20, udp4("10.128.20.1", "10.128.22.1"), "same-in-out", 3, 0)

c = case("source", "The source is the tunnel's own, or the packet is dropped without an answer", [16, 18])
up(c)
c.drop_client(S10, udp4("10.128.99.1", NATIVE4), "tunnel-unknown", blame=None)
c.refuse(clients.outer(S10.remote, P6, udp4("10.128.19.1", NATIVE4), 4), "encapsulation-mismatch", A19)
c.refuse(clients.outer(S10.remote, P6, udp4("10.128.11.1", NATIVE4), 4), "outer-source-mismatch", S10)
c.drop_client(S10, udp4("203.0.113.5", NATIVE4), "inner-source-not-delegated", blame=None)
for source in ("0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255"):
    c.drop_client(S10, udp4(source, NATIVE4), "inner-source-invalid", blame=None)
for source, reason in (("10.128.20.1", "inner-source-not-delegated"), ("203.0.113.5", "inner-source-not-delegated"),
                       ("127.0.0.1", "inner-source-invalid")):
    c.drop_from(A19, udp4(source, NATIVE4), reason)

c = case("uplink-source", "A packet from the uplink with a source inside a pool, or of the PoP's, is dropped", [34])
c.drop_net(udp4("10.128.20.1", "10.128.10.1"), "tunnel-source-from-uplink")
c.drop_net(udp4("10.64.0.1", "10.128.10.1"), "tunnel-source-from-uplink")
c.drop_net(udp4(P4, "10.128.10.1"), "tunnel-source-from-uplink")
for source in ("127.0.0.1", "0.0.0.0", "224.0.0.1"):
    c.drop_net(udp4(source, "10.128.10.1"), "source-invalid")
c.drop_net(udp4("169.254.1.1", "10.128.10.1"), "link-local-transit")

c = case("destination", "Destinations that can be nobody's are dropped", [20])
for destination, reason in (("224.0.0.5", "multicast"), ("127.0.0.1", "destination-invalid"),
                            ("255.255.255.255", "destination-invalid"), ("0.0.0.0", "destination-invalid"),
                            ("169.254.3.3", "link-local-transit"), ("192.0.2.255", "destination-invalid"),
                            (P4, "destination-invalid")):
    c.drop_client(G20, udp4("10.128.20.1", destination), reason)

c = case("nobody", "What belongs to no tunnel, and IPv4 that is none of the PoP's", [36, 63],
         note="The ICMPv4 column of the table of states: 3/0 where IPv6 has codes 0 and 3, 3/13 for a disabled tunnel. The "
              "source is the first IPv4 address of the PoP.")
c.refuse_net(udp4(NATIVE4, "10.128.99.1"), "no-such-endpoint", 3, 0, P4)
c.refuse_net(udp4(NATIVE4, "10.64.0.7"), "no-such-endpoint", 3, 0, P4)
c.drop_net(udp4(NATIVE4, "203.0.113.200"), "outer-not-local")
c.refuse_net(udp4(NATIVE4, "10.64.0.3"), "destination-disabled", 3, 13, P4, blame=G27)
c.refuse_net(udp4(NATIVE4, "10.128.19.1"), "destination-down", 3, 0, P4, blame=A19)
c.refuse_client(G20, udp4("10.128.20.1", "10.128.99.1"), "no-such-endpoint", 3, 0)

c = case("hop-limit", "A TTL of 0 or 1 ends here: time exceeded", [3])
for ttl in (0, 1):
    c.refuse_net(udp4(NATIVE4, "10.128.20.1", ttl=ttl), "hop-limit-exceeded", 11, 0, P4, blame=G20)
    c.refuse_client(G20, udp4("10.128.20.1", NATIVE4, ttl=ttl), "hop-limit-exceeded", 11, 0)

c = case("too-big", "Too big with DF: fragmentation needed with the MTU; without DF it is cut before it is wrapped", [37])
c.forward_in(G20, udp4(NATIVE4, "10.128.20.1", 1476, flags="DF"))
c.refuse_net(udp4(NATIVE4, "10.128.20.1", 1477, flags="DF"), "packet-too-big", 3, 4, P4, 1476, blame=G20)
c.refuse_net(udp4(NATIVE4, "10.128.10.1", 1461, flags="DF"), "packet-too-big", 3, 4, P4, 1460, blame=S10)
up(c)
c.refuse_net(udp4(NATIVE4, "10.128.19.1", 1429, flags="DF"), "packet-too-big", 3, 4, P4, 1428, blame=A19)

c = case("cut", "A packet without DF that is too big is cut into pieces that fit, each in an outer header of its own", [10],
         bursts=True)
for tunnel, address, size in ((G20, "10.128.20.1", 1500), (S10, "10.128.10.1", 1500), (S11, "10.128.11.1", 1500)):
    packet = udp4(NATIVE4, address, size)
    mtu = {G20: 1476, S10: 1460, S11: 1452}[tunnel]
    c.receive_net(packet)
    pieces = fragments(hop(packet), (mtu - 20) // 8 * 8)
    for piece in pieces:
        c.delivered_in(tunnel, piece)
    c.count("worker fragments_made")

c = case("fragments", "Inner fragments pass both ways as they are", [59])
for piece in fragments(udp4(NATIVE4, "10.128.20.1", 1400), 600):
    c.forward_in(G20, piece)
for piece in fragments(udp4("10.128.20.1", NATIVE4, 1400), 600):
    c.forward_out(G20, piece)

c = case("header", "Version, lengths and checksum of the inner header are checked; padding is trimmed", [25])
good = udp4("10.128.20.1", NATIVE4)
c.refuse(clients.outer(G20.remote, P4, clients.gre(b"\x65" + good[1:], protocol=0x0800), 47), "inner-not-ipv4")
for size in (0, 1, 19):
    c.refuse(clients.outer(G20.remote, P4, clients.gre(good[:size], protocol=0x0800), 47), "inner-malformed")
c.drop_client(G20, good[:-1], "inner-malformed", blame=None)
c.drop_client(G20, b"\x44" + good[1:], "inner-malformed", blame=None)
c.drop_client(G20, good[:10] + b"\0\0" + good[12:], "inner-bad-checksum", blame=None)
c.arrive(clients.outer(G20.remote, P4, clients.gre(good) + bytes(7), 47))
c.delivered_out(G20, hop(good))

c = case("options", "Inner options pass, but a source route is refused", [26])
for options in (b"\x01\x01\x01\x00", b"\x94\x04\x00\x00"):
    c.forward_out(G20, ipv4("10.128.20.1", NATIVE4, pattern(40), 17, ttl=64, raw_options=options))
for options in (b"\x83\x07\x04\xc0\x00\x02\x01\x00", b"\x89\x07\x04\xc0\x00\x02\x01\x00"):
    c.drop_client(G20, ipv4("10.128.20.1", NATIVE4, pattern(40), 17, ttl=64, raw_options=options), "inner-source-route",
                  blame=None)

c = case("no-errors", "No ICMPv4 error about an error, a fragment but the first, or a source that is nobody", [60])
lost = udp4(NATIVE4, "10.128.99.1")
for kind, code in ((3, 1), (3, 4), (11, 0), (12, 0), (5, 0), (4, 0)):
    c.drop_net(icmp4(NATIVE4, "10.128.99.1", kind, code, 0, lost), "no-such-endpoint")
    c.count("worker icmpv6_errors_not_owed")
later = fragments(udp4(NATIVE4, "10.128.99.1", 400), 200)[1]
c.drop_net(later, "no-such-endpoint")
c.count("worker icmpv6_errors_not_owed")
c.refuse_net(icmp4(NATIVE4, "10.128.99.1", 8, 0, 1, pattern(20)), "no-such-endpoint", 3, 0, P4)

c = case("not-enabled", "IPv4 from a tunnel that has no prefix, or to one whose encapsulation carries none", [148])
c.accept_noop(A1, HOME, PORT, expect="up")
c.drop_from(A1, udp4("10.128.1.1", NATIVE4), "inner-source-not-delegated")
c.drop_client(G7, udp4("10.128.7.1", NATIVE4), "tunnel-unknown", blame=None)
c.accept_beat(D18, HOME, expect="up")
c.refuse_net(udp4(NATIVE4, "10.128.18.1"), "encapsulation-unsupported", 3, 0, P4, blame=D18)
c.accept_noop(D18, HOME, PORT, epoch=START + 1, expect="moved")
c.forward_in(D18, udp4(NATIVE4, "10.128.18.1"))
c.forward_out(D18, udp4("10.128.18.1", NATIVE4))

c = case("ecn", "ECN and DSCP of IPv4 inside follow the same table", [89, 90, 91, 92, 93, 94, 95, 96, 97])
for ecn in (0, 1, 2, 3):
    c.forward_in(G20, udp4(NATIVE4, "10.128.20.1", tos=0xb8 | ecn))
for ecn, marked, result in ((0, 0, 0), (2, 0, 2), (1, 0, 1), (3, 0, 3), (2, 2, 2), (2, 1, 1), (2, 3, 3), (1, 1, 1), (1, 3, 3),
                            (3, 2, 3), (3, 3, 3), (0, 1, 0), (0, 2, 0), (1, 2, 1), (3, 1, 3)):
    packet = udp4("10.128.20.1", NATIVE4, tos=0x50 | ecn)
    c.forward_out(G20, packet, becomes=with_header4(packet, tos=0x50 | result), tos=0xb8 | marked)
    if (ecn, marked) in ((0, 1), (0, 2), (1, 2), (3, 1)):
        c.count("worker ecn_unusual")
c.drop_client(G20, udp4("10.128.20.1", NATIVE4), "ecn-invalid", tos=3)

c = case("not-routed", "IPv4 to a tunnel that cannot carry it finds no way in; IPv6 goes on beside it", [148])
c.forward_in(G20, udp6(NATIVE, G20.client))
c.forward_in(S6, udp6(NATIVE, S6.client))
c.accept_beat(H2, HOME, expect="up")
c.drop_client(H2, udp4("10.128.2.1", NATIVE4), "protocol-unsupported", blame=None)
