# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Cases with tunnels whose endpoint is learned, and with the encapsulations that came with them: besides frames and
counters they expect events, endpoints and what is booked on tunnels."""

import os
import re

from . import clients
from . import frames as f
from .case import ROOT, START_NS, Case, hop, one_port
from .dynamic_tunnels import ALL, P4, P6
from .learned import SECOND, Learned, Ledger, Place, epoch_difference, line_time, source_of
from .probes import probe

START = START_NS // SECOND
TICK_NS = SECOND // 10
# Towards an endpoint that has not shown that it is there: 1 Mbit/s, and at once what one packet and a ping need.
UNVERIFIED_NS = 8_000 * 1
UNVERIFIED_BURST = 2_048


def reason_order():
    """Reasons by their number, as simplon-pcap sorts them."""
    with open(os.path.join(ROOT, "dataplane", "state", "drop_reasons.def"), encoding="utf-8") as source:
        names = re.findall(r'^X\(\w+,\s*"([^"]+)"', source.read(), re.MULTILINE)
    names += [None] * (240 - len(names)) + ["icmpv4-error", "icmpv6-error", "icmpv4-echo"]
    return {name: number for number, name in enumerate(names)}


class DynamicCase(Case):
    def __init__(self, name, title, conformance=(), topology=None, bursts=False, linger=0, offset=0, **kw):
        super().__init__(name, title, conformance, topology or one_port("dynamic"), bursts=bursts, **kw)
        self.learned, self.ledger = Learned(), Ledger()
        self.linger, self.offset = linger, offset  # offset: of the PoP's clock, seconds
        self.clock_steps = []  # when, by how much: ns, seconds
        self.sequence = {}  # of GRE tunnels
        self.last_frame = b""
        self.next_tick = None
        self.probes = {}  # tunnel -> what is known of its probing
        self.paid = {}    # tunnel -> time up to which the unverified rate is spent
        if linger:
            self.arguments.append(f"--linger {linger}")
        if offset:
            self.arguments.append(f"--clock-offset {offset}")

    # ---- Time.

    @property
    def next_time(self):
        """When the next frame comes, ns."""
        return self.now + self.step

    @property
    def epoch(self):
        """What a right clock says when the next frame comes."""
        return self.next_time // SECOND + self.offset

    def unix_ns(self, at=None):
        at = self.now if at is None else at
        return at + (self.offset + sum(by for when, by in self.clock_steps if when < at)) * SECOND

    def step_clock(self, by, after):
        """The PoP's clock jumps, so many seconds after the first frame, which comes at the start."""
        self.arguments.append(f"--clock-step {by}@{after}")
        self.clock_steps.append((START_NS + after * SECOND, by))
        self.pending_step = self.clock_steps[-1]

    def receive(self, frame, port=None):
        super().receive(frame, port)
        self.last_frame = frame
        self.run_ticks(self.now)

    def run_ticks(self, until):
        if self.next_tick is None:
            self.next_tick = until
        while self.next_tick <= until:
            if getattr(self, "pending_step", None) and self.next_tick > self.pending_step[0]:
                when, by = self.pending_step
                self.pending_step = None
                self.learned.told.append(f"{line_time(self.unix_ns(when + 1))} clock-step {by} s")
            self.tick(self.next_tick)
            self.next_tick += TICK_NS

    def tick(self, at):
        for tunnel in self.members():
            e = self.learned.endpoints.get(tunnel.id)
            if e and e.up and at // SECOND - e.seen > (tunnel.timeout or 180):
                e.up = e.verified = False
                self.count("worker tunnels_went_down")
                self.learned.tell(self.unix_ns(at), "down", tunnel, f"{e.place.transport} {e.place.text()}")
        self.learned.tick(at)
        for number, state in sorted(self.probes.items(), key=lambda item: item[1]["due"]):
            if state["due"] <= at:
                self.run_probe(self.known_tunnels[number], at)

    # ---- Return routability, docs/protocols.md 10.5.

    def begin_probing(self, tunnel):
        state = self.probes.setdefault(tunnel.id, {"sequence": 0})
        state.update(begun=self.now, due=self.now, both=0, looked=self.now, sent=0, **self.packets_of(tunnel))
        self.run_probe(tunnel, self.now)

    def admits(self, tunnel, packet):
        """Whether the rate for endpoints that are not verified lets this packet through; then it is spent."""
        e = self.learned.endpoints.get(tunnel.id)
        if not tunnel.dynamic or e is None or e.verified:
            return True
        overhead = (72 if e.place.port else 20) + (20 if clients.is_ipv6(e.place.address) else 0)
        cost = (len(packet) + overhead) * UNVERIFIED_NS
        paid = max(self.paid.get(tunnel.id, 0), self.now - UNVERIFIED_BURST * UNVERIFIED_NS) + cost
        if paid > self.now:
            return False
        self.paid[tunnel.id] = paid
        return True

    def throttled_in(self, tunnel, packet):
        """From the uplink to an endpoint that may not be verified: forwarded, or dropped as over the rate."""
        self.receive_net(packet)
        if self.admits(tunnel, packet):
            super().delivered_in(tunnel, hop(packet))
            return True
        self.count("drop unverified-limited")
        self.book(tunnel, "unverified-limited", packet)
        return False

    def delivered_in(self, tunnel, packet, originated=False, **kw):
        assert originated or self.admits(tunnel, packet), f"{self.name}: over the rate for unverified endpoints"
        super().delivered_in(tunnel, packet, **kw)

    def originate_to_client(self, tunnel, packet, count, **kw):
        self.originate(count)
        self.delivered_in(tunnel, packet, originated=True, **kw)

    def packets_of(self, tunnel):
        return {way: self.counters[f"tunnel T{tunnel.id} {way}_packets"] for way in ("in", "out")}

    def run_probe(self, tunnel, at):
        state, e = self.probes[tunnel.id], self.learned.endpoints[tunnel.id]
        if not e.up or e.verified:
            del self.probes[tunnel.id]
            return
        elapsed = at - state["looked"]
        if elapsed >= SECOND:
            packets = self.packets_of(tunnel)
            if packets["in"] > state["in"] and packets["out"] > state["out"] + state["sent"]:
                state["both"] += elapsed
            state.update(looked=at, sent=0, **packets)
            if state["both"] >= 10 * SECOND:
                self.verified(tunnel, "traffic", at)
                del self.probes[tunnel.id]
                return
        state["due"] = at + (10 if at - state["begun"] >= 10 * SECOND else 1) * SECOND
        state["sequence"] += 1
        state["sent"] += 1
        state["last"] = probe(tunnel, e.place, at, state["sequence"])
        now, self.now = self.now, at
        self.originate_to_client(tunnel, state["last"], "probes_sent")
        self.now = now

    def answer_probe(self, tunnel, **fields):
        """The client echoes the last probe, as any client does."""
        reply = f.echo6_reply(self.probes[tunnel.id]["last"])
        self.receive_client(tunnel, reply, **fields)
        self.count_in(tunnel, reply)
        self.count("worker consumed")
        self.count("worker probes_answered")
        self.verified(tunnel, "probe")

    def members(self):
        return self.known_tunnels.values()

    def slots(self):
        return {t.id: t.slot for t in self.members()}

    @property
    def known_tunnels(self):
        return self.__dict__.setdefault("_known", {})

    # ---- Links: by the version of the outer packet.

    def link_of(self, packet):
        return self.topology.link4 if packet[0] >> 4 == 4 else self.topology.link6

    def arrive(self, packet, **kw):
        link = self.link_of(packet)
        self.receive(self.frame_from(link, packet, **kw), link.port)

    def depart(self, packet, **kw):
        link = self.link_of(packet)
        self.send(f.ethernet(link.gateway_mac, link.mac, packet, link.vlan), link.port, **kw)

    def receive_net(self, packet, trailer=b""):
        link = self.link_of(packet)
        self.receive(self.frame_from(link, packet) + trailer, link.port)

    def send_net(self, packet):
        self.depart(packet)

    def receive_client(self, tunnel, packet, trailer=b"", **fields):
        outer = self.outer_from(tunnel, packet, **fields)
        link = self.link_of(outer)
        self.receive(self.frame_from(link, outer) + trailer, link.port)
        if tunnel.dynamic and self.learned.endpoints[tunnel.id].place.port:
            self.count("worker ayiya_accepted")
            self.learn(tunnel, self.learned.endpoints[tunnel.id].place, fields.get("epoch", self.now // SECOND + self.offset))

    def send_client(self, tunnel, packet, **kw):
        self.depart(self.outer_to(tunnel, packet, **kw))

    # ---- Outer packets.

    def place_of(self, tunnel):
        """Remote and local address, port."""
        if tunnel.dynamic:
            return self.learned.endpoints[tunnel.id].place
        return Place(tunnel.remote, 0, tunnel.local)

    def outer_from(self, tunnel, inner, **fields):
        """From a client that is known, or configured."""
        place = self.place_of(tunnel)
        src, dst = fields.pop("src", place.address), fields.pop("dst", place.local)
        if tunnel.kind == "GRE":
            options = {k: fields.pop(k) for k in ("checksum", "sequence", "reserved", "flags_gre") if k in fields}
            inner = clients.gre(inner, key=fields.pop("key", tunnel.gre_key), **options)
            return clients.outer(src, dst, inner, 47, **fields)
        if place.port:
            payload = {k: fields.pop(k) for k in ("operation", "password") if k in fields}
            message = self.ayiya(tunnel, inner, epoch=fields.pop("epoch", None), **payload)
            return clients.udp(src, fields.pop("sport", place.port), dst, clients.AYIYA_PORT, message, **fields)
        return clients.outer(src, dst, inner, 41 if inner[:1] and inner[0] >> 4 != 4 else 4, **fields)

    def outer_to(self, tunnel, inner, tos=None, ident=None):
        """To a client: docs/protocols.md 2.1-2.3, 8.1, 11.1, 11.2."""
        place = self.place_of(tunnel)
        wide = clients.is_ipv6(place.address)
        inner_tos = inner[1] if inner[0] >> 4 == 4 else int.from_bytes(inner[:2], "big") >> 4 & 0xff
        if tos is None:
            dscp = inner_tos >> 2 if tunnel.uniform else tunnel.dscp
            tos = dscp << 2 | (inner_tos & 3 if tunnel.ecn_normal else 0)
        protocol, payload = self.carried(tunnel, place, inner)
        if wide:
            if protocol == 41 and tunnel.limit or protocol == 4 and tunnel.limit:
                return clients.in_ipv6(place.local, place.address, inner, tunnel.outer_ttl, tos, tunnel.limit)
            return f.ipv6(place.local, place.address, payload, protocol, tunnel.outer_ttl, tos)
        flags = "DF"
        if tunnel.static:
            # Any identification will do as long as it does not repeat: the runner compares only that.
            self.next_id = getattr(self, "next_id", 0) + 1
            ident, flags = self.next_id if ident is None else ident, 0
        return f.ipv4(place.local, place.address, payload, protocol, ttl=tunnel.outer_ttl, tos=tos, id=ident or 0,
                      flags=flags)

    def carried(self, tunnel, place, inner):
        """Protocol and payload of the outer packet."""
        if tunnel.kind == "GRE":
            sequence = None
            if tunnel.gre_sequence:
                sequence = self.sequence.get(tunnel.id, 0)
                self.sequence[tunnel.id] = sequence + 1
            return 47, clients.gre(inner, tunnel.gre_key, tunnel.gre_checksum, sequence)
        if not place.port:
            return (4 if inner[0] >> 4 == 4 else 41), inner
        return 17, self.udp_to(tunnel, place, self.ayiya_to(tunnel, place, inner))

    def ayiya_to(self, tunnel, place, inner, operation=clients.FORWARD, next_header=None):
        password = tunnel.password
        if tunnel.dynamic and self.learned.endpoints[tunnel.id].previous:
            password = tunnel.previous
        self.count("worker ayiya_sent")
        if next_header is None:
            next_header = clients.IPV4_IN if inner[0] >> 4 == 4 else clients.IPV6_IN
        now = self.unix_ns() // SECOND
        message = clients.ayiya(tunnel.near, now, password, inner, operation, next_header)
        if operation == clients.FORWARD and next_header == clients.IPV6_IN:
            assert clients.usual_client_accepts(message, tunnel.near, password, now & 0xffffffff)
        return message

    def udp_to(self, tunnel, place, message):
        """UDP as the PoP sends it: without a checksum over IPv4."""
        checksum = None if clients.is_ipv6(place.address) or "private" in self.topology.config else 0
        packet = clients.udp(place.local, clients.AYIYA_PORT, place.address, place.port, message, checksum)
        return packet[40:] if clients.is_ipv6(place.address) else packet[20:]

    # ---- What clients of dynamic tunnels send.

    def ayiya(self, tunnel, payload=b"", operation=None, next_header=None, epoch=None, password=None, **kw):
        """A datagram of the client's; without a payload a beat."""
        if operation is None:
            operation = clients.FORWARD if payload else clients.NOOP
        if next_header is None:
            next_header = clients.NOTHING if not payload else clients.IPV4_IN if payload[0] >> 4 == 4 else clients.IPV6_IN
        return clients.ayiya(kw.pop("identity", tunnel.client), self.epoch if epoch is None else epoch,
                             password or tunnel.password, payload, operation, next_header, **kw)

    def ayiya_from(self, tunnel, source, port, payload=b"", local=P4, udp_fields=None, **kw):
        """The outer packet around it."""
        return clients.udp(source, port, local, clients.AYIYA_PORT, self.ayiya(tunnel, payload, **kw),
                           **(udp_fields or {}))

    def beat(self, tunnel, epoch=None, password=None, identity=None, **kw):
        return clients.beat(identity or tunnel.client, self.epoch if epoch is None else epoch,
                            password or tunnel.password, **kw)

    def beat_from(self, tunnel, source, port=40000, local=P4, udp_fields=None, **kw):
        return clients.udp(source, port, local, clients.BEAT_PORT, self.beat(tunnel, **kw), **(udp_fields or {}))

    # ---- What happens.

    def learn(self, tunnel, place, epoch, previous=False, expect=None):
        """A datagram with a good signature has come in."""
        self.known_tunnels[tunnel.id] = tunnel
        old = self.learned.endpoints.get(tunnel.id)
        old = old and old.place
        what = self.learned.learn(tunnel, place, epoch, self.now, previous)
        assert expect is None or what == expect, f"{self.name}: {what} instead of {expect}"
        assert what != "replayed", self.name
        if what == "up":
            self.count("worker tunnels_came_up")
            self.learned.tell(self.unix_ns(), "up", tunnel, f"{place.transport} {place.text()}")
            self.begin_probing(tunnel)
        elif what == "moved":
            self.count("worker endpoint_moves")
            self.learned.tell_move(self.now, self.unix_ns(), tunnel, place, old)
            self.begin_probing(tunnel)
        elif what == "verified":
            self.verified(tunnel, "later-epoch")

    def verified(self, tunnel, how, at=None):
        e = self.learned.endpoints[tunnel.id]
        e.verified = True
        self.count("worker endpoints_verified")
        if not self.learned.is_flapping(tunnel):
            self.learned.tell(self.unix_ns(at), "verified", tunnel, f"{e.place.transport} {e.place.text()} by {how}")

    def accept_beat(self, tunnel, source, port=40000, local=P4, epoch=None, expect=None, previous=False, **kw):
        """A beat that is taken. `expect`: same, up, moved."""
        epoch = self.epoch if epoch is None else epoch
        self.arrive(self.beat_from(tunnel, source, port, local, epoch=epoch,
                                   password=tunnel.previous if previous else None, **kw))
        self.count("worker consumed")
        self.count("worker beats_accepted")
        self.learn(tunnel, Place(source, 0, local), epoch, previous, expect)

    def accept_noop(self, tunnel, source, port, local=P4, epoch=None, expect=None, previous=False, **kw):
        """An AYIYA beat that is taken."""
        epoch = self.epoch if epoch is None else epoch
        self.arrive(self.ayiya_from(tunnel, source, port, local=local, epoch=epoch,
                                    password=tunnel.previous if previous else None, **kw))
        self.count("worker consumed")
        self.count("worker ayiya_accepted")
        self.learn(tunnel, Place(source, port, local), epoch, previous, expect)

    def accept_ayiya(self, tunnel, packet, source, port, local=P4, epoch=None, expect=None, previous=False, becomes=None,
                     **kw):
        """A packet in AYIYA from wherever, that goes out to the net."""
        epoch = self.epoch if epoch is None else epoch
        self.arrive(self.ayiya_from(tunnel, source, port, packet, local, epoch=epoch,
                                    password=tunnel.previous if previous else None, **kw))
        self.count("worker ayiya_accepted")
        self.delivered_out(tunnel, hop(becomes or packet))
        self.learn(tunnel, Place(source, port, local), epoch, previous, expect)

    def refuse(self, packet, reason, tunnel=None, detail=0, **kw):
        """An outer packet that is dropped, and booked on a tunnel."""
        self.arrive(packet, **kw)
        self.count(f"drop {reason}")
        self.book(tunnel, reason, packet, detail)

    def refuse_replay(self, packet, tunnel, place):
        reason = "ayiya-replayed" if place.port else "beat-replayed"
        self.refuse(packet, reason, tunnel)
        self.learned.tell_gathered(self.now, self.unix_ns(), "replayed", tunnel, place)

    def refuse_endpoint(self, packet, tunnel, place):
        self.refuse(packet, "endpoint-invalid", tunnel)
        self.learned.tell_gathered(self.now, self.unix_ns(), "refused", tunnel, place)

    def book(self, tunnel, reason, packet, detail=0):
        if tunnel is not None:
            self.ledger.book(tunnel, reason, self.unix_ns(), packet, detail)

    def drop_client(self, tunnel, inner, reason, blame=..., **fields):
        outer = self.outer_from(tunnel, inner, **fields)
        if blame is ...:
            # Whoever sent it, it is not this tunnel's fault.
            blame = self.owner(outer) if reason == "outer-source-mismatch" else tunnel
        self.refuse(outer, reason, blame)

    def owner(self, outer):
        """The tunnel that ends at the source of an outer packet, if it is the only one."""
        source = source_of(outer).split()[0]
        owners = [t for t in ALL if t.remote == source]
        owners += [t for t in self.members() if t.dynamic and self.learned.endpoints[t.id].up and
                   self.learned.endpoints[t.id].place.address == source]
        return owners[0] if len(owners) == 1 else None

    def drop_from(self, tunnel, packet, reason, blame=..., accepted=False, **fields):
        """From the client of a tunnel; unlike drop_client() its AYIYA has been verified, and is a sign of life."""
        self.receive_client(tunnel, packet, **fields)
        self.count(f"drop {reason}")
        if accepted:
            self.count_in(tunnel, packet)
        self.book(tunnel if blame is ... else blame, reason, self.last_frame[14:])

    def drop_net(self, packet, reason, blame=None, **kw):
        self.refuse(packet, reason, blame, **kw)

    def refuse_net(self, packet, reason, kind, code, source, argument=0, blame=None):
        """From the uplink: dropped, and the sender told."""
        self.drop_net(packet, reason, blame)
        error = f.error6 if packet[0] >> 4 == 6 else clients.error4
        version = 6 if packet[0] >> 4 == 6 else 4
        self.originate_to_net(error(kind, code, source, packet, argument), f"icmpv{version}_errors_sent")

    def refuse_client(self, tunnel, packet, reason, kind, code, source=None, argument=0, accepted=False, blame=...,
                      **fields):
        self.drop_from(tunnel, packet, reason, blame, accepted, **fields)
        version = 6 if packet[0] >> 4 == 6 else 4
        error = f.error6 if version == 6 else clients.error4
        source = source or (tunnel.near if version == 6 else P4)
        self.originate_to_client(tunnel, error(kind, code, source, packet, argument), f"icmpv{version}_errors_sent")

    # ---- Files.

    def write(self, root):
        self.run_ticks(self.now + self.linger * SECOND)
        super().write(root)
        directory = os.path.join(root, self.name)
        for name, lines in (("events", self.learned.told), ("endpoints", self.learned.endpoint_lines(self.slots())),
                            ("errors", self.ledger.lines(reason_order()))):
            with open(os.path.join(directory, f"{name}.expect"), "w", encoding="utf-8") as out:
                out.writelines(line + "\n" for line in lines)



__all__ = ["DynamicCase", "START", "Place", "P4", "P6", "SECOND", "clients", "epoch_difference", "hop"]


def every_ecn_combination(c, tunnels):
    """RFC 6040 and DSCP in tunnels with a configured remote: into each with every ECN value, the second tunnel being the
    one that copies; out of each with every combination of inner and outer marks."""
    for ecn in (0, 1, 2, 3):
        for tunnel in tunnels:
            c.forward_in(tunnel, f.udp6(f.NATIVE, tunnel.client, traffic_class=0xb8 | ecn))
    for tunnel in tunnels:
        for ecn, marked, result in ((0, 0, 0), (2, 0, 2), (1, 0, 1), (3, 0, 3), (2, 2, 2), (2, 1, 1), (2, 3, 3), (1, 1, 1),
                                    (1, 3, 3), (3, 2, 3), (3, 3, 3), (0, 1, 0), (0, 2, 0), (1, 2, 1), (3, 1, 3)):
            packet = f.udp6(tunnel.client, f.NATIVE, traffic_class=0x50 | ecn)
            c.forward_out(tunnel, packet, becomes=f.with_traffic_class(packet, 0x50 | result), tos=0xb8 | marked)
            if (ecn, marked) in ((0, 1), (0, 2), (1, 2), (3, 1)):
                c.count("worker ecn_unusual")
        c.drop_client(tunnel, f.udp6(tunnel.client, f.NATIVE), "ecn-invalid", tos=3)
