#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""An AYIYA tunnel client in user space: what AICCU does, as AICCU does it.

    tunayiya.py --device NAME --pop ADDRESS --identity IPV6 --pop-identity IPV6 --password-file FILE
                [--beat-interval SECONDS] [--mtu BYTES]

Makes the tun device NAME, up, with the given MTU (1428), and carries IPv6 (and IPv4) between it and
signed datagrams to and from port 5072 of the PoP, over IPv4 or IPv6. One unbound source port for the
life of the process, three beats at start and one per interval. Incoming datagrams are judged as the
usual client judges them; SIGUSR1 prints what was taken and what was refused and why.
"""

import argparse
import collections
import errno
import os
import select
import signal
import socket
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from simplon_e2e import wire  # noqa: E402
from tun6in4 import BURST, TunDevice  # noqa: E402

BEATS_AT_START = 3


class Client:
    def __init__(self, arguments):
        with open(arguments.password_file, encoding="ascii") as file:
            self.password = file.read().strip()
        self.identity = arguments.identity
        self.pop_identity = arguments.pop_identity
        self.interval = arguments.beat_interval
        self.device = TunDevice(arguments.device, arguments.mtu)
        family = socket.AF_INET6 if ":" in arguments.pop else socket.AF_INET
        self.outer = socket.socket(family, socket.SOCK_DGRAM)
        self.outer.setblocking(False)
        self.outer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.outer.connect((arguments.pop, wire.AYIYA_PORT))
        self.seen = collections.Counter()

    def run(self):
        signal.signal(signal.SIGUSR1, lambda *_: self.report())
        poller = select.poll()
        poller.register(self.device.descriptor, select.POLLIN)
        poller.register(self.outer, select.POLLIN)
        for _ in range(BEATS_AT_START):
            self.beat()
        next_beat = time.monotonic() + self.interval
        while True:
            wait = max(0.0, next_beat - time.monotonic())
            for descriptor, _ in poller.poll(wait * 1000):
                if descriptor == self.device.descriptor:
                    self.send_burst()
                else:
                    self.receive_burst()
            if time.monotonic() >= next_beat:
                self.beat()
                next_beat += self.interval

    def beat(self):
        self.send(wire.ayiya(self.identity, self.password, operation=wire.NOOP))

    def send(self, datagram):
        try:
            self.outer.send(datagram)
            self.seen["sent"] += 1
        except OSError as error:
            # An ICMP error about an earlier one, a full queue: loss, as on any link.
            self.seen[f"not sent: {errno.errorcode.get(error.errno, error.errno)}"] += 1

    def send_burst(self):
        for _ in range(BURST):
            try:
                packet = os.read(self.device.descriptor, 65536)
            except BlockingIOError:
                return
            self.send(wire.ayiya(self.identity, self.password, packet))

    def receive_burst(self):
        for _ in range(BURST):
            try:
                datagram = self.outer.recv(65536)
            except OSError:
                return  # nothing more, or a pending ICMP error, now consumed
            try:
                _, _, packet = wire.open_ayiya(datagram, self.pop_identity, self.password)
            except wire.Refused as reason:
                self.seen[f"refused: {reason}"] += 1
                continue
            self.seen["taken"] += 1
            try:
                os.write(self.device.descriptor, packet)
            except OSError:
                self.seen["not IP"] += 1

    def report(self):
        print(" ".join(f"[{what}]={count}" for what, count in sorted(self.seen.items())), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[2])
    parser.add_argument("--device", required=True)
    parser.add_argument("--pop", required=True)
    parser.add_argument("--identity", required=True)
    parser.add_argument("--pop-identity", required=True)
    parser.add_argument("--password-file", required=True)
    parser.add_argument("--beat-interval", type=float, default=60)
    parser.add_argument("--mtu", type=int, default=1428)
    Client(parser.parse_args()).run()


if __name__ == "__main__":
    try:
        main()
    except OSError as problem:
        sys.exit(f"tunayiya: {problem}")
