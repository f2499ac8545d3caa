# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""What broke the original, or would break a careless successor, sent to this PoP: no harm is done."""

import hashlib
import struct

from . import clients
from .clients import AYIYA_PORT, BEAT_PORT, beat, sha1_continued, sha1_padding, udp
from .dynamic_case import START, DynamicCase, Place
from .dynamic_tunnels import A1, A5, A26, D3, G7, G27, H2, H4, P4, P6, S6, S10
from .frames import (NATIVE, TCP, IP, address6, echo6, echo6_reply, icmp4, icmp6_raw, ipv6, pattern, udp6)


def case(name, *args, **kw):
    return DynamicCase("threats/" + name, *args, **kw)


HOME, ATTACKER = "203.0.113.10", "198.51.100.66"
PORT, EVIL = 41000, 6666
DATA = udp6(A1.client, NATIVE, 200)


def harmless(c, tunnel):
    """The tunnel works as before."""
    c.forward_in(tunnel, udp6(NATIVE, tunnel.client, 200))
    c.forward_out(tunnel, udp6(tunnel.client, NATIVE, 200))


c = case("ayiya-bypass", "A short datagram is not completed from what an earlier one has left in the buffer", [134],
         note="Of the original: a malformed datagram of 44 bytes, then one of 24 whose missing signature was read from the "
              "first. The endpoint moved to the attacker without the password.")
c.accept_noop(A1, HOME, PORT, expect="up")
head = c.ayiya(A1)[:24]
for tail in (bytes(20), hashlib.sha1(head).digest(), hashlib.sha1(head + bytes(20)).digest()):
    c.refuse(udp(ATTACKER, EVIL, P4, AYIYA_PORT, b"\0" * 24 + tail), "ayiya-malformed")
    c.refuse(udp(ATTACKER, EVIL, P4, AYIYA_PORT, head), "ayiya-malformed")
    c.refuse(udp(ATTACKER, EVIL, P4, AYIYA_PORT, head, length=8 + 44, checksum=0), "udp-malformed")
harmless(c, A1)

c = case("buffer-leak", "An echo request behind extension headers is answered with its own bytes and no others", [65, 77],
         note="The original answered with up to 2 kB from beyond the packet: other users' traffic.")
c.accept_noop(A1, HOME, PORT, expect="up")
c.accept_beat(H2, HOME, expect="up")
for n in range(4):  # what could leak
    c.forward_in(A1, udp6(NATIVE, A1.client, 400 + n))
for tunnel in (A1, H2, S6, G7, S10):
    for headers in (1, 2):
        request = echo6(tunnel.client, tunnel.near, 60)
        options = b"".join(struct.pack("!BB", 60 if n + 1 < headers else 58, 0) + b"\x01\x04" + bytes(4) for n in range(headers))
        behind = ipv6(tunnel.client, tunnel.near, options + request[40:], 60)
        c.answer_client(tunnel, behind, echo6_reply(request), "echo_replies")

c = case("buffer-leak-length", "A payload length larger than the packet gets no answer", [25, 65])
for tunnel in (S6, G7, S10):
    request = echo6(tunnel.client, tunnel.near, 60)
    for length in (21, 400, 2048, 65535):
        longer = request[:4] + struct.pack("!H", length) + request[6:]
        c.drop_client(tunnel, longer, "inner-malformed", blame=None)

c = case("empty-beat", "An empty datagram to the heartbeat port is dropped", [116], note="It killed the original.")
c.accept_beat(H2, HOME, expect="up")
for local, source in ((P4, ATTACKER), (P6, "2001:db8:66::66")):
    c.refuse(udp(source, EVIL, local, BEAT_PORT, b""), "beat-malformed")
    c.refuse(udp(source, EVIL, local, BEAT_PORT, b"\0"), "beat-malformed")
c.refuse(udp(ATTACKER, EVIL, P4, BEAT_PORT, b"", checksum=0), "beat-malformed")
c.refuse(udp(ATTACKER, EVIL, P4, AYIYA_PORT, b""), "ayiya-malformed")
harmless(c, H2)

c = case("ports", "Nothing listens where the original could be killed or made to spin: 42003, 42006, TCP and UDP", [164])
for port in (42003, 42006, 3874):
    segment = bytes((IP(src=ATTACKER, dst=P4) / TCP(sport=4000, dport=port, flags="S")))[20:]
    c.refuse(clients.outer(ATTACKER, P4, segment, 6), "protocol-unsupported")
    c.refuse(udp(ATTACKER, EVIL, P4, port, b"x"), "protocol-unsupported")

c = case("log-flood", "A thousand malformed datagrams are a thousand counts, and nothing else", [132, 164],
         note="Each cost the original eight lines of log before it knew whose it was.", bursts=True)
c.step = 100_000
for n in range(1000):
    c.refuse(udp(ATTACKER, EVIL, P4, AYIYA_PORT, pattern(44 + n % 60)), "ayiya-malformed")

c = case("key-of-zeros", "A key of twenty zero bytes is nobody's, an empty password neither", [133, 136],
         note="With the original, a dynamic tunnel without a password was everybody's. Configuration refuses one here.")
header = struct.pack("!BBBBI", 0x41, 0x52, 0x11, 41, START) + address6(A1.client)
for tunnel, reason, blame in ((A1, "ayiya-bad-signature", A1), (H2, "ayiya-not-allowed", H2), (S6, "ayiya-not-allowed", S6)):
    header = struct.pack("!BBBBI", 0x41, 0x52, 0x11, 41, START) + address6(tunnel.client)
    inner = udp6(tunnel.client, NATIVE)
    c.refuse(udp(ATTACKER, EVIL, P4, AYIYA_PORT, header + hashlib.sha1(header + bytes(20) + inner).digest() + inner), reason,
             blame)
c.refuse(udp(ATTACKER, EVIL, P4, BEAT_PORT, beat(H2.client, START, "")), "beat-bad-digest", H2)

c = case("length-extension", "A signature continued over more payload is refused, though it is a good one", [135, 144],
         note="The key stands in the middle of what is hashed, so whoever has a packet can sign one that goes on behind it. "
              "The inner length is exact, so nothing can.")
c.accept_ayiya(A1, DATA, HOME, PORT, expect="up")
captured = c.ayiya(A1, DATA, epoch=START)
for message, suffix in ((captured, pattern(64)), (captured, b""), (c.ayiya(A1, epoch=START), DATA)):
    glue = sha1_padding(len(message))
    signature = sha1_continued(message[24:44], len(message) + len(glue), suffix)
    longer = message[:24] + signature + message[44:] + glue + suffix
    key = hashlib.sha1(A1.password.encode()).digest()
    assert hashlib.sha1(longer[:24] + key + longer[44:]).digest() == signature
    for source, port in ((HOME, PORT), (ATTACKER, EVIL)):
        c.refuse(udp(source, port, P4, AYIYA_PORT, longer), "inner-malformed", A1)
harmless(c, A1)

c = case("proto41-flip", "One forged 6in4 packet from the client's address does not turn an AYIYA tunnel over", [149])
for tunnel in (A1, D3):
    c.accept_noop(tunnel, HOME, PORT, expect="up")
    c.refuse(clients.outer(HOME, P4, udp6(tunnel.client, NATIVE), 41), "encapsulation-mismatch", tunnel)
    harmless(c, tunnel)

c = case("static-flip", "Nothing that is not authenticated changes a static tunnel: not GRE, not another local address", [149])
c.refuse(clients.outer(S6.remote, P4, clients.gre(udp6(S6.client, NATIVE)), 47), "encapsulation-mismatch", S6)
c.refuse(clients.outer(S6.remote, "192.0.2.2", udp6(S6.client, NATIVE), 41), "outer-destination-mismatch", S6)
c.refuse(c.ayiya_from(S6, S6.remote, PORT, udp6(S6.client, NATIVE), password="x"), "ayiya-not-allowed", S6)
c.refuse(c.beat_from(S6, ATTACKER, password="x"), "beat-not-allowed", S6)
harmless(c, S6)

c = case("state", "The state is checked before anything else: down and disabled tunnels carry nothing out", [63, 120],
         note="Both carried traffic out of the original.")
c.refuse(clients.outer(HOME, P4, udp6(H2.client, NATIVE), 41), "tunnel-down", H2)
c.refuse(clients.outer(HOME, P4, udp6(H4.client, NATIVE), 41), "tunnel-disabled", H4)
c.refuse(clients.outer(HOME, P4, udp6(A5.client, NATIVE), 41), "tunnel-disabled", A5)
c.refuse(clients.outer("198.51.100.27", P4, clients.gre(udp6(G27.client, NATIVE)), 47), "tunnel-disabled", G27)
c.refuse(clients.outer("198.51.100.27", P4, clients.gre(clients.udp4("10.64.0.3", "203.0.113.5")), 47), "tunnel-disabled",
         G27)
for tunnel in (H4, A5, G27):
    c.refuse_net(udp6(NATIVE, tunnel.client), "destination-disabled", 1, 1, tunnel.near, blame=tunnel)
c.accept_beat(H2, HOME, expect="up")
harmless(c, H2)

c = case("icmpv4", "Forged ICMPv4 errors change no endpoint and no state", [44, 45, 48])
c.accept_beat(H2, HOME, expect="up")
c.accept_noop(A1, HOME, PORT, expect="up")
quote = c.outer_to(H2, udp6(NATIVE, H2.client, 200))
for kind, code in ((3, 1), (3, 3), (3, 4), (11, 0)):
    frame = icmp4(ATTACKER, P4, kind, code, 0, quote[:28], id=1)
    c.arrive(frame)
    c.count("worker consumed")
    c.count("worker icmpv4_errors_received")
    c.ledger.book(H2, "icmpv4-error", c.unix_ns(), frame)
harmless(c, H2)
harmless(c, A1)

c = case("replay-injection", "A captured packet injected again, from the client's forged address: a duplicate, and no more", [138])
c.accept_ayiya(A1, DATA, HOME, PORT, expect="up")
c.accept_noop(A1, HOME, PORT, epoch=START + 1, expect="verified")
c.accept_ayiya(A1, DATA, HOME, PORT, epoch=START, expect="same")

c = case("clock-of-client", "A client whose clock steps back keeps its endpoint, and may not move until it catches up", [118, 138])
c.accept_beat(H2, HOME, epoch=START + 100, expect="up")
c.accept_beat(H2, HOME, epoch=START - 100, expect="same")
c.refuse_replay(c.beat_from(H2, ATTACKER, epoch=START), H2, Place(ATTACKER))
harmless(c, H2)

c = case("reflection", "A source forged inside a tunnel makes the PoP talk to nobody", [60, 164])
c.accept_noop(A1, HOME, PORT, expect="up")
for source in (A26.client, NATIVE, "2001:db8:beef::1"):
    c.drop_from(A1, udp6(source, A1.near), "inner-source-not-delegated")

c = case("routing-header", "A routing header with segments left is discarded at the PoP, also as the first header", [73, 75])
c.accept_noop(A1, HOME, PORT, expect="up")
for tunnel in (A1, G7):
    packet = icmp6_raw(tunnel.client, tunnel.near, bytes([128, 0, 0, 0, 0, 0, 0, 1]))
    routed = ipv6(tunnel.client, tunnel.near, bytes([58, 2, 0, 1, 0, 0, 0, 0]) + address6(NATIVE) + packet[40:], 43)
    c.refuse_client(tunnel, routed, "extension-header", 4, 0, argument=42, accepted=True)

c = case("amplification", "What strangers send to the tunnel ports is never answered", [158, 164], bursts=True)
for n in range(40):
    c.refuse(udp(ATTACKER, EVIL + n, P4, AYIYA_PORT, pattern(20 + n)), "ayiya-malformed")
    c.refuse(udp(ATTACKER, EVIL + n, P4, BEAT_PORT, pattern(20 + n)), "beat-malformed")
    c.refuse(clients.outer(ATTACKER, P4, pattern(20 + n), 47), "gre-malformed")

c = case("nested", "Tunnels in tunnels of the PoP's do not amplify: what comes out is at most what went in", [32, 157, 158],
         note="Protocol 41, GRE and AYIYA addressed to the PoP inside a tunnel. Nothing is decapsulated twice.")
c.accept_noop(A1, HOME, PORT, expect="up")
nested = [ipv6(A1.client, P6, udp6(S10.client, NATIVE), 41), ipv6(A1.client, P6, clients.gre(udp6(G7.client, NATIVE)), 47),
          udp(A1.client, 4000, P6, AYIYA_PORT, clients.ayiya(A26.client, START, A26.password, b"", 0, 59), ttl=64),
          udp(A1.client, 4000, P6, BEAT_PORT, beat(H2.client, START, H2.password), ttl=64)]
for packet in nested:
    c.refuse_client(A1, packet, "port-unreachable", 1, 4, source=P6, accepted=True)
harmless(c, A1)


class Bucket:
    """A rate for failures: `rate` a second, `burst` at once; counts as docs/protocols.md 7.3 and 8.8 have it."""

    def __init__(self, rate, burst):
        self.cost, self.burst, self.paid = 10**9 // rate, burst, 0

    def take(self, now):
        paid = max(self.paid, now - self.cost * self.burst) + self.cost
        if paid > now:
            return False
        self.paid = paid
        return True


c = case("flood-ayiya", "Bad signatures are charged to whoever sends them; the client and newcomers are not touched", [136])
c.accept_noop(A1, HOME, PORT, epoch=START, expect="up")
bucket = Bucket(100, 256)
c.step = 500_000
wrong = c.ayiya_from(A1, ATTACKER, EVIL, DATA, password="wrong", epoch=START)
policed = 0
for n in range(400):
    good = bucket.take(c.next_time)
    policed += not good
    c.refuse(wrong, "ayiya-bad-signature" if good else "ayiya-policed", A1)
    if n % 50 == 49:
        harmless(c, A1)
assert policed > 100
c.accept_noop(A26, "203.0.113.77", PORT, epoch=START, expect="up")
harmless(c, A26)
c.refuse(c.ayiya_from(A1, ATTACKER, EVIL, DATA, epoch=START + 1), "ayiya-policed", A1)
harmless(c, A1)

c = case("flood-beats", "The same for beats with bad digests", [113, 123])
c.accept_beat(H2, HOME, epoch=START, expect="up")
bucket = Bucket(20, 20)
c.step = 1_000_000
wrong = c.beat_from(H2, ATTACKER, password="wrong", epoch=START)
for n in range(100):
    good = bucket.take(c.next_time)
    c.refuse(wrong, "beat-bad-digest" if good else "beat-policed", H2)
    if n % 25 == 24:
        harmless(c, H2)
        c.accept_beat(H2, HOME, epoch=START, expect="same")
c.accept_beat(D3, "203.0.113.77", epoch=START, expect="up")
harmless(c, D3)
harmless(c, H2)

c = case("flood-unknown", "Beats that name nobody are let through at 50 a second and source, others are not touched", [119, 123])
c.accept_beat(H2, HOME, epoch=START, expect="up")
bucket = Bucket(50, 100)
c.step = 500_000
wrong = udp(ATTACKER, EVIL, P4, BEAT_PORT, beat("2001:db8:2ff:77::2", START, "x"))
policed = 0
for n in range(200):
    good = bucket.take(c.next_time)
    policed += not good
    c.refuse(wrong, "tunnel-unknown" if good else "beat-policed")
    if n % 50 == 49:
        harmless(c, H2)
        c.accept_beat(H2, HOME, epoch=START, expect="same")
assert policed > 80
c.accept_beat(D3, "203.0.113.77", epoch=START, expect="up")
harmless(c, D3)
