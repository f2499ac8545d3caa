# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Packets made by hand, for what a kernel would refuse to send."""

import os
import socket
import struct

PROTOCOL_6IN4 = 41
ICMPV6 = 58
ECHO_REQUEST = 128


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def echo_request(source, destination, data=b"simplon", hop_limit=64):
    """A complete IPv6 packet with an ICMPv6 echo request."""
    source, destination = (socket.inet_pton(socket.AF_INET6, text) for text in (source, destination))
    length = 8 + len(data)
    pseudo = source + destination + struct.pack("!II", length, ICMPV6)
    body = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, os.getpid() & 0xFFFF, 1) + data
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    header = struct.pack("!IHBB", 6 << 28, length, ICMPV6, hop_limit)
    return header + source + destination + body


def send_6in4(client, packets):
    """Sends inner packets from the client's own outer address to the PoP."""
    from .topology import POP_IPV4

    send_6in4_from(client.namespace, client.ipv4, POP_IPV4, packets)


def send_6in4_from(namespace, local, remote, packets):
    outer = namespace.call(socket.socket, socket.AF_INET, socket.SOCK_RAW, PROTOCOL_6IN4)
    with outer:
        outer.bind((local, 0))
        for packet in packets:
            outer.sendto(packet, (remote, 0))


def send_ipv6(namespace, interface, packets):
    """Puts whole IPv6 packets on a link, to the link-layer address the kernel has for its peer."""
    neighbors = namespace.ip(f"-6 neighbor show dev {interface}")
    mac = neighbors.split("lladdr ")[1].split()[0]
    link = namespace.call(socket.socket, socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    with link:
        for packet in packets:
            link.sendto(packet, (interface, 0x86DD, 0, 0, bytes.fromhex(mac.replace(":", ""))))


def udp_error(address, port):
    """Sends a datagram; returns the ICMPv6 error the kernel reports for it, or None."""
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        probe.settimeout(2)
        probe.connect((address, port))
        probe.send(b"simplon")
        try:
            probe.recv(16)
        except TimeoutError:
            return None
        except OSError as error:
            return error.strerror
    return "an answer"
