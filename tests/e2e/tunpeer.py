#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""The far end of a GRE or IPv6 tunnel in user space, for kernels without ip_gre and ip6_tunnel.

    tunpeer.py --device NAME --mode gre|ipv6 --local ADDRESS --remote ADDRESS [--mtu BYTES]
               [--key N] [--checksum] [--sequence] [--limit N]

GRE (RFC 2784, RFC 2890) over IPv4 or IPv6; or 6in6 and 4in6 (RFC 2473), with the tunnel encapsulation
limit option where asked for.
"""

import argparse
import os
import select
import socket
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from simplon_e2e.craft import checksum  # noqa: E402
from tun6in4 import BURST, TunDevice  # noqa: E402

PROTOCOL_IPV4, PROTOCOL_IPV6, PROTOCOL_GRE = 4, 41, 47
GRE_CHECKSUM, GRE_KEY, GRE_SEQUENCE = 0x8000, 0x2000, 0x1000
ETHERTYPE = {4: 0x0800, 6: 0x86DD}
IPV6_DSTOPTS = 59


def raw_socket(protocol, local, remote):
    family = socket.AF_INET6 if ":" in local else socket.AF_INET
    outer = socket.socket(family, socket.SOCK_RAW, protocol)
    outer.setblocking(False)
    outer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    outer.bind((local, 0))
    outer.connect((remote, 0))
    return outer


class Gre:
    def __init__(self, arguments):
        self.outer = raw_socket(PROTOCOL_GRE, arguments.local, arguments.remote)
        self.ipv4 = self.outer.family == socket.AF_INET
        self.key, self.checksum, self.sequence = arguments.key, arguments.checksum, arguments.sequence
        self.next_sequence = 0

    def sockets(self):
        return [self.outer]

    def send(self, packet):
        flags, rest = 0, b""
        if self.checksum:
            flags |= GRE_CHECKSUM
            rest += bytes(4)
        if self.key is not None:
            flags |= GRE_KEY
            rest += struct.pack("!I", self.key)
        if self.sequence:
            flags |= GRE_SEQUENCE
            rest += struct.pack("!I", self.next_sequence)
            self.next_sequence = (self.next_sequence + 1) & 0xFFFFFFFF
        header = struct.pack("!HH", flags, ETHERTYPE[packet[0] >> 4]) + rest
        if self.checksum:
            header = header[:4] + struct.pack("!H", checksum(header + packet)) + header[6:]
        self.outer.send(header + packet)

    def open(self, data):
        if self.ipv4:
            data = data[(data[0] & 15) * 4 :]
        flags, kind = struct.unpack_from("!HH", data)
        if flags & ~(GRE_CHECKSUM | GRE_KEY | GRE_SEQUENCE) or kind not in ETHERTYPE.values():
            return None
        if bool(flags & GRE_CHECKSUM) != self.checksum or bool(flags & GRE_SEQUENCE) != self.sequence:
            return None
        offset = 4
        if flags & GRE_CHECKSUM:
            if checksum(data) != 0:
                return None
            offset += 4
        key = None
        if flags & GRE_KEY:
            key = struct.unpack_from("!I", data, offset)[0]
            offset += 4
        if flags & GRE_SEQUENCE:
            offset += 4
        return data[offset:] if key == self.key else None


class Ipv6Tunnel:
    def __init__(self, arguments):
        self.outer = {
            6: raw_socket(PROTOCOL_IPV6, arguments.local, arguments.remote),
            4: raw_socket(PROTOCOL_IPV4, arguments.local, arguments.remote),
        }
        if arguments.limit:
            # Next header and length are the kernel's: the option, and padding to eight bytes.
            options = bytes([0, 0, 4, 1, arguments.limit, 1, 1, 0])
            for outer in self.outer.values():
                outer.setsockopt(socket.IPPROTO_IPV6, IPV6_DSTOPTS, options)

    def sockets(self):
        return list(self.outer.values())

    def send(self, packet):
        self.outer[packet[0] >> 4].send(packet)

    def open(self, data):
        return data


def run(device, peer):
    poller = select.poll()
    poller.register(device.descriptor, select.POLLIN)
    by_descriptor = {outer.fileno(): outer for outer in peer.sockets()}
    for descriptor in by_descriptor:
        poller.register(descriptor, select.POLLIN)
    while True:
        for descriptor, _ in poller.poll():
            for _ in range(BURST):
                try:
                    if descriptor == device.descriptor:
                        peer.send(os.read(descriptor, 65536))
                    else:
                        packet = peer.open(by_descriptor[descriptor].recv(65536))
                        if packet:
                            os.write(device.descriptor, packet)
                except OSError:
                    break  # nothing more; or an ICMP error, a full queue: loss, as on any link


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", required=True)
    parser.add_argument("--mode", choices=("gre", "ipv6"), required=True)
    parser.add_argument("--local", required=True)
    parser.add_argument("--remote", required=True)
    parser.add_argument("--mtu", type=int, default=1400)
    parser.add_argument("--key", type=int)
    parser.add_argument("--checksum", action="store_true")
    parser.add_argument("--sequence", action="store_true")
    parser.add_argument("--limit", type=int, default=0)
    arguments = parser.parse_args()
    peer = Gre(arguments) if arguments.mode == "gre" else Ipv6Tunnel(arguments)
    run(TunDevice(arguments.device, arguments.mtu), peer)


if __name__ == "__main__":
    try:
        main()
    except OSError as problem:
        sys.exit(f"tunpeer: {problem}")
