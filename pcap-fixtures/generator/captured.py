# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""The captures of heartbeat and AYIYA, replayed with the clock set to theirs. Every packet of the client must be taken
and carried on as the original did it; what the original sent is compared here with what is expected, but for the
differences a case names."""

from . import clients
from . import frames as f
from .case import Link, Topology
from .dynamic_case import DynamicCase, Place, hop
from .dynamic_tunnels import T3740, T4141, T5072
from .frames import ARP, Ether
from .replays import CLIENT, HOST, POP4, POP6, read_capture

POP = "198.51.100.1"
TUNNELS = {t.slot: t for t in (T4141, T5072, T3740)}


def topology():
    return Topology("captures", Link("wan4", 0, POP4, "198.51.100.2", CLIENT), Link("wan6", 0, POP6, "2001:db8:ffff::2", HOST))


def address4(data):
    return ".".join(map(str, data))


def tunnel_of(address):
    """By the unit of its prefix."""
    slot = int.from_bytes(address[6:8], "big")
    return TUNNELS.get(slot) if address[:6] == f.address6("2001:db8:2ff::")[:6] else None


def offloaded(frame):
    """The captures were made before the interface had filled in UDP checksums: what stands there is the sum of the
    pseudo header. On the wire it is complete."""
    if frame[12:14] != b"\x08\0" or frame[23] != 17:
        return frame
    packet = frame[14:14 + int.from_bytes(frame[16:18], "big")]
    source, destination = address4(packet[12:16]), address4(packet[16:20])
    pseudo = packet[12:20] + bytes([0, 17]) + packet[24:26]
    assert int.from_bytes(packet[26:28], "big") == 0xffff ^ f.ip_checksum(pseudo)
    whole = clients.udp(source, int.from_bytes(packet[20:22], "big"), destination, int.from_bytes(packet[22:24], "big"),
                        packet[28:])
    return frame[:14 + 26] + whole[26:28] + frame[14 + 28:]


class Replay:
    """One laboratory run: frames of both sides by time."""

    def __init__(self, case, outer, native):
        self.c = case
        case.arguments.append(f"--neighbor wan4:198.51.100.3={CLIENT}")
        self.frames = sorted([(when, "wan4", frame) for when, frame in read_capture(outer)] +
                             [(when, "wan6", frame) for when, frame in read_capture(native)], key=lambda r: r[:2])
        # What the original sent with an inner packet in it, to be found by that packet.
        self.originals = [frame for _, _, frame in self.frames if frame[6:12].hex(":") in (POP4, POP6)]
        self.matched = 0

    def run(self):
        for when, port, frame in self.frames:
            if frame[6:12].hex(":") in (POP4, POP6):
                continue
            self.c.now = when - self.c.step
            self.port, self.frame = port, offloaded(frame)
            (self.from_native if port == "wan6" else self.from_outer)()

    def receive(self):
        self.c.receive(self.frame, self.port)

    def drop(self, reason, tunnel=None):
        self.receive()
        self.c.count(f"drop {reason}")
        self.c.book(tunnel, reason, self.frame[14:])

    # ---- From the native side.

    def from_native(self):
        packet = self.frame[14:]
        if self.frame[12:14] != b"\x86\xdd":
            raise AssertionError("neither IPv6")
        tunnel = tunnel_of(packet[24:40])
        if tunnel:
            self.receive()
            self.c.delivered_in(tunnel, hop(packet))
            self.like_the_original(tunnel, hop(packet))
        elif packet[24] == 0xff:
            self.drop("multicast")
        elif packet[6] == 58 and packet[40] == 135:
            self.receive()
            self.c.count("worker consumed")
            target = packet[48:64]
            text = f.IPv6(dst="::").__class__(b"\0" * 24 + target).dst
            asker = f.IPv6(packet).src
            self.c.originate("neighbor_adverts")
            self.c.send(f.ethernet(HOST, POP6, f.neighbor_advertisement(text, asker, text, 0xe0000000,
                                                                        f.link_layer_option(2, POP6))), "wan6")
        elif packet[6] == 58 and packet[40] == 136:
            self.drop("icmpv6-ignored")  # the original had asked
        else:
            raise AssertionError(f.IPv6(packet).summary())

    # ---- From the client's side.

    def from_outer(self):
        packet = self.frame[14:]
        if self.frame[12:14] == b"\x08\x06":
            self.arp()
        elif packet[9] == 6:
            self.drop("protocol-unsupported")  # TIC
        elif packet[9] == 41:
            self.inner(packet[20:], None)
        elif packet[9] == 17:
            sport, dport = int.from_bytes(packet[20:22], "big"), int.from_bytes(packet[22:24], "big")
            {clients.BEAT_PORT: self.beat, clients.AYIYA_PORT: self.ayiya}[dport](packet, sport)
        else:
            raise AssertionError(f"protocol {packet[9]}")

    def arp(self):
        arp = Ether(self.frame)[ARP]
        if arp.op == 1 and arp.pdst == POP:
            self.receive()
            self.c.count("worker consumed")
            self.c.originate("neighbor_adverts")
            reply = ARP(op=2, hwsrc=POP4, psrc=POP, hwdst=CLIENT, pdst=arp.psrc)
            self.c.send(f.ethernet(CLIENT, POP4, reply).ljust(60, b"\0"), "wan4")
        else:
            self.drop("arp-ignored")

    def beat(self, packet, _sport):
        text = packet[28:]
        words = text.decode("ascii").split()
        assert text == clients.beat(words[2], int(words[4]), T3740.password)
        self.receive()
        self.c.count("worker consumed")
        self.c.count("worker beats_accepted")
        self.c.learn(T3740, Place(address4(packet[12:16]), 0, POP), int(words[4]))

    def ayiya(self, packet, sport):
        message = packet[28:]
        epoch = int.from_bytes(message[4:8], "big")
        assert message == clients.ayiya(T5072.client, epoch, T5072.password, message[44:], message[2] & 15, message[3])
        self.receive()
        self.c.count("worker ayiya_accepted")
        place = Place(address4(packet[12:16]), sport, POP)
        if message[2] & 15 == clients.NOOP:
            self.c.count("worker consumed")
            self.c.learn(T5072, place, epoch)
        else:
            self.inner(message[44:], T5072)
            self.c.learn(T5072, place, epoch)

    def inner(self, packet, signed):
        """An inner packet; `signed`: by AYIYA of that tunnel, and received already."""
        owner = tunnel_of(packet[8:24])
        if owner is T3740 and T3740.id not in self.c.learned.endpoints:
            self.drop("tunnel-down", T3740)  # its beat was before the capture
            return
        if not signed:
            self.receive()
        destination = packet[24:40]
        if destination[0] == 0xff:
            self.c.count("drop multicast")
            self.c.book(signed, "multicast", self.frame[14:])
            return
        tunnel = signed or tunnel_of(packet[8:24])
        if destination == f.address6(tunnel.near):
            self.c.count_in(tunnel, packet)
            if packet[40] == 129:  # of the original's own probes, that we have not sent
                self.c.count("drop icmpv6-ignored")
                self.c.book(tunnel, "icmpv6-ignored", self.frame[14:])
                return
            self.c.count("worker consumed")
            reply = f.echo6_reply(packet)
            self.c.originate_to_client(tunnel, reply, "echo_replies")
            self.like_the_original(tunnel, reply)
            return
        self.c.delivered_out(tunnel, hop(packet))
        theirs = [frame for frame in self.originals if frame[14:] == hop(hop(packet))]
        assert len(theirs) == 1, "the original forwarded it, one hop less"
        self.matched += 1

    def like_the_original(self, tunnel, inner):
        """What has just been sent is what the original sent, but for identification and checksum of the outer header."""
        ours = self.c.outputs["wan4"][-1][1]
        theirs = [frame for frame in self.originals if frame.endswith(inner)]
        assert len(theirs) == 1, f"T{tunnel.id}: the original sent the same inner packet"
        theirs = theirs[0]
        assert ours[:14 + 4] == theirs[:14 + 4] and ours[14 + 6:14 + 10] == theirs[14 + 6:14 + 10]
        assert ours[14 + 12:] == theirs[14 + 12:], "addresses, UDP and AYIYA to the byte"
        assert theirs[18:20] == b"\x42\0" and ours[18:20] == b"\0\0"
        self.matched += 1


DIFFERENCES = """Against the original PoP: router solicitations in 6in4 are not answered with ICMPv4 errors, the hop limit
falls by one instead of two on the way out, the outer identification is 0 instead of 0x4200, our probes have contents of
their own (and are not answered in a capture), the original's are none of ours. The UDP checksums of the client, which the captures
have as they were before its interface completed them, are completed."""

c = DynamicCase("replays/heartbeat", "Three pings of a client whose beat tells where it is", [111], topology=topology(),
                note=DIFFERENCES)
replay = Replay(c, "hb-outer.pcap", "hb-inet.pcap")
replay.run()
assert replay.matched == 7

c = DynamicCase("replays/ayiya", "AICCU's AYIYA session: three beats, pings, probes answered, a beat after a minute",
                [127, 128, 129, 130], topology=topology(),
                note=DIFFERENCES + """ The AYIYA packets to the client are those of the original to the byte, signature
                included: same second, same contents.""")
replay = Replay(c, "ayiya-outer.pcap", "ayiya-inet.pcap")
replay.run()
assert replay.matched == 6
