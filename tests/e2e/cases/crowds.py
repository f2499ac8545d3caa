# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Many clients at once, and a flood of forged beats."""

import os
import random
import select
import socket
import struct
import time

from simplon_e2e import config, craft, traffic, wire
from simplon_e2e.processes import wait_until
from simplon_e2e.registry import case
from simplon_e2e.topology import HOST_IPV6, LINK_POOL, POP_IPV4, unit

CLIENTS = 1000
FIRST_SLOT = 5000
PASSWORD = "0123456789abcdef0123456789abcdef"

FLOOD_SECONDS = 5
FLOOD_FRAMES = 20000
FLOOD_POP_IPV4 = "192.0.3.1"
PCAP_PORT_MAC = bytes.fromhex("027063617000")  # what DPDK gives its first net_pcap port


@case("a thousand AYIYA clients behind one address each get their own answers")
def _(bed):
    tunnels = [
        {"tunnel": {"id": 500000 + i, "slot": FIRST_SLOT + i, "type": "AYIYA", "password": PASSWORD}}
        for i in range(CLIENTS)
    ]
    names = [f"tunnels/T{500000 + i}" for i in range(CLIENTS)]
    bed.pop.call("TunnelService", "BatchCreateTunnels", {"requests": tunnels})
    poller = select.poll()
    members = {}
    try:
        for i in range(CLIENTS):
            outer = bed.home.namespace.call(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
            outer.setblocking(False)
            outer.connect((POP_IPV4, wire.AYIYA_PORT))
            poller.register(outer, select.POLLIN)
            members[outer.fileno()] = (i, outer)
        answered = {}
        deadline = time.monotonic() + 30
        while len(answered) < CLIENTS and time.monotonic() < deadline:
            for i, outer in members.values():
                if i not in answered:
                    _ask(outer, i)
            _collect(poller, members, answered, 1.0)
        assert len(answered) == CLIENTS, f"{len(answered)} of {CLIENTS} answered"
        states = bed.pop.call(
            "TunnelStateService",
            "ListTunnelStates",
            {"page_size": 10000, "filter": f"slot>={FIRST_SLOT}", "oper_states": ["UP"]},
        )["states"]
        ports = {state["endpoint"]["port"] for state in states}
        assert len(states) == CLIENTS and len(ports) == CLIENTS, (len(states), len(ports))
    finally:
        for _, outer in members.values():
            outer.close()
        bed.pop.call("TunnelService", "BatchDeleteTunnels", {"requests": [{"name": n} for n in names]})


def _addresses(i):
    prefix = unit(LINK_POOL, FIRST_SLOT + i)
    return str(prefix[1]), str(prefix[2])


def _ask(outer, i):
    _, client = _addresses(i)
    packet = craft.echo_request(client, HOST_IPV6, data=struct.pack("!I", i))
    outer.send(wire.ayiya(client, PASSWORD, packet))


def _collect(poller, members, answered, seconds):
    deadline = time.monotonic() + seconds
    while len(answered) < len(members) and (left := deadline - time.monotonic()) > 0:
        for descriptor, _ in poller.poll(left * 1000):
            i, outer = members[descriptor]
            try:
                datagram = outer.recv(65536)
            except OSError:
                continue
            pop, _ = _addresses(i)
            _, _, packet = wire.open_ayiya(datagram, pop, PASSWORD)  # raises if it is not ours
            if packet[40] == 129 and struct.unpack("!I", packet[-4:])[0] == i:
                answered[i] = True


@case(
    "a flood of forged beats stops neither valid beats nor forwarding",
    drivers=("af_packet",),
    own_bed=True,
)
def _(make_bed):
    bed = make_bed(clients=3, start=False, tunnels=False)
    pop, owner, home = bed.pop, bed.clients[0], bed.home
    path = os.path.join(bed.directory, "flood.pcap")
    write_flood(path, [home.ipv6, *(c.ipv6 for c in bed.clients)])
    pop.extra_ports = [f"flood=net_pcap0,rx_pcap={path},infinite_rx=1"]
    pop.start()
    interface = f'interfaces {{ port: "flood" ipv4_address: "{FLOOD_POP_IPV4}/24" }} '
    # After the uplink, whose address stays the first: the one static tunnels end on.
    text = config.whole(bed.network).replace(" }\npools", f" {interface}}}\npools", 1)
    text += config.tunnel_text(
        home, type="HEARTBEAT", password=home.PASSWORD, remote=[], delegated_prefixes=[]
    )
    pop.apply(text)
    bed.network.start_tunnels()
    # The first beat comes from a stranger like the forged ones, and may have to be said again.
    begin = time.monotonic()

    def came_up():
        send_beat(owner, home)
        return pop.state(home)["oper_state"] == "UP"

    wait_until(came_up, "a beat comes through the flood", timeout=60)
    waited = time.monotonic() - begin
    begin, before = time.monotonic(), pop.counters()
    stream = traffic.Stream(bed.host, bed.clients[1].ipv6, bed.directory)
    sent = 0
    while time.monotonic() - begin < FLOOD_SECONDS:
        send_beat(owner, home)
        sent += 1
        time.sleep(0.02)
    after, seconds = pop.counters(), time.monotonic() - begin
    stream.stop()
    offered = (after["rx_packets"] - before["rx_packets"]) / seconds
    wait_until(
        lambda: pop.counters()["beats_accepted"] - before["beats_accepted"] >= 0.99 * sent,
        "99 % of the valid beats are accepted",
    )
    accepted = pop.counters()["beats_accepted"] - before["beats_accepted"]
    print(
        f"      up after {waited:.1f} s; {offered / 1e6:.2f} million frames/s, {accepted} of {sent} valid beats accepted,"
        f" {stream.lost} of {stream.sent} pings lost"
    )
    assert stream.lost <= stream.sent // 100, f"{stream.lost} of {stream.sent} pings lost"
    state = pop.state(home)
    assert state["endpoint"]["address"] == owner.ipv4, state
    pop.stop()


def send_beat(owner, home):
    with owner.namespace.call(socket.socket, socket.AF_INET, socket.SOCK_DGRAM) as outer:
        outer.sendto(wire.beat(home.ipv6, home.PASSWORD), (POP_IPV4, wire.BEAT_PORT))


def write_flood(path, identities):
    """Beats from random sources with a plausible time and a digest of nobody's password."""
    rng = random.Random(3740)
    now = int(time.time())
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for _ in range(FLOOD_FRAMES):
            frame = forged_beat(rng, rng.choice(identities), now + rng.randrange(20, 100))
            file.write(struct.pack("<IIII", now, 0, len(frame), len(frame)) + frame)


def forged_beat(rng, identity, epoch):
    text = wire.beat(identity, f"{rng.getrandbits(64):x}", epoch)
    source = struct.pack("!I", rng.randrange(0x0B000000, 0x7E000000))
    udp = struct.pack("!HHHH", rng.randrange(1024, 65536), wire.BEAT_PORT, 8 + len(text), 0) + text
    header = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0x4000, 64, 17, 0)
    header += source + socket.inet_aton(FLOOD_POP_IPV4)
    header = header[:10] + struct.pack("!H", craft.checksum(header)) + header[12:]
    return PCAP_PORT_MAC + bytes.fromhex("020000000001") + b"\x08\x00" + header + udp
