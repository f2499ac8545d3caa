# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Heartbeats (docs/protocols.md 7)."""

from . import clients
from .clients import beat, udp
from .dynamic_case import START, DynamicCase, Place
from .dynamic_tunnels import (A1, D3, H2, H4, H13, H17, H22, OTHER_POP, OTHER_POP6, P4, P4B, P6, P6B, S6)
from .case import one_port
from .frames import NATIVE, echo6, echo6_reply, ipv4, pattern, udp6
from .frames import fragments as in_fragments


def case(name, *args, **kw):
    return DynamicCase("heartbeat/" + name, *args, **kw)


HOME, AWAY = "203.0.113.20", "198.51.100.222"
HOME6 = "2001:db8:77::20"


def both_ways(c, tunnel, **fields):
    """A packet to the client and one from it."""
    c.forward_in(tunnel, udp6(NATIVE, tunnel.client, 200))
    c.forward_out(tunnel, udp6(tunnel.client, NATIVE, 200), **fields)


c = case("up", "A valid beat makes its source the endpoint and brings the tunnel up; traffic flows at once", [111, 113],
         note="The client need not send a packet first. The datagram is the published vector, to the byte.")
assert clients.beat(H2.client, START, H2.password) == \
    b"HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1700000000 35c582a4dd2ba2999bef85265e0fb968"
c.accept_beat(H2, HOME, expect="up")
both_ways(c, H2)
c.forward_in(H2, udp6(NATIVE, H2.routed(1)))
c.forward_in(H2, udp6(NATIVE, "2001:db8:3002::1"))

c = case("published-digest", "The published example of the protocol has the digest that is published", [113],
         note="md5 of 'HEARTBEAT TUNNEL 2001:db8::2 10.100.13.42 1063665852 hartslag'. It names no tunnel here, so it is "
              "dropped as such; the generator has computed its digest as it does all others.")
example = beat("2001:db8::2", 1063665852, "hartslag", sender="10.100.13.42")
assert example.endswith(b"da46fdc28f568bb62d29661f73758095")
c.refuse(udp(HOME, 40000, P4, 3740, example), "tunnel-unknown")

c = case("clients", "The datagrams of the clients: AICCU's three at start, the script of Cisco IOS with its newline", [111, 115],
         note="AICCU opens a socket for each beat, so that the source port is another each time; it is no part of the "
              "endpoint.")
c.accept_beat(H2, HOME, port=32768, expect="up")
c.accept_beat(H2, HOME, port=32769, epoch=START, expect="same")
c.accept_beat(H2, HOME, port=32770, epoch=START, expect="same")
c.accept_beat(H2, HOME, port=5000, end=b"\n", expect="same")
both_ways(c, H2)

c = case("line-ends", "LF, CR LF and NUL behind the digest are no part of it", [115])
c.accept_beat(H2, HOME, expect="up")
for end in (b"\n", b"\r\n", b"\0", b"\n\0", b"\r\n\r\n"):
    c.accept_beat(H2, HOME, end=end, expect="same")

c = case("spellings", "The identity in any spelling is hashed as it was sent", [115],
         note="Upper case, leading zeros, IPv4 notation; and the default routed /64 and a delegated prefix name the tunnel "
              "as well.")
c.accept_beat(H2, HOME, expect="up")
for identity in ("2001:DB8:2FF:2::2", "2001:0db8:02ff:0002:0000:0000:0000:0002", "2001:db8:2ff:2::0.0.0.2",
                 "2001:db8:2ff:2:0:0:0:2", H2.routed(1)):
    c.accept_beat(H2, HOME, identity=identity, expect="same")
wrong = beat("2001:db8:2ff:2::2", START, H2.password)[-32:]
c.refuse(udp(HOME, 40000, P4, 3740, beat("2001:DB8:2FF:2::2", START, "", digest=wrong.decode())), "beat-bad-digest", H2)

c = case("literal-sender", "A sender that is the source address is taken, another one refused", [112])
c.accept_beat(H2, HOME, sender=HOME, expect="up")
for sender in (AWAY, "203.0.113.21", HOME6, P4):
    c.refuse(c.beat_from(H2, HOME, sender=sender), "beat-sender-mismatch", H2)
c.refuse(c.beat_from(H2, AWAY, sender=HOME), "beat-sender-mismatch", H2)
c.accept_beat(H2, AWAY, epoch=START + 1, sender=AWAY, expect="moved")
both_ways(c, H2)

c = case("bad-digest", "A wrong digest changes nothing and is booked on the tunnel", [113, 136])
c.refuse(c.beat_from(H2, HOME, password="91915d757a09bfc94d5028832d85cc0e"), "beat-bad-digest", H2)
c.accept_beat(H2, HOME, expect="up")
good = beat(H2.client, START, H2.password)
for at in (len(good) - 1, len(good) - 16, len(good) - 32):
    flipped = good[:at] + (b"1" if good[at] == ord("0") else b"0") + good[at + 1:]
    c.refuse(udp(AWAY, 40000, P4, 3740, flipped), "beat-bad-digest", H2)
c.refuse(udp(AWAY, 40000, P4, 3740, good.replace(b"2001:db8:2ff:2::2", b"2001:db8:2ff:2::3")), "beat-bad-digest", H2)
c.refuse(udp(AWAY, 40000, P4, 3740, good.replace(b"1700000000", b"1700000001")), "beat-bad-digest", H2)
c.refuse(c.beat_from(H2, HOME, password=D3.password), "beat-bad-digest", H2)
both_ways(c, H2)

c = case("clock", "A clock 119 or 120 s off is taken, 121 s refused with the offset booked", [114], linger=1)
c.accept_beat(H2, HOME, epoch=START - 120, expect="up")
c.accept_beat(H2, HOME, epoch=START - 119, expect="same")
c.accept_beat(H2, HOME, epoch=START + 119, expect="same")
c.accept_beat(H2, HOME, epoch=START + 120, expect="same")
c.refuse(c.beat_from(H2, HOME, epoch=START - 121), "beat-clock-skew", H2, -121)
c.refuse(c.beat_from(H2, HOME, epoch=START + 121), "beat-clock-skew", H2, 121)
c.refuse(c.beat_from(H2, HOME, epoch=START + 4000), "beat-clock-skew", H2, 4000)
c.refuse(c.beat_from(H2, HOME, epoch=0), "beat-clock-skew", H2, -START - 0)
c.refuse(c.beat_from(H2, HOME, epoch=2**64 - 1), "beat-clock-skew", H2, -START - 1)

c = case("malformed", "What is no heartbeat is dropped: oversize, words missing, bad numbers, NUL inside, IPv4 identity", [116],
         note="Before anybody knows whose it is, so nothing is booked on a tunnel. The empty datagram killed the original.")
head = "HEARTBEAT TUNNEL "
digest = "35c582a4dd2ba2999bef85265e0fb968"
for text in ("", "\n", "\0", "x", head, head + "2001:db8:2ff:2::2", head + "2001:db8:2ff:2::2 sender",
             head + "2001:db8:2ff:2::2 sender 1700000000", head + "2001:db8:2ff:2::2 sender 1700000000 ",
             head + f"2001:db8:2ff:2::2 sender  {digest}", head + f"2001:db8:2ff:2::2  sender 1700000000 {digest}",
             head + f"2001:db8:2ff:2::2 sender 17000000x0 {digest}", head + f"2001:db8:2ff:2::2 sender -1 {digest}",
             head + f"2001:db8:2ff:2::2 sender +1700000000 {digest}", head + f"2001:db8:2ff:2::2 sender 01700000000 {digest}",
             head + f"2001:db8:2ff:2::2 sender 18446744073709551616 {digest}",
             head + f"2001:db8:2ff:2::2 sender 99999999999999999999999 {digest}",
             head + f"2001:db8:2ff:2::2 Sender 1700000000 {digest}", head + f"192.0.2.77 sender 1700000000 {digest}",
             head + f"::ffff:192.0.2.77 sender 1700000000 {digest}", head + f"2001:db8:2ff:2::g sender 1700000000 {digest}",
             head + f"2001:db8:2ff:2::2\0 sender 1700000000 {digest}", head + f"2001:db8:2ff:2::2 sender 1700000000 {digest}x",
             head + f"2001:db8:2ff:2::2 sender 1700000000 {digest.upper()}",
             head + f"2001:db8:2ff:2::2 sender 1700000000 {digest[:31]}", f"heartbeat tunnel 2001:db8:2ff:2::2 sender 1 {digest}",
             f"HEARTBEAT  TUNNEL 2001:db8:2ff:2::2 sender 1 {digest}",
             head + f"2001:db8:2ff:2::2 sender 1700000000 {digest}" + "\n" * 200):
    c.refuse(udp(HOME, 40000, P4, 3740, text.encode("latin-1")), "beat-malformed")

c = case("longest", "255 bytes are taken, line ends included; 256 are not", [116])
length = len(beat(H2.client, START, H2.password))
c.accept_beat(H2, HOME, end=b"\n" * (255 - length), expect="up")
c.refuse(c.beat_from(H2, HOME, end=b"\n" * (256 - length)), "beat-malformed")

c = case("udp", "Datagrams whose UDP length or checksum is wrong are dropped; one without checksum is taken over IPv4",
         [116, 141, 142])
c.accept_beat(H2, HOME, udp_fields={"checksum": 0}, expect="up")
c.refuse(c.beat_from(H2, HOME, udp_fields={"checksum": 0x1234}), "udp-bad-checksum")
for wrong_length in (7, 0, 8 + 85 + 10, 65535):
    c.refuse(c.beat_from(H2, HOME, udp_fields={"length": wrong_length}), "udp-malformed")
c.refuse(clients.outer(HOME, P4, bytes(7), 17), "udp-malformed")
c.refuse(c.beat_from(H2, HOME6, local=P6, udp_fields={"checksum": 0}), "udp-bad-checksum")

c = case("not-for-it", "Beats for tunnels that take none: static, AYIYA, disabled, unknown; silence for each", [119],
         note="From outside all look alike: nothing comes back.")
for tunnel, reason in ((S6, "beat-not-allowed"), (A1, "beat-not-allowed"), (H4, "tunnel-disabled")):
    c.refuse(c.beat_from(tunnel, HOME, password=tunnel.password or H2.password), reason, tunnel)
for identity in ("2001:db8:2ff:77::2", "2001:db8:2ff:7ffe::2", "2001:db8:aaaa::1", "::1", "fe80::2"):
    c.refuse(c.beat_from(H2, HOME, identity=identity), "tunnel-unknown")
c.refuse_net(udp6(NATIVE, H4.client), "destination-disabled", 1, 1, H4.near, blame=H4)

c = case("replay", "The same beat from another address is refused as replayed, at any time", [117], linger=2)
c.accept_beat(H2, HOME, expect="up")
replayed = c.beat(H2, epoch=START)
c.refuse_replay(udp(AWAY, 40000, P4, 3740, replayed), H2, Place(AWAY))
both_ways(c, H2)
c.at(90)
c.accept_beat(H2, HOME, epoch=START + 90, expect="same")
c.refuse_replay(udp(AWAY, 40001, P4, 3740, replayed), H2, Place(AWAY))
c.refuse_replay(udp(AWAY, 40002, P4, 3740, replayed), H2, Place(AWAY))
c.refuse_replay(udp("203.0.113.99", 40002, P4, 3740, replayed), H2, Place("203.0.113.99"))
c.at(150)  # and when it is older than the window
c.refuse(udp(AWAY, 40000, P4, 3740, replayed), "beat-clock-skew", H2, -150)
both_ways(c, H2)

c = case("replay-rows", "Every row of the replay rule: from where, and how new", [117, 118], linger=2)
c.accept_beat(H2, HOME, epoch=START, expect="up")
c.accept_beat(H2, HOME, epoch=START, expect="same")            # equal, from the present endpoint
c.accept_beat(H2, HOME, epoch=START - 30, expect="same")       # older: a clock that steps back
c.refuse_replay(c.beat_from(H2, AWAY, epoch=START), H2, Place(AWAY))
c.refuse_replay(c.beat_from(H2, AWAY, epoch=START - 30), H2, Place(AWAY))
c.accept_beat(H2, AWAY, epoch=START + 1, expect="moved")       # newer
c.accept_beat(H2, AWAY, epoch=START + 60, expect="same")
c.refuse_replay(c.beat_from(H2, HOME, epoch=START + 1), H2, Place(HOME))
c.refuse_replay(c.beat_from(H2, HOME, epoch=START + 60), H2, Place(HOME))
c.accept_beat(H2, HOME, epoch=START + 61, expect="moved")
both_ways(c, H2)

c = case("replay-after-silence", "A beat from before the tunnel went down does not bring it up elsewhere", [117, 120])
c.accept_beat(H17, HOME, epoch=START, expect="up")
old = c.beat(H17, epoch=START)
c.at(20)
c.refuse_replay(udp(AWAY, 40000, P4, 3740, old), H17, Place(AWAY))
c.accept_beat(H17, AWAY, epoch=START + 20, expect="up")
both_ways(c, H17)

c = case("timeout", "Without a beat for the timeout the tunnel is down: code 0 to it, silence from it", [63, 120],
         note="Here the timeout is 10 s. Data in protocol 41 is no sign of life: nobody has signed it.")
c.accept_beat(H17, HOME, expect="up")
c.at(5)
both_ways(c, H17)
c.at(10.4)
both_ways(c, H17)
gone = udp6(H17.client, NATIVE, 200)
outer = c.outer_from(H17, gone)
c.at(12)
c.refuse_net(udp6(NATIVE, H17.client, 200), "destination-down", 1, 0, H17.near, blame=H17)
c.refuse(outer, "tunnel-down", H17)

c = case("default-timeout", "The default is 180 s", [120], linger=3)
c.accept_beat(H2, HOME, expect="up")
c.at(180.5)
both_ways(c, H2)

c = case("up-again", "The first beat after that brings it up at once, and the next packet goes", [121],
         note="Nothing is queued while it is down: the sender was told.")
c.refuse_net(udp6(NATIVE, H17.client, 200), "destination-down", 1, 0, H17.near, blame=H17)
c.accept_beat(H17, HOME, expect="up")
both_ways(c, H17)
c.at(12)
c.refuse_net(udp6(NATIVE, H17.client, 200), "destination-down", 1, 0, H17.near, blame=H17)
c.accept_beat(H17, HOME, expect="up")
both_ways(c, H17)

c = case("over-ipv6", "A beat over IPv6 makes the endpoint IPv6: 6in6 both ways", [124])
c.accept_beat(H2, HOME6, local=P6, expect="up")
both_ways(c, H2)
c.accept_beat(H2, "2001:db8:77::21", local=P6B, epoch=START + 1, expect="moved")
both_ways(c, H2)
c.drop_client(H2, udp6(H2.client, NATIVE), "outer-source-mismatch", src=HOME6)
c.accept_beat(H2, HOME, epoch=START + 2, expect="moved")
both_ways(c, H2)
c.drop_client(H2, udp6(H2.client, NATIVE), "outer-source-mismatch", src="2001:db8:77::21", dst=P6)

c = case("endpoint-invalid", "An endpoint that can be no client's is refused: private, link-local, another PoP's", [125])
for source in ("10.1.2.3", "172.16.0.1", "172.31.255.254", "192.168.1.1", "169.254.1.1", OTHER_POP):
    c.refuse_endpoint(c.beat_from(H2, source), H2, Place(source))
    c.now += 1_100_000_000
for source in ("fc00::1", "fd12:3456::1", "fec0::1", OTHER_POP6):
    c.refuse_endpoint(c.beat_from(H2, source, local=P6), H2, Place(source))
    c.now += 1_100_000_000

c = case("source-invalid", "A source that is the PoP's own, loopback, multicast or reserved is dropped before all that", [125, 157])
for source in (P4, P4B, "127.0.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "240.0.0.1", "255.255.255.255"):
    c.refuse(c.beat_from(H2, source), "outer-source-invalid")
for source in (P6, "::1", "::", "ff02::1", "::ffff:203.0.113.1"):
    c.refuse(c.beat_from(H2, source, local=P6), "outer-source-invalid")
c.refuse(c.beat_from(H2, A1.client, local=P6), "tunnel-source-from-uplink")

c = case("private-allowed", "Where private addresses are allowed they are endpoints", [125], topology=one_port("dynamic-private"))
c.accept_beat(H2, "10.1.2.3", expect="up")
both_ways(c, H2)

c = case("shared-endpoint", "Two tunnels behind one address both work; the inner source tells them apart", [126])
c.accept_beat(H2, HOME, expect="up")
c.accept_beat(H17, HOME, expect="up")
both_ways(c, H2)
both_ways(c, H17)
c.forward_across(H2, H17, udp6(H2.client, H17.client, 120))

c = case("local-address", "The PoP speaks from the address the beat was sent to", [111, 147])
c.accept_beat(H2, HOME, local=P4B, expect="up")
both_ways(c, H2)
c.drop_client(H2, udp6(H2.client, NATIVE), "outer-destination-mismatch", dst=P4)
c.refuse_replay(c.beat_from(H2, HOME, local=P4), H2, Place(HOME))  # not newer: perhaps a copy of an old one
both_ways(c, H2)
c.accept_beat(H2, HOME, local=P4, epoch=START + 1, expect="moved")
both_ways(c, H2)

c = case("fragmented", "A beat in fragments is put together", [111, 143])
whole = c.beat_from(H2, HOME, udp_fields={"id": 77, "flags": 0})
first, second = in_fragments(whole, 48)
c.arrive(first)
c.arrive(second)
c.count("worker consumed", 2)
c.count("worker reassembled")
c.count("worker beats_accepted")
c.learn(H2, Place(HOME), START, expect="up")
both_ways(c, H2)

c = case("rotation", "During a rotation both passwords are good; a wrong one is not", [113])
c.accept_beat(H13, HOME, expect="up", previous=True)
both_ways(c, H13)
c.accept_beat(H13, HOME, epoch=START, expect="same")
c.accept_beat(H13, AWAY, epoch=START + 1, expect="moved", previous=True)
c.refuse(c.beat_from(H13, AWAY, password="golden-password-9999"), "beat-bad-digest", H13)
both_ways(c, H13)

c = case("not-authentic", "Protocol 41 from elsewhere neither moves the endpoint nor brings the tunnel up", [149])
packet = udp6(H2.client, NATIVE)
c.refuse(clients.outer(HOME, P4, packet, 41), "tunnel-down", H2)
c.accept_beat(H2, HOME, expect="up")
c.drop_client(H2, packet, "outer-source-mismatch", src=AWAY)
both_ways(c, H2)

c = case("ping", "The client pings the PoP's end, and is answered where it was heard last", [65, 111])
c.accept_beat(H2, HOME, expect="up")
request = echo6(H2.client, H2.near)
c.answer_client(H2, request, echo6_reply(request), "echo_replies")
c.accept_beat(H2, AWAY, epoch=START + 1, expect="moved")
c.answer_client(H2, request, echo6_reply(request), "echo_replies")

c = case("static-mtu", "A tunnel of static MTU has DF clear, its own TTL, and carries ECN where it is told to", [5, 89, 124])
c.accept_beat(H22, HOME, expect="up")
for ecn in (0, 1, 2, 3):
    c.forward_in(H22, udp6(NATIVE, H22.client, traffic_class=ecn))
c.accept_beat(H22, HOME6, local=P6, epoch=START + 1, expect="moved")
for ecn in (0, 1, 2, 3):
    c.forward_in(H22, udp6(NATIVE, H22.client, traffic_class=ecn))

c = case("mtu", "The MTU follows the outer header of the moment: 1480 in IPv4, 1460 in IPv6", [37, 124])
c.accept_beat(H2, HOME, expect="up")
c.answer_probe(H2)
c.forward_in(H2, udp6(NATIVE, H2.client, 1480))
c.refuse_net(udp6(NATIVE, H2.client, 1481), "packet-too-big", 2, 0, H2.near, 1480, blame=H2)
c.accept_beat(H2, HOME6, local=P6, epoch=START + 1, expect="moved")
c.answer_probe(H2)
c.forward_in(H2, udp6(NATIVE, H2.client, 1460))
c.refuse_net(udp6(NATIVE, H2.client, 1461), "packet-too-big", 2, 0, H2.near, 1460, blame=H2)

c = case("dynamic-kind", "A tunnel that takes either follows the last authenticated one", [111, 127, 149])
c.accept_beat(D3, HOME, expect="up")
both_ways(c, D3)
c.accept_noop(D3, HOME, 41000, epoch=START + 1, expect="moved")
both_ways(c, D3)
c.refuse(clients.outer(HOME, P4, udp6(D3.client, NATIVE), 41), "encapsulation-mismatch", D3)
c.accept_beat(D3, HOME, epoch=START + 2, expect="moved")
both_ways(c, D3)

c = case("busy-client", "A client that beats without pause is one client with a sign of life", [123],
         note="The usual client does so when it is told an interval of 0: some 5,700 a second.")
c.accept_beat(H2, HOME, epoch=START, expect="up")
c.step = 175_000
for n in range(1000):
    c.accept_beat(H2, HOME, port=20000 + n, epoch=START, expect="same")
c.step = 10_000_000
both_ways(c, H2)
