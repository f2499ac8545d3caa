#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""A 6in4 tunnel client in user space, for kernels without sit (RFC 4213 configured tunnel).

    tun6in4.py --device NAME --local IPV4 --remote IPV4 [--mtu BYTES]

Makes the tun device NAME, up, with the given MTU (1480), and carries IPv6 between it and protocol 41
to and from the remote. Outer packets go with DF set; when the path turns out narrower, the device's
MTU follows, so that the kernel tells the senders, and below 1280 inner the outer is fragmented
(RFC 4213 3.2.2).
"""

import argparse
import errno
import fcntl
import os
import select
import socket
import struct
import sys

PROTOCOL_6IN4 = 41
TUNSETIFF = 0x400454CA
IFF_TUN = 0x0001
IFF_NO_PI = 0x1000
SIOCSIFMTU = 0x8922
SIOCGIFFLAGS = 0x8913
SIOCSIFFLAGS = 0x8914
IFF_UP = 0x1
IP_MTU_DISCOVER = 10
IP_PMTUDISC_DONT = 0
IP_PMTUDISC_DO = 2
IP_MTU = 14
OUTER_BYTES = 20
IPV6_MINIMUM_MTU = 1280
BURST = 64


class TunDevice:
    def __init__(self, name, mtu):
        self.name = name.encode()
        self.descriptor = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(
            self.descriptor, TUNSETIFF, struct.pack("16sH22x", self.name, IFF_TUN | IFF_NO_PI)
        )
        self._control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.set_mtu(mtu)
        request = fcntl.ioctl(self._control, SIOCGIFFLAGS, struct.pack("16sH22x", self.name, 0))
        flags = struct.unpack("16sH22x", request)[1]
        fcntl.ioctl(
            self._control, SIOCSIFFLAGS, struct.pack("16sH22x", self.name, flags | IFF_UP)
        )

    def set_mtu(self, mtu):
        self.mtu = mtu
        fcntl.ioctl(self._control, SIOCSIFMTU, struct.pack("16si20x", self.name, mtu))


class Client:
    def __init__(self, device, local, remote):
        self.device = device
        self.outer = socket.socket(socket.AF_INET, socket.SOCK_RAW, PROTOCOL_6IN4)
        self.outer.setblocking(False)
        self.outer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.outer.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
        self.outer.bind((local, 0))
        self.outer.connect((remote, 0))  # from here on only packets from the remote arrive

    def run(self):
        poller = select.poll()
        poller.register(self.device.descriptor, select.POLLIN)
        poller.register(self.outer, select.POLLIN)
        while True:
            for descriptor, _ in poller.poll():
                if descriptor == self.device.descriptor:
                    self.send_burst()
                else:
                    self.receive_burst()

    def send_burst(self):
        for _ in range(BURST):
            try:
                packet = os.read(self.device.descriptor, 65536)
            except BlockingIOError:
                return
            self.send(packet)

    def send(self, packet):
        try:
            self.outer.send(packet)
        except OSError as error:
            if error.errno == errno.EMSGSIZE:
                self.follow_path_mtu(packet)
            # Anything else (an ICMP error, a full queue) is loss, as on any link.

    def follow_path_mtu(self, packet):
        path_mtu = self.outer.getsockopt(socket.IPPROTO_IP, IP_MTU)
        if path_mtu - OUTER_BYTES >= IPV6_MINIMUM_MTU:
            self.device.set_mtu(min(self.device.mtu, path_mtu - OUTER_BYTES))
            return
        self.device.set_mtu(IPV6_MINIMUM_MTU)
        self.outer.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DONT)
        self.send(packet)

    def receive_burst(self):
        for _ in range(BURST):
            try:
                packet = self.outer.recv(65536)
            except OSError:
                return  # nothing more, or a pending ICMP error, now consumed
            header_bytes = (packet[0] & 0x0F) * 4
            try:
                os.write(self.device.descriptor, packet[header_bytes:])
            except OSError:
                pass  # not IPv6, or the device is down: dropped, as the kernel's sit does


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[2])
    parser.add_argument("--device", required=True)
    parser.add_argument("--local", required=True)
    parser.add_argument("--remote", required=True)
    parser.add_argument("--mtu", type=int, default=1480)
    arguments = parser.parse_args()
    Client(TunDevice(arguments.device, arguments.mtu), arguments.local, arguments.remote).run()


if __name__ == "__main__":
    try:
        main()
    except OSError as problem:
        sys.exit(f"tun6in4: {problem}")
