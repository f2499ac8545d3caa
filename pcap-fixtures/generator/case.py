# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""A golden case: frames in, frames expected, counters expected, and what they show.

The methods say what happens to a packet and write down its consequences: the frame that leaves and
every counter that moves. They are a second, slow statement of docs/protocols.md and the RFCs, made
without the code under test.
"""

import collections
import os
import shutil
import struct
import textwrap

from . import frames as f
from . import tunnels as t

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
START_NS = 1_700_000_000 * 1_000_000_000
STEP_NS = 10_000_000

POP_MAC = "02:00:5e:00:00:01"
POP_MAC_2 = "02:00:5e:00:00:02"
GATEWAY4_MAC = "02:00:5e:00:04:fe"
GATEWAY6_MAC = "02:00:5e:00:06:fe"
OTHER_MAC = "02:00:5e:00:99:99"
BROADCAST = "ff:ff:ff:ff:ff:ff"


Link = collections.namedtuple("Link", "port vlan mac gateway gateway_mac")


class Topology:
    """Where the two families leave: ports, VLANs, gateways."""

    def __init__(self, config, link4, link6):
        self.config, self.link4, self.link6 = config, link4, link6
        self.ports = {link.port: link.mac for link in (link4, link6)}

    def arguments(self):
        return [f"--mac {port}={mac}" for port, mac in self.ports.items()]

    def neighbors(self):
        """Static entries, for all cases but those about resolution."""
        return [
            f"--neighbor {link.port}{f'.{link.vlan}' if link.vlan else ''}:{link.gateway}={link.gateway_mac}"
            for link in (self.link4, self.link6)
        ]


def one_port(config="one-port", vlan4=0, vlan6=0):
    return Topology(config, Link("wan0", vlan4, POP_MAC, "192.0.2.254", GATEWAY4_MAC),
                    Link("wan0", vlan6, POP_MAC, "2001:db8:ffff::fe", GATEWAY6_MAC))


def two_ports(config="two-ports"):
    return Topology(config, Link("wan4", 0, POP_MAC, "192.0.2.254", GATEWAY4_MAC),
                    Link("wan6", 0, POP_MAC_2, "2001:db8:ffff::fe", GATEWAY6_MAC))


class Case:
    registry = {}

    def __init__(self, name, title, conformance=(), topology=None, note="", resolved=True, arguments=(),
                 bursts=True):
        assert name not in Case.registry, name
        Case.registry[name] = self
        self.name, self.title, self.conformance, self.note = name, title, conformance, note
        self.topology = topology or one_port()
        self.arguments = list(arguments)
        if resolved:
            self.arguments = self.topology.neighbors() + self.arguments
        # Whether the case may also be run in bursts at one instant: not if time matters.
        self.bursts = bursts
        self.step = STEP_NS  # between two frames
        self.now = START_NS - STEP_NS
        self.inputs = {port: [] for port in self.topology.ports}
        self.outputs = {port: [] for port in self.topology.ports}
        self.counters = collections.Counter()

    # ---- Time, frames, counters.

    def at(self, seconds):
        """The next frame comes this long after the start."""
        self.now = START_NS + int(round(seconds * 1e9)) - self.step

    def receive(self, frame, port=None):
        self.now += self.step
        self.inputs[port or self.topology.link4.port].append((self.now, frame))
        self.count("worker rx_packets")
        self.count("worker rx_bytes", len(frame))

    def receive_at(self, time_ns, frame, port):
        """At an absolute time, as captured."""
        self.now = time_ns - self.step
        self.receive(frame, port)

    def send(self, frame, port=None, seconds=None):
        when = self.now if seconds is None else START_NS + int(round(seconds * 1e9))
        self.outputs[port or self.topology.link4.port].append((when, frame))
        self.count("worker tx_packets")
        self.count("worker tx_bytes", len(frame))

    def count(self, name, amount=1):
        self.counters[name] += amount

    def count_in(self, tunnel, packet):
        self.count(f"tunnel T{tunnel.id} in_packets")
        self.count(f"tunnel T{tunnel.id} in_bytes", len(packet))
        self.count("worker decapsulated")

    def count_out(self, tunnel, packet):
        self.count(f"tunnel T{tunnel.id} out_packets")
        self.count(f"tunnel T{tunnel.id} out_bytes", len(packet))
        self.count("worker encapsulated")

    # ---- Frames of this topology.

    def frame_from(self, link, packet, destination=None, source=None):
        return f.ethernet(destination or link.mac, source or link.gateway_mac, packet, link.vlan)

    def from_net(self, packet, **kw):
        """A native IPv6 packet as it comes from the uplink."""
        return self.frame_from(self.topology.link6, packet, **kw)

    def to_net(self, packet):
        link = self.topology.link6
        return f.ethernet(link.gateway_mac, link.mac, packet, link.vlan)

    def outer_from(self, tunnel, inner, **fields):
        """Outer packet of a client: like Linux, with TTL 64 less some hops and DF."""
        values = {"ttl": 57, "id": 0, "flags": "DF", "src": tunnel.remote, "dst": tunnel.local, **fields}
        return f.ipv4(values.pop("src"), values.pop("dst"), inner, **values)

    def from_client(self, tunnel, inner, **fields):
        return self.frame_from(self.topology.link4, self.outer_from(tunnel, inner, **fields))

    def outer_to(self, tunnel, inner, tos=None, ident=None):
        """Outer packet to a client by docs/protocols.md 2.1-2.3."""
        traffic_class = int.from_bytes(inner[:2], "big") >> 4 & 0xff
        if tos is None:
            dscp = traffic_class >> 2 if tunnel.uniform else tunnel.dscp
            tos = dscp << 2 | (traffic_class & 3 if tunnel.ecn_normal else 0)
        if tunnel.static:
            # Any identification will do as long as it does not repeat: the runner compares only that.
            self.next_id = getattr(self, "next_id", 0) + 1
            ident = self.next_id if ident is None else ident
            flags = 0
        else:
            ident, flags = 0, "DF"
        return f.ipv4(tunnel.local, tunnel.remote, inner, ttl=tunnel.outer_ttl, tos=tos, id=ident, flags=flags)

    def frame_to_gateway4(self, packet):
        link = self.topology.link4
        return f.ethernet(link.gateway_mac, link.mac, packet, link.vlan)

    def to_client(self, tunnel, inner, **kw):
        link = self.topology.link4
        return f.ethernet(link.gateway_mac, link.mac, self.outer_to(tunnel, inner, **kw), link.vlan)

    def receive_net(self, packet, trailer=b""):
        self.receive(self.from_net(packet) + trailer, self.topology.link6.port)

    def send_net(self, packet):
        self.send(self.to_net(packet), self.topology.link6.port)

    def receive_client(self, tunnel, packet, trailer=b"", **fields):
        self.receive(self.from_client(tunnel, packet, **fields) + trailer, self.topology.link4.port)

    def send_client(self, tunnel, packet, **kw):
        self.send(self.to_client(tunnel, packet, **kw), self.topology.link4.port)

    # ---- What happens.

    def forward_in(self, tunnel, packet, trailer=b"", **kw):
        """From the uplink into a tunnel."""
        self.receive_net(packet, trailer)
        self.delivered_in(tunnel, hop(packet), **kw)

    def delivered_in(self, tunnel, packet, **kw):
        self.send_client(tunnel, packet, **kw)
        self.count_out(tunnel, packet)

    def forward_out(self, tunnel, packet, becomes=None, trailer=b"", **fields):
        """From a tunnel to the uplink. `becomes`: the inner packet before the decrement, where ECN changes it."""
        self.receive_client(tunnel, packet, trailer, **fields)
        self.delivered_out(tunnel, hop(becomes or packet))

    def delivered_out(self, tunnel, packet):
        self.send_net(packet)
        self.count_in(tunnel, packet)

    def forward_across(self, source, target, packet, becomes=None, **fields):
        """From one tunnel into another."""
        self.receive_client(source, packet, **fields)
        self.count_in(source, packet)
        self.count("worker hairpin")
        self.delivered_in(target, hop(becomes or packet))

    def drop(self, frame, reason, port=None):
        self.receive(frame, port)
        self.count(f"drop {reason}")

    def drop_net(self, packet, reason, **kw):
        self.drop(self.from_net(packet, **kw), reason, self.topology.link6.port)

    def drop_client(self, tunnel, inner, reason, **fields):
        self.drop(self.from_client(tunnel, inner, **fields), reason, self.topology.link4.port)

    def originate(self, count=None):
        """One packet of the PoP's own, of the kind that `count` counts."""
        self.count("worker originated")
        if count:
            self.count(f"worker {count}")

    def originate_to_net(self, packet, count):
        self.originate(count)
        self.send_net(packet)

    def originate_to_client(self, tunnel, packet, count, **kw):
        self.originate(count)
        self.delivered_in(tunnel, packet, **kw)

    def refuse_net(self, packet, reason, kind, code, source, argument=0):
        """From the uplink: dropped, and the sender told."""
        self.drop_net(packet, reason)
        self.originate_to_net(f.error6(kind, code, source, packet, argument), "icmpv6_errors_sent")

    def refuse_client(self, tunnel, packet, reason, kind, code, source=None, argument=0, accepted=False, **fields):
        """From a tunnel: dropped, and the sender told. `accepted`: it passed every check of its tunnel and was
        refused as a packet to the PoP."""
        self.drop_client(tunnel, packet, reason, **fields)
        if accepted:
            self.count_in(tunnel, packet)
        self.originate_to_client(tunnel, f.error6(kind, code, source or tunnel.near, packet, argument),
                                 "icmpv6_errors_sent")

    def ignore_client(self, tunnel, packet, reason, **fields):
        """From a tunnel to the PoP: passed every check of its tunnel, and asks for nothing."""
        self.drop_client(tunnel, packet, reason, **fields)
        self.count_in(tunnel, packet)

    def answer_net(self, packet, reply, count):
        """From the uplink to the PoP: consumed, and answered the way it came."""
        self.receive_net(packet)
        self.count("worker consumed")
        self.originate_to_net(reply, count)

    def answer_client(self, tunnel, packet, reply, count, **fields):
        self.receive_client(tunnel, packet, **fields)
        self.count("worker consumed")
        self.count_in(tunnel, packet)
        self.originate_to_client(tunnel, reply, count)

    def answer_link(self, frame, reply, count, port=None):
        """ARP and neighbour discovery on a link."""
        self.receive(frame, port)
        self.count("worker consumed")
        if reply is not None:
            self.originate(count)
            self.send(reply, port)

    # ---- Files.

    def check(self):
        """The conservation law, for the expectations themselves."""
        c = self.counters
        drops = sum(n for name, n in c.items() if name.startswith("drop "))
        held = c["worker held_reassembly"] + c["worker held_neighbor"] + c["worker held_tx"]
        left = c["worker rx_packets"] + c["worker originated"] + c["worker fragments_made"]
        right = c["worker tx_packets"] + c["worker consumed"] + drops + held
        assert left == right, f"{self.name}: the expected counters break the conservation law: {dict(c)}"

    def write(self, root):
        self.check()
        directory = os.path.join(root, self.name)
        shutil.rmtree(directory, ignore_errors=True)
        os.makedirs(directory)
        for port in self.topology.ports:
            write_pcap(os.path.join(directory, f"in-{port}.pcap"), self.inputs[port])
            write_pcap(os.path.join(directory, f"out-{port}.pcap"), self.outputs[port])
        with open(os.path.join(directory, "counters.expect"), "w", encoding="utf-8") as out:
            out.writelines(f"{name} {n}\n" for name, n in sorted(self.counters.items()) if n)
        with open(os.path.join(directory, "case.txt"), "w", encoding="utf-8") as out:
            out.write(f"title: {self.title}\n")
            if self.conformance:
                out.write(f"conformance: {', '.join(map(str, self.conformance))}\n")
            out.write(f"config: ../../configs/{self.topology.config}.txtpb\n")
            out.write(f"bursts: {'yes' if self.bursts else 'no'}\n")
            for argument in self.topology.arguments() + self.arguments:
                out.write(f"argument: {argument}\n")
            if self.note:
                out.write("\n" + textwrap.fill(" ".join(self.note.split()), 98) + "\n")


def write_pcap(path, records):
    """Classic pcap, microseconds, Ethernet."""
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 262144, 1))
        for time_ns, frame in records:
            seconds, rest = divmod(time_ns, 1_000_000_000)
            out.write(struct.pack("<IIII", seconds, rest // 1000, len(frame), len(frame)) + frame)


def hop(packet):
    """The packet, of either version, forwarded once."""
    return f.hop(packet) if packet[0] >> 4 == 6 else f.hop4(packet)
