# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Return routability (docs/protocols.md 10.5, 10.6): what an endpoint gets before it has shown that it is there."""

from .dynamic_case import START, DynamicCase, Place
from .dynamic_tunnels import A1, H2, P6
from .frames import NATIVE, echo6_reply, icmp6, udp6
from .probes import probe


def case(name, *args, **kw):
    return DynamicCase("routability/" + name, *args, **kw)


HOME, AWAY, VICTIM = "203.0.113.20", "198.51.100.222", "198.51.100.254"
HOME6 = "2001:db8:77::20"
PORT = 41000


def flood(c, tunnel, count=40):
    """Large packets to the client at 10 Mbit/s; how many pass."""
    c.step = 1_000_000
    passed = sum(c.throttled_in(tunnel, udp6(NATIVE, tunnel.client, 1200)) for _ in range(count))
    c.step = 10_000_000
    return passed


c = case("throttled", "An endpoint that has not shown that it is there gets 1 Mbit/s; the probe's answer opens it up", [111])
c.accept_beat(H2, HOME, expect="up")
assert flood(c, H2) < 8
c.answer_probe(H2)
assert flood(c, H2) == 40

c = case("ayiya-throttled", "The same for AYIYA, where a packet with a later epoch opens it up", [127])
c.accept_noop(A1, HOME, PORT, epoch=START - 5, expect="up")
assert flood(c, A1) < 8
c.accept_noop(A1, HOME, PORT, epoch=START - 5, expect="same")
assert flood(c, A1) < 8
c.accept_noop(A1, HOME, PORT, epoch=START - 4, expect="verified")
assert flood(c, A1) == 40

c = case("ayiya-probe", "The probe is answered through AYIYA, too", [127])
c.accept_noop(A1, HOME, PORT, expect="up")
c.answer_probe(A1)
assert flood(c, A1) == 40

c = case("over-ipv6", "The same over IPv6", [124])
c.accept_beat(H2, HOME6, local=P6, expect="up")
assert flood(c, H2) < 8
c.answer_probe(H2)
assert flood(c, H2) == 40

c = case("moved", "Every move must be shown anew; an answer from the old place says nothing about the new one", [117, 139])
c.accept_beat(H2, HOME, epoch=START, expect="up")
old = c.probes[H2.id]["last"]
c.answer_probe(H2)
c.accept_beat(H2, VICTIM, epoch=START + 1, expect="moved")
assert flood(c, H2) < 8
reply = echo6_reply(old)
c.drop_client(H2, reply, "outer-source-mismatch", src=HOME)
c.drop_from(H2, reply, "icmpv6-ignored", accepted=True)
assert flood(c, H2) < 8
c.answer_probe(H2)

c = case("third-party", "A forged beat that sends a tunnel to a victim sends it no more than 1 Mbit/s", [117, 158],
         note="Whoever suppresses a client's beat and sends it from a forged address moves the tunnel: the address is not "
              "part of the text. What he gains is this. The client's next beat takes it back.")
c.accept_beat(H2, HOME, epoch=START - 60, expect="up")
c.answer_probe(H2)
c.accept_beat(H2, VICTIM, epoch=START, expect="moved")
assert flood(c, H2, 100) < 16
c.accept_beat(H2, HOME, epoch=START + 1, expect="moved")
c.answer_probe(H2)
assert flood(c, H2) == 40

c = case("forged-answer", "Whoever has not seen the probe cannot answer it", [117])
c.accept_beat(H2, HOME, expect="up")
good = c.probes[H2.id]["last"]
data = good[48:]
for forged in (data[:8] + bytes([data[8] ^ 1]) + data[9:], data[:15] + bytes([data[15] ^ 0x80]), bytes(16),
               data[:8] + bytes(8), data[:7] + bytes([data[7] ^ 1]) + data[8:]):
    c.drop_from(H2, icmp6(H2.client, H2.near, 129, 0, 0x4242 << 16 | 1, forged), "icmpv6-ignored", accepted=True)
for rest, payload in ((0x4242 << 16 | 2, data), (0x4241 << 16 | 1, data), (0x4242 << 16 | 1, data[:15]),
                      (0x4242 << 16 | 1, data + b"\0")):
    c.drop_from(H2, icmp6(H2.client, H2.near, 129, 0, rest, payload), "icmpv6-ignored", accepted=True)
c.drop_from(H2, icmp6(H2.routed(1), H2.near, 129, 0, 0x4242 << 16 | 1, data), "icmpv6-ignored", accepted=True)
c.drop_net(icmp6(NATIVE, H2.near, 129, 0, 0x4242 << 16 | 1, data), "icmpv6-ignored", blame=H2)
# One for another place: with the tag of an attacker's own probe.
other = probe(H2, Place(AWAY), START * 10**9, 1)
c.drop_from(H2, echo6_reply(other), "icmpv6-ignored", accepted=True)
assert flood(c, H2) < 8

c = case("late-answer", "An answer later than ten seconds says nothing", [117])
c.accept_beat(H2, HOME, expect="up")
old = c.probes[H2.id]["last"]
c.at(10.05)
c.drop_from(H2, echo6_reply(old), "icmpv6-ignored", accepted=True)
c.answer_probe(H2)

c = case("probing", "Probes go at once, each second for ten, then each ten seconds, until one is answered", [111], linger=45)
c.accept_beat(H2, HOME, expect="up")

c = case("traffic", "Who answers no probe is believed after ten seconds of packets both ways", [111])
c.accept_beat(H2, HOME, expect="up")
for n in range(23):
    c.at(0.05 + n / 2)
    c.forward_in(H2, udp6(NATIVE, H2.client, 200))
    c.forward_out(H2, udp6(H2.client, NATIVE, 200))
assert flood(c, H2) == 40

c = case("one-way", "Packets one way only show nothing", [111])
c.accept_beat(H2, HOME, expect="up")
for n in range(23):
    c.at(0.05 + n / 2)
    c.forward_in(H2, udp6(NATIVE, H2.client, 200))
assert flood(c, H2) < 8

c = case("ayiya-moved-back", "Packets from the endpoint before are nothing new, and do not take it back", [139, 140], linger=2)
c.accept_ayiya(A1, udp6(A1.client, NATIVE), HOME, PORT, epoch=START, expect="up")
c.accept_noop(A1, HOME, PORT, epoch=START + 1, expect="verified")
c.accept_noop(A1, AWAY, PORT, epoch=START + 2, expect="moved")
c.refuse_replay(c.ayiya_from(A1, HOME, PORT, udp6(A1.client, NATIVE), epoch=START + 2), A1, Place(HOME, PORT))
c.forward_in(A1, udp6(NATIVE, A1.client))
