# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""What is booked on which tunnel (docs/protocols.md 10.8)."""

from . import clients
from .dynamic_case import START, DynamicCase
from .dynamic_tunnels import A1, H2, H17, P4, S6, S10, G7
from .frames import NATIVE, icmp4, pattern, udp6


def case(name, *args, **kw):
    return DynamicCase("attribution/" + name, *args, **kw)


HOME = "203.0.113.20"

c = case("sender", "What comes from one tunnel's endpoint with another one's source is booked on the sender's", [16],
         note="Where exactly one tunnel ends at that outer source, static or learned.")
c.drop_client(S6, udp6(G7.client, NATIVE), "encapsulation-mismatch", blame=G7)
c.refuse(clients.outer(G7.remote, P4, udp6(S6.client, NATIVE), 41), "outer-source-mismatch", G7)
c.refuse(clients.outer("203.0.113.99", P4, udp6(S6.client, NATIVE), 41), "outer-source-mismatch")
c.accept_beat(H2, HOME, expect="up")
c.refuse(clients.outer(HOME, P4, udp6(S6.client, NATIVE), 41), "outer-source-mismatch", H2)
c.accept_beat(H17, HOME, epoch=START, expect="up")
c.refuse(clients.outer(HOME, P4, udp6(S6.client, NATIVE), 41), "outer-source-mismatch")

c = case("many", "Counts, last time, last source and the first 128 bytes of the last packet are kept by reason", [16])
for n in range(5):
    c.drop_client(S6, udp6(S6.near, NATIVE, 100 + n), "inner-source-is-pop")
    c.drop_client(S6, udp6(S6.link(3), NATIVE, 60 + n), "inner-source-not-client")
    c.drop_client(S10, udp6(S10.near, NATIVE, 500 + n), "inner-source-is-pop")
c.refuse_net(udp6(NATIVE, S6.client, 1481), "packet-too-big", 2, 0, S6.near, 1480, blame=S6)
c.refuse_net(udp6(NATIVE, S6.client, hop_limit=1), "hop-limit-exceeded", 3, 0, S6.near, blame=S6)
c.refuse_client(S6, udp6(S6.client, S6.routed(1)), "same-in-out", 1, 3)

c = case("icmpv4", "ICMPv4 errors about what was sent to an endpoint, and its pings, are booked on it without a drop of its own",
         [44, 48, 50],
         note="AYIYA tunnels behind one address are told apart by the port.")
c.accept_noop(A1, HOME, 41000, expect="up")
c.accept_beat(H2, HOME, expect="up")
for tunnel in (S6, H2, A1):
    quote = c.outer_to(tunnel, udp6(NATIVE, tunnel.client, 100))
    if tunnel is A1:
        c.counters["worker ayiya_sent"] -= 1  # only quoted
    packet = icmp4("198.51.100.1", P4, 3, 1, 0, quote[:28 + 8], id=7)
    c.arrive(packet)
    c.count("worker consumed")
    c.count("worker icmpv4_errors_received")
    c.ledger.book(tunnel, "icmpv4-error", c.unix_ns(), packet)
ping = icmp4(S6.remote, P4, 8, 0, 1, pattern(20), id=9)
c.arrive(ping)
c.count("worker consumed")
c.originate("echo_replies")
c.depart(icmp4(P4, S6.remote, 0, 0, 1, pattern(20), ttl=64, id=0, flags="DF"))
c.ledger.book(S6, "icmpv4-echo", c.unix_ns(), ping)
