# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""The captures of the original client, replayed. What is expected is what the original PoP sent, but for the
differences captures/README.md lists."""

import os
import struct

from .case import Case, Link, Topology
from .frames import IP, ip_checksum
from .tunnels import Tunnel

CAPTURES = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "captures")

POP4, POP6 = "b2:7e:52:0e:31:37", "ba:96:40:f1:b7:59"
CLIENT, HOST = "86:bd:f4:7e:3b:4e", "76:fd:94:12:0b:6a"
T4141 = Tunnel(4141, "198.51.100.2", local="198.51.100.1")


def read_capture(name):
    """(time in ns, frame) of a classic pcap file, micro- or nanoseconds, little endian."""
    with open(os.path.join(CAPTURES, name), "rb") as source:
        data = source.read()
    scale = {0xa1b2c3d4: 1000, 0xa1b23c4d: 1}[struct.unpack_from("<I", data)[0]]
    at, records = 24, []
    while at < len(data):
        seconds, rest, length, _ = struct.unpack_from("<IIII", data, at)
        # Cases are written with microseconds.
        records.append((seconds * 10**9 + rest * scale // 1000 * 1000, data[at + 16:at + 16 + length]))
        at += 16 + length
    return records


topology = Topology("captures", Link("wan4", 0, POP4, "198.51.100.2", CLIENT),
                    Link("wan6", 0, POP6, "2001:db8:ffff::2", HOST))
c = Case("replays/static-6in4", "Three pings of the original client through a static tunnel", [14], topology=topology,
         bursts=False,
         note="Against the original PoP: the router solicitation is not answered with an ICMPv4 error, the hop limit falls "
              "by one instead of two on the way out, and the outer identification is 0 instead of 0x4200.")

outer, native = read_capture("static-outer.pcap"), read_capture("static-inet.pcap")
frames = sorted([(when, "wan4", number, frame) for number, (when, frame) in enumerate(outer, 1)] +
                [(when, "wan6", number, frame) for number, (when, frame) in enumerate(native, 1)])
# What the original answered, by what it answered: (port, number) of the capture.
REQUESTS = {("wan4", 5): 3, ("wan4", 7): 7, ("wan4", 9): 9}
REPLIES = {("wan6", 6): 6, ("wan6", 8): 8, ("wan6", 10): 10}
for when, port, number, frame in frames:
    if frame[6:12].hex(":") in (POP4, POP6):
        continue  # the original's own
    if (port, number) in REQUESTS:
        theirs = native[REQUESTS[port, number] - 1][1]
        c.receive_at(when, frame, port)
        c.send(theirs[:14 + 7] + bytes([theirs[14 + 7] + 1]) + theirs[14 + 8:], "wan6")
        c.count_in(T4141, theirs[14:])
    elif (port, number) in REPLIES:
        theirs = outer[REPLIES[port, number] - 1][1]
        header = bytearray(theirs[14:34])
        assert header[4:6] == b"\x42\0" and IP(bytes(header)).flags == "DF"
        header[4:6] = header[10:12] = b"\0\0"
        header[10:12] = struct.pack("!H", ip_checksum(bytes(header)))
        c.receive_at(when, frame, port)
        c.send(theirs[:14] + bytes(header) + theirs[34:], "wan4")
        c.count_out(T4141, theirs[34:])
    elif (port, number) == ("wan4", 1):
        c.receive_at(when, frame, port)
        c.count("worker consumed")
        c.originate("neighbor_adverts")
        c.send(outer[1][1].ljust(60, b"\0"), "wan4")
    elif (port, number) == ("wan4", 3):
        c.receive_at(when, frame, port)
        c.count("drop multicast")
    elif (port, number) == ("wan6", 2):  # an advertisement the original had asked for
        c.receive_at(when, frame, port)
        c.count("drop icmpv6-ignored")
    elif (port, number) == ("wan6", 4):
        c.receive_at(when, frame, port)
        c.count("worker consumed")
        c.originate("neighbor_adverts")
        c.send(native[4][1], "wan6")
    else:
        raise AssertionError(f"{port} {number}")

# Those with tunnels whose endpoint is learned.
from . import captured  # noqa: E402,F401  pylint: disable=wrong-import-position
