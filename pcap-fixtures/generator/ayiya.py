# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""AYIYA (docs/protocols.md 8)."""

from . import clients
from .case import one_port
from .clients import AYIYA_PORT, ECHO, ECHO_FORWARD, FORWARD, IPV4_IN, IPV6_IN, NOOP, NOTHING, udp
from .dynamic_case import START, DynamicCase, Place, hop
from .dynamic_tunnels import A1, A5, A12, A14, A15, A19, A21, A26, CROWD, D3, H2, OTHER_POP, OTHER_POP6, P4, P4B, P6, P6B, S6
from .frames import NATIVE, echo6, echo6_reply, icmp6_raw, udp6, with_traffic_class
from .frames import fragments as in_fragments


def case(name, *args, **kw):
    return DynamicCase("ayiya/" + name, *args, **kw)


HOME, AWAY = "203.0.113.10", "198.51.100.111"
HOME6, AWAY6 = "2001:db8:77::10", "2001:db8:78::10"
PORT = 41000
DATA = udp6(A1.client, NATIVE, 200)


def both_ways(c, tunnel, **fields):
    c.forward_in(tunnel, udp6(NATIVE, tunnel.client, 200))
    c.forward_out(tunnel, udp6(tunnel.client, NATIVE, 200), **fields)


c = case("vectors", "The published vectors are taken, to the byte", [127, 128, 130],
         note="The beat, the two echo requests of docs/protocols.md A.5: identity 2001:db8:2ff:1::2, epoch 1700000000.")
BEAT = bytes.fromhex("4152103b6553f10020010db802ff000100000000000000028028547c302492edd2bd87d600e7b6650527a258")
ECHO_1 = bytes.fromhex("415211296553f10020010db802ff00010000000000000002d7e9aaf10dc87ff3df19004634df680f62d5503a"
                       "6000000000083aff20010db802ff0001000000000000000220010db802ff00010000000000000001"
                       "80000c1312340001")
ECHO_2 = bytes.fromhex("415211296553f10020010db802ff00010000000000000002651047767c59f3ea6749cfe0b4d80bd426db538e"
                       "6000000000083a4020010db802ff0001000000000000000220010db802ff00010000000000000001"
                       "8000dc0442420001")
assert clients.ayiya(A1.client, START, A1.password, b"", NOOP, NOTHING) == BEAT
for message in (ECHO_1, ECHO_2):
    assert clients.ayiya(A1.client, START, A1.password, message[44:]) == message and message[:4].hex() == "41521129"
c.accept_noop(A1, HOME, PORT, epoch=START, expect="up")
for message in (ECHO_1, ECHO_2):
    c.answer_client(A1, message[44:], echo6_reply(message[44:]), "echo_replies", epoch=START)

c = case("forward", "A forward packet is verified and routed, its source learned; answers go there, signed", [127, 129],
         note="What the PoP sends has its ::1 as identity, operation 1, next header 41, its own time, and no UDP checksum.")
c.accept_ayiya(A1, DATA, HOME, PORT, expect="up")
both_ways(c, A1)
c.answer_probe(A1)
for size in (48, 1280, 1428):
    c.forward_in(A1, udp6(NATIVE, A1.client, size))
    c.forward_out(A1, udp6("2001:db8:3001::5", NATIVE, size))

c = case("noop", "A no-operation packet brings the tunnel up and forwards nothing", [130])
c.accept_noop(A1, HOME, PORT, expect="up")
c.accept_noop(A1, HOME, PORT, expect="same")
c.forward_in(A1, udp6(NATIVE, A1.client, 200))

c = case("three-beats", "Three equal beats, as AICCU sends at start, are one sign of life", [118, 130])
c.accept_noop(A1, HOME, PORT, epoch=START, expect="up")
for _ in range(2):
    c.accept_noop(A1, HOME, PORT, epoch=START, expect="same")

c = case("echo", "Operation 2 is answered with operation 4 and the same payload; 3 is forwarded too", [131],
         note="Nothing of this is sent to clients that have not asked: the usual one refuses operation 4.")
c.accept_noop(A1, HOME, PORT, expect="up")
for payload, next_header in ((b"", NOTHING), (DATA, IPV6_IN)):
    c.arrive(c.ayiya_from(A1, HOME, PORT, payload, operation=ECHO, next_header=next_header))
    c.count("worker ayiya_accepted")
    c.learn(A1, Place(HOME, PORT), c.now // 10**9, expect="same")
    c.count("worker consumed")
    c.originate()
    place = Place(HOME, PORT)
    message = c.ayiya_to(A1, place, payload or b"\x60", clients.ECHO_REPLY, next_header) if payload else None
    if message is None:
        c.count("worker ayiya_sent")
        message = clients.ayiya(A1.near, c.now // 10**9, A1.password, b"", clients.ECHO_REPLY, NOTHING)
    c.depart(clients.f.ipv4(P4, HOME, c.udp_to(A1, place, message), 17, ttl=64, id=0, flags="DF"))
c.arrive(c.ayiya_from(A1, HOME, PORT, DATA, operation=ECHO_FORWARD))
c.count("worker ayiya_accepted")
c.originate()
c.depart(clients.f.ipv4(P4, HOME, c.udp_to(A1, place, c.ayiya_to(A1, place, DATA, clients.ECHO_REPLY)), 17, ttl=64, id=0,
                        flags="DF"))
c.delivered_out(A1, hop(DATA))
c.learn(A1, place, START, expect="same")

c = case("operations", "Operations 4 to 15 are ignored, whatever is behind them", [131, 132])
c.accept_noop(A1, HOME, PORT, expect="up")
for operation in range(4, 16):
    for payload, next_header in ((DATA, IPV6_IN), (b"", NOTHING)):
        c.refuse(c.ayiya_from(A1, HOME, PORT, payload, operation=operation, next_header=next_header), "ayiya-ignored", A1)
both_ways(c, A1)

c = case("header", "Another identity type, signature, hash or authentication is refused; none is none", [133],
         note="The first three bytes but the operation code: one by one, with a signature good over what was sent.")
for change in ({"first": 0x40}, {"first": 0x42}, {"first": 0x51}, {"first": 0x01}, {"first": 0x31}, {"second": 0x50},
               {"second": 0x51}, {"second": 0x53}, {"second": 0x02}, {"second": 0x42}, {"second": 0x84},
               {"authentication": 0}, {"authentication": 2}, {"authentication": 3}, {"authentication": 15}):
    c.refuse(c.ayiya_from(A1, HOME, PORT, DATA, **change), "ayiya-malformed")
unsigned = bytes.fromhex("41001129") + bytes(40)
c.refuse(udp(HOME, PORT, P4, AYIYA_PORT, unsigned), "ayiya-malformed")

c = case("short", "A datagram below 44 bytes is dropped before anything of it is read", [134])
whole = c.ayiya(A1)
for size in (0, 1, 3, 4, 8, 23, 24, 43):
    c.refuse(udp(HOME, PORT, P4, AYIYA_PORT, whole[:size]), "ayiya-malformed")

c = case("udp-length", "The UDP length counts, and must fit into the IP packet", [134, 143])
whole = c.ayiya(A1, DATA)
for length in (0, 7, 8 + len(whole) + 1, 65535):
    c.refuse(udp(HOME, PORT, P4, AYIYA_PORT, whole, length=length, checksum=0), "udp-malformed")
for length in (8, 8 + 43):
    c.refuse(udp(HOME, PORT, P4, AYIYA_PORT, whole, length=length, checksum=0), "ayiya-malformed")
c.refuse(udp(HOME, PORT, P4, AYIYA_PORT, whole, length=8 + 44 + 100, checksum=0), "inner-malformed", A1)
c.accept_ayiya(A1, DATA, HOME, PORT, expect="up")

c = case("identity", "Only the client's ::2 is an identity; others in its prefixes are refused, strangers unknown", [127, 145],
         note="The original took any address of the link /64 and of the default routed /64.")
for identity, reason in ((A1.near, "tunnel-unknown"), (A1.link(3), "tunnel-unknown"), (A1.routed(2), "tunnel-unknown"),
                         ("2001:db8:3001::2", "tunnel-unknown"), ("2001:db8:2ff:77::2", "tunnel-unknown"),
                         ("2001:db8:2ff:7ffe::2", "tunnel-unknown"), ("2001:db8:aaaa::2", "tunnel-unknown"),
                         ("::", "tunnel-unknown"), ("::ffff:a00:2", "tunnel-unknown")):
    c.refuse(c.ayiya_from(A1, HOME, PORT, identity=identity), reason)
c.accept_noop(A1, HOME, PORT, expect="up")

c = case("next-header", "Next header and operation go together, or the packet is refused", [135])
c.accept_noop(A1, HOME, PORT, expect="up")
for operation, next_header, payload in ((FORWARD, NOTHING, b""), (FORWARD, NOTHING, DATA), (FORWARD, 6, DATA),
                                        (FORWARD, 0, DATA), (FORWARD, 58, DATA), (FORWARD, 255, DATA),
                                        (NOOP, IPV6_IN, DATA), (NOOP, IPV4_IN, DATA), (ECHO_FORWARD, NOTHING, b"")):
    c.refuse(c.ayiya_from(A1, HOME, PORT, payload, operation=operation, next_header=next_header),
             "ayiya-bad-next-header", A1)

c = case("payload", "The payload is what the next header says, to the byte", [135],
         note="Exact lengths leave no room for what a length extension would append.")
c.accept_noop(A1, HOME, PORT, expect="up")
c.refuse(c.ayiya_from(A1, HOME, PORT, b"\x45" + DATA[1:], next_header=IPV6_IN), "inner-not-ipv6", A1)
c.refuse(c.ayiya_from(A1, HOME, PORT, b"\x05" + DATA[1:], next_header=IPV6_IN), "inner-not-ipv6", A1)
for payload in (DATA[:-1], DATA + b"\0", DATA[:40], DATA[:39], DATA[:1], DATA + DATA):
    c.refuse(c.ayiya_from(A1, HOME, PORT, payload, next_header=IPV6_IN), "inner-malformed", A1)
c.refuse(c.ayiya_from(A1, HOME, PORT, b"", operation=FORWARD, next_header=IPV6_IN), "inner-malformed", A1)
c.refuse(c.ayiya_from(A1, HOME, PORT, b"\0", operation=NOOP, next_header=NOTHING), "inner-malformed", A1)
both_ways(c, A1)

c = case("bad-signature", "A bad signature changes nothing: any bit of header or payload, another key, none", [136, 144])
c.accept_noop(A1, HOME, PORT, expect="up")
good = c.ayiya(A1, DATA)
for at in (24, 43, 44 + 7, 44 + 41, len(good) - 1):
    flipped = good[:at] + bytes([good[at] ^ 1]) + good[at + 1:]
    c.refuse(udp(AWAY, PORT, P4, AYIYA_PORT, flipped), "ayiya-bad-signature", A1)
c.refuse(c.ayiya_from(A1, AWAY, PORT, DATA, password=D3.password), "ayiya-bad-signature", A1)
c.refuse(c.ayiya_from(A1, AWAY, PORT, DATA, signature=bytes(20)), "ayiya-bad-signature", A1)
c.refuse(c.ayiya_from(A1, HOME, PORT, DATA, signature=bytes(20)), "ayiya-bad-signature", A1)
both_ways(c, A1)

c = case("clock", "120 s off is taken, 121 s refused, modulo 2^32", [137])
c.accept_noop(A1, HOME, PORT, epoch=START - 120, expect="up")
c.accept_noop(A1, HOME, PORT, epoch=START + 120, expect="verified")
for epoch, detail in ((START - 121, -121), (START + 121, 121), (START + 4000, 4000), (START - 86400, -86400)):
    c.refuse(c.ayiya_from(A1, HOME, PORT, DATA, epoch=epoch), "ayiya-clock-skew", A1, detail)
    c.refuse(c.ayiya_from(A1, AWAY, PORT, DATA, epoch=epoch), "ayiya-clock-skew", A1, detail)
both_ways(c, A1)

for year, clock in ((2038, 2**31), (2106, 2**32)):
    c = case(f"year-{year}", f"The window and the replay rule hold over the wrap of {year}", [137], offset=clock - START - 1)
    c.accept_noop(A1, HOME, PORT, epoch=clock - 60, expect="up")
    c.accept_noop(A1, HOME, PORT, epoch=clock - 1, expect="verified")
    c.at(2)
    both_ways(c, A1)
    c.accept_noop(A1, HOME, PORT, epoch=clock + 20, expect="same")
    c.refuse_replay(c.ayiya_from(A1, AWAY, PORT, epoch=clock - 1), A1, Place(AWAY, PORT))
    c.accept_noop(A1, AWAY, PORT, epoch=clock + 21, expect="moved")

for by in (3600, -3600):
    c = case(f"clock-step-{'ahead' if by > 0 else 'back'}",
             "The PoP's clock jumps an hour: who is there stays, by either clock, for ten minutes; told as an event", [137])
    c.step_clock(by, 10)
    c.accept_noop(A1, HOME, PORT, epoch=START, expect="up")
    c.accept_beat(H2, HOME, epoch=START, expect="up")
    c.at(20)
    c.accept_noop(A1, HOME, PORT, epoch=START + 20, expect="verified")
    c.accept_beat(H2, HOME, epoch=START + 20, expect="same")
    c.forward_in(A1, udp6(NATIVE, A1.client, 200))  # stamped with the new clock
    c.refuse(c.ayiya_from(A1, AWAY, PORT, epoch=START + 21), "ayiya-clock-skew", A1, 1 - by)
    c.refuse(c.beat_from(H2, AWAY, epoch=START + 21), "beat-clock-skew", H2, 1 - by)
    c.at(100)
    c.accept_noop(A1, HOME, PORT, epoch=START + 100 + by, expect="same")
    c.accept_noop(A1, HOME, PORT, epoch=START + 100, expect="same")
    c.refuse(c.ayiya_from(A1, HOME, PORT, epoch=START + 100 + by // 2), "ayiya-clock-skew", A1, -by // 2)
    for seconds in (250, 400, 550):
        c.at(seconds)
        c.accept_noop(A1, HOME, PORT, epoch=START + seconds, expect="same")
    c.at(612)
    c.refuse(c.ayiya_from(A1, HOME, PORT, epoch=START + 612), "ayiya-clock-skew", A1, -by)
    c.accept_noop(A1, HOME, PORT, epoch=START + 612 + by, expect="same")

c = case("replay", "A captured packet sent again from a third address: endpoint unchanged, counted, told", [138, 140], linger=2)
c.accept_ayiya(A1, DATA, HOME, PORT, expect="up")
captured = c.ayiya(A1, DATA, epoch=START)
c.refuse_replay(udp(AWAY, PORT, P4, AYIYA_PORT, captured), A1, Place(AWAY, PORT))
both_ways(c, A1)
c.refuse_replay(udp(HOME, PORT + 1, P4, AYIYA_PORT, captured), A1, Place(HOME, PORT + 1))
c.refuse_replay(udp(AWAY6, PORT, P6, AYIYA_PORT, captured), A1, Place(AWAY6, PORT))
both_ways(c, A1)
c.at(100)
c.accept_noop(A1, HOME, PORT, expect="verified")
c.refuse_replay(udp(AWAY, PORT, P4, AYIYA_PORT, captured), A1, Place(AWAY, PORT))
c.at(130)
c.refuse(udp(AWAY, PORT, P4, AYIYA_PORT, captured), "ayiya-clock-skew", A1, -130)
both_ways(c, A1)

c = case("duplicate", "The network may double a packet: from the present endpoint it passes again", [138],
         note="The signature cache is off by default; inner protocols know duplicates.")
c.accept_ayiya(A1, DATA, HOME, PORT, expect="up")
c.accept_ayiya(A1, DATA, HOME, PORT, epoch=START, expect="same")
c.accept_ayiya(A1, DATA, HOME, PORT, epoch=START, expect="same")

c = case("replay-rows", "Every row of the replay rule, over IPv4 and IPv6", [117, 118, 138, 140], linger=2)
c.accept_noop(A1, HOME, PORT, epoch=START, expect="up")
c.accept_noop(A1, HOME, PORT, epoch=START, expect="same")
c.accept_noop(A1, HOME, PORT, epoch=START - 60, expect="same")
for source, port, local in ((HOME, PORT + 1, P4), (AWAY, PORT, P4), (HOME6, PORT, P6)):
    for epoch in (START, START - 60):
        c.refuse_replay(c.ayiya_from(A1, source, port, local=local, epoch=epoch), A1, Place(source, port, local))
c.accept_noop(A1, HOME, PORT + 1, epoch=START + 1, expect="moved")
c.accept_noop(A1, AWAY, PORT, epoch=START + 2, expect="moved")
c.accept_noop(A1, HOME6, PORT, local=P6, epoch=START + 3, expect="moved")
c.refuse_replay(c.ayiya_from(A1, AWAY6, PORT, local=P6, epoch=START + 3), A1, Place(AWAY6, PORT))
c.accept_noop(A1, HOME6, PORT, local=P6, epoch=START, expect="same")
c.accept_noop(A1, AWAY6, PORT, local=P6, epoch=START + 4, expect="moved")
c.accept_noop(A1, HOME, PORT, epoch=START + 5, expect="moved")
both_ways(c, A1)

c = case("strict", "In strict mode nothing passes that is more than five seconds behind", [138], linger=2)
c.accept_noop(A14, HOME, PORT, epoch=START, expect="up")
c.accept_noop(A14, HOME, PORT, epoch=START - 5, expect="same")
c.refuse_replay(c.ayiya_from(A14, HOME, PORT, epoch=START - 6), A14, Place(HOME, PORT))
c.refuse_replay(c.ayiya_from(A14, HOME, PORT, udp6(A14.client, NATIVE), epoch=START - 100), A14, Place(HOME, PORT))
both_ways(c, A14)

c = case("rebinding", "A NAT that gives the client another port: the next packet goes there", [139],
         note="The epoch must be a later one: the client's clock ticks on, so this takes it a second at most.")
c.accept_ayiya(A1, DATA, HOME, PORT, expect="up")
both_ways(c, A1)
for turn, (source, port) in enumerate(((HOME, 42000), (HOME, 43000), (AWAY, 43000)), 1):
    c.at(turn)
    c.accept_ayiya(A1, DATA, source, port, expect="moved")
    both_ways(c, A1)

c = case("storm", "A storm of ports: every packet is forwarded, the events are damped", [146], linger=70)
c.accept_noop(A1, HOME, 40000, epoch=START - 100, expect="up")
for n in range(1, 31):
    c.accept_ayiya(A1, DATA, HOME, 40000 + n, epoch=START - 100 + n, expect="moved")
    c.forward_in(A1, udp6(NATIVE, A1.client, 200))

c = case("local-address", "The PoP answers from the address and port that was written to", [147])
c.accept_noop(A1, HOME, PORT, local=P4B, expect="up")
both_ways(c, A1)
c.accept_noop(A1, HOME6, PORT, local=P6B, epoch=START + 1, expect="moved")
both_ways(c, A1)
c.refuse_replay(c.ayiya_from(A1, HOME6, PORT, local=P6, epoch=START + 1), A1, Place(HOME6, PORT))  # a copy, perhaps
both_ways(c, A1)
c.accept_noop(A1, HOME6, PORT, local=P6, epoch=START + 2, expect="moved")
both_ways(c, A1)

c = case("over-ipv6", "Over IPv6: with a UDP checksum both ways, MTU 1408", [52, 127, 141])
c.accept_ayiya(A1, DATA, HOME6, PORT, local=P6, expect="up")
both_ways(c, A1)
c.answer_probe(A1)
c.refuse(c.ayiya_from(A1, HOME6, PORT, DATA, local=P6, udp_fields={"checksum": 0}), "udp-bad-checksum")
c.refuse(c.ayiya_from(A1, HOME6, PORT, DATA, local=P6, udp_fields={"checksum": 0x1234}), "udp-bad-checksum")
c.forward_in(A1, udp6(NATIVE, A1.client, 1408))
c.refuse_net(udp6(NATIVE, A1.client, 1409), "packet-too-big", 2, 0, A1.near, 1408, blame=A1)

c = case("checksum", "Over IPv4 a checksum of 0 is taken, a good one too, a wrong one not", [141, 142])
c.accept_ayiya(A1, DATA, HOME, PORT, udp_fields={"checksum": 0}, expect="up")
c.accept_ayiya(A1, DATA, HOME, PORT, expect="same")
good = c.ayiya(A1, DATA)
right = int.from_bytes(udp(HOME, PORT, P4, AYIYA_PORT, good)[26:28], "big")
for checksum in (right ^ 1, right ^ 0x8000, 0xffff ^ right or 1):
    c.refuse(udp(HOME, PORT, P4, AYIYA_PORT, good, checksum=checksum), "udp-bad-checksum")

c = case("checksum-sent", "With the setting on, what is sent over IPv4 has a checksum", [141], topology=one_port("dynamic-private"))
c.accept_noop(A1, HOME, PORT, expect="up")
both_ways(c, A1)

c = case("mtu", "The MTU over IPv4 is 1428; with the option set lower, that", [51])
c.accept_noop(A1, HOME, PORT, expect="up")
c.accept_noop(A26, HOME, PORT, expect="up")
c.answer_probe(A1)
c.answer_probe(A26)
c.forward_in(A1, udp6(NATIVE, A1.client, 1428))
c.refuse_net(udp6(NATIVE, A1.client, 1429), "packet-too-big", 2, 0, A1.near, 1428, blame=A1)
c.forward_in(A26, udp6(NATIVE, A26.client, 1400))
c.refuse_net(udp6(NATIVE, A26.client, 1401), "packet-too-big", 2, 0, A26.near, 1400, blame=A26)
c.accept_noop(A26, HOME6, PORT, local=P6, epoch=START + 1, expect="moved")
c.forward_in(A26, udp6(NATIVE, A26.client, 1400))

c = case("fragmented", "AYIYA in fragments is put together, in any order", [143])
for ident, (source, order) in enumerate(((HOME, (0, 1)), (HOME, (1, 0))), 1):
    whole = c.ayiya_from(A1, source, PORT, udp6(A1.client, NATIVE, 1428), udp_fields={"id": ident, "flags": 0})
    parts = in_fragments(whole, 1000)
    if ident == 1:  # nobody's endpoint yet: a beat first
        c.accept_noop(A1, HOME, PORT, expect="up")
    for index in order:
        c.arrive(parts[index])
    c.count("worker consumed")
    c.count("worker reassembled")
    c.count("worker ayiya_accepted")
    c.learn(A1, Place(source, PORT), START, expect="same")
    c.delivered_out(A1, hop(udp6(A1.client, NATIVE, 1428)))

c = case("not-for-it", "AYIYA for tunnels that take none: static, heartbeat, disabled", [119, 149])
for tunnel, reason in ((S6, "ayiya-not-allowed"), (H2, "ayiya-not-allowed"), (A5, "tunnel-disabled")):
    c.refuse(c.ayiya_from(tunnel, HOME, PORT, udp6(tunnel.client, NATIVE), password=tunnel.password or A1.password),
             reason, tunnel)
c.refuse_net(udp6(NATIVE, A5.client), "destination-disabled", 1, 1, A5.near, blame=A5)

c = case("proto41", "Raw protocol 41 does not turn an AYIYA tunnel into another kind, not even from its endpoint", [149],
         note="One forged packet from the client's address turned the original over to 6in4.")
c.refuse(clients.outer(HOME, P4, DATA, 41), "tunnel-down", A1)
c.accept_noop(A1, HOME, PORT, expect="up")
c.refuse(clients.outer(HOME, P4, DATA, 41), "encapsulation-mismatch", A1)
c.refuse(clients.outer(HOME, P4, clients.gre(DATA), 47), "encapsulation-mismatch", A1)
c.refuse(clients.outer(HOME6, P6, DATA, 41), "encapsulation-mismatch", A1)
both_ways(c, A1)

c = case("inner-source", "The signature is the tunnel's, and so must the inner source be", [16, 22, 127])
c.accept_noop(A1, HOME, PORT, expect="up")
for source, reason in ((A26.client, "inner-source-not-delegated"), ("2001:db8:beef::1", "inner-source-not-delegated"),
                       ("2001:db8:2ff:77::2", "inner-source-not-delegated"), (A1.near, "inner-source-is-pop"),
                       (A1.link(3), "inner-source-not-client"), ("ff0e::1", "inner-source-invalid"),
                       ("::", "inner-source-invalid"), ("::1", "inner-source-invalid")):
    c.drop_from(A1, udp6(source, NATIVE), reason)
both_ways(c, A1)

c = case("link-local", "Router solicitations and reports of a new tun interface are dropped quietly", [68, 110])
c.accept_noop(A1, HOME, PORT, expect="up")
for packet, reason in ((icmp6_raw("fe80::1234", "ff02::2", bytes([133, 0, 0, 0, 0, 0, 0, 0]), 255), "multicast"),
                       (udp6("fe80::1234", NATIVE), "link-local-transit")):
    c.drop_from(A1, packet, reason)

c = case("timeout", "No sign of life for 180 s, and it is down; data counts as one, of whatever kind", [63, 120, 130])
c.accept_noop(A1, HOME, PORT, expect="up")
c.at(150)
c.forward_out(A1, DATA)
c.at(329)
c.forward_in(A1, udp6(NATIVE, A1.client, 200))
c.at(332)
c.refuse_net(udp6(NATIVE, A1.client, 200), "destination-down", 1, 0, A1.near, blame=A1)
c.accept_ayiya(A1, DATA, HOME, PORT, expect="up")
both_ways(c, A1)

c = case("rotation", "During a rotation both passwords are good, and answers are signed with the client's", [129, 136])
c.accept_noop(A12, HOME, PORT, expect="up", previous=True)
c.forward_in(A12, udp6(NATIVE, A12.client, 200))
c.accept_noop(A12, HOME, PORT, expect="same")  # not newer: answers are signed as before
c.forward_in(A12, udp6(NATIVE, A12.client, 200))
c.accept_noop(A12, HOME, PORT, epoch=START + 1, expect="verified")
c.forward_in(A12, udp6(NATIVE, A12.client, 200))
c.accept_noop(A12, HOME, PORT, epoch=START, expect="same", previous=True)
c.forward_in(A12, udp6(NATIVE, A12.client, 200))
c.refuse(c.ayiya_from(A12, HOME, PORT, password="golden-password-9999"), "ayiya-bad-signature", A12)

c = case("endpoint-invalid", "Valid AYIYA from an address no client can have is refused, and told", [125], linger=2)
for source in ("10.1.2.3", "192.168.1.1", "169.254.1.1", OTHER_POP):
    c.refuse_endpoint(c.ayiya_from(A1, source, PORT), A1, Place(source, PORT))
    c.now += 1_100_000_000
for source in ("fc00::1", OTHER_POP6):
    c.refuse_endpoint(c.ayiya_from(A1, source, PORT, local=P6), A1, Place(source, PORT))
    c.now += 1_100_000_000

c = case("source-invalid", "The PoP's own addresses, loopback, multicast and reserved ones are no source", [125, 157])
for source in (P4, P4B, "127.0.0.1", "0.0.0.0", "224.0.0.1", "240.0.0.1", "255.255.255.255"):
    c.refuse(c.ayiya_from(A1, source, PORT), "outer-source-invalid")
c.refuse(c.ayiya_from(A1, P6, PORT, local=P6), "outer-source-invalid")
c.refuse(c.ayiya_from(A1, D3.client, PORT, local=P6), "tunnel-source-from-uplink")

c = case("ecn", "ECN and DSCP of the outer header follow RFC 6040, and are no part of the hash", [89, 90, 91, 92, 98, 99, 100])
c.accept_noop(A1, HOME, PORT, expect="up")
c.accept_noop(A15, HOME, PORT + 1, expect="up")
for ecn in (0, 1, 2, 3):
    c.forward_in(A1, udp6(NATIVE, A1.client, traffic_class=0x28 << 2 | ecn))
    c.forward_in(A15, udp6(NATIVE, A15.client, traffic_class=0x28 << 2 | ecn))
for inner, marked, result in ((2, 3, 3), (1, 3, 3), (2, 1, 1), (3, 3, 3), (2, 0, 2), (2, 2, 2), (1, 1, 1)):
    packet = udp6(A1.client, NATIVE, traffic_class=0xb8 | inner)
    c.forward_out(A1, packet, becomes=with_traffic_class(packet, 0xb8 | result), tos=0x50 | marked)
for inner, marked, result in ((0, 1, 0), (0, 2, 0), (1, 2, 1), (3, 1, 3)):
    packet = udp6(A1.client, NATIVE, traffic_class=inner)
    c.forward_out(A1, packet, becomes=with_traffic_class(packet, result), tos=marked)
    c.count("worker ecn_unusual")
packet = udp6(A1.client, NATIVE, traffic_class=0)
c.drop_from(A1, packet, "ecn-invalid", tos=3)

c = case("outer-header", "TTL, DSCP and DF of the outer header are the tunnel's", [2, 5, 99])
c.accept_noop(A21, HOME, PORT, expect="up")
both_ways(c, A21)
c.accept_noop(A21, HOME6, PORT, local=P6, epoch=START + 1, expect="moved")
both_ways(c, A21)

c = case("across", "From one AYIYA tunnel into another, into a 6in4 and back", [33, 127])
c.accept_noop(A1, HOME, PORT, expect="up")
c.accept_noop(A26, AWAY, PORT, expect="up")
c.forward_across(A1, A26, udp6(A1.client, A26.client, 300))
c.forward_across(A26, A1, udp6(A26.client, A1.client, 300))
c.forward_across(A1, S6, udp6(A1.client, S6.client, 300))
c.forward_across(S6, A1, udp6(S6.client, A1.client, 300))
c.refuse_client(A1, udp6(A1.client, A1.routed(1), 300), "same-in-out", 1, 3)

c = case("pop", "The PoP's end answers through the tunnel: echo, port unreachable, hop limit", [3, 65, 67, 127])
c.accept_noop(A1, HOME, PORT, expect="up")
request = echo6(A1.client, A1.near, 300)
c.answer_client(A1, request, echo6_reply(request), "echo_replies")
c.refuse_client(A1, udp6(A1.client, A1.near), "port-unreachable", 1, 4, accepted=True)
c.refuse_client(A1, udp6(A1.client, NATIVE, hop_limit=1), "hop-limit-exceeded", 3, 0)
c.refuse_net(udp6(NATIVE, A1.client, hop_limit=1), "hop-limit-exceeded", 3, 0, A1.near, blame=A1)

c = case("ipv4", "IPv4 inside, over either outer family, for a tunnel that has a prefix", [148])
c.accept_noop(A19, HOME, PORT, expect="up")
for local, source, epoch in ((P4, HOME, START), (P6, HOME6, START + 1)):
    c.accept_noop(A19, source, PORT, local=local, epoch=epoch)
    c.forward_in(A19, clients.udp4("203.0.113.77", "10.128.19.5", 200))
    c.forward_out(A19, clients.udp4("10.128.19.5", "203.0.113.77", 200))
c.accept_noop(A1, HOME, PORT, expect="up")
c.drop_from(A1, clients.udp4("10.128.19.5", "203.0.113.77"), "inner-source-not-delegated")

c = case("batch", "64 packets of every size and of several tunnels in one burst keep their own keys", [127, 145], bursts=True)
SENDERS = ((A1, HOME, PORT), (A26, HOME, PORT + 1), (A14, AWAY, PORT), (A15, AWAY, PORT + 2))
c.step = 0
c.at(0)
for tunnel, source, port in SENDERS:
    c.accept_noop(tunnel, source, port, epoch=START, expect="up")
c.step = 1_000_000
for n in range(60):
    tunnel = SENDERS[n % 4][0]
    c.forward_out(tunnel, udp6(tunnel.client, NATIVE, 48 + n * n % 1353), epoch=START)

c = case("crowd", "A thousand tunnels behind one address are told apart by identity and answered at their ports", [145],
         topology=one_port("crowd"))
c.step = 1_000_000
for tunnel in CROWD:
    c.accept_noop(tunnel, HOME, 20000 + tunnel.id, epoch=START, expect="up")
for tunnel in CROWD[::7]:
    c.forward_in(tunnel, udp6(NATIVE, tunnel.client, 60))
