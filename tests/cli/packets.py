# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Frames as clients send them, and capture files of them for a dataplane to read."""

import hashlib
import ipaddress
import struct
import time

PORT_MAC = bytes.fromhex("ffffffffffff")
CLIENT_MAC = bytes.fromhex("020000000001")


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp(source, port, destination, destination_port, payload):
    """An Ethernet frame; UDP without a checksum."""
    datagram = struct.pack("!4H", port, destination_port, 8 + len(payload), 0) + payload
    header = struct.pack(
        "!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0x4000, 64, 17, 0,
        ipaddress.IPv4Address(source).packed, ipaddress.IPv4Address(destination).packed,
    )  # fmt: skip
    header = header[:10] + struct.pack("!H", checksum(header)) + header[12:]
    return PORT_MAC + CLIENT_MAC + b"\x08\x00" + header + datagram


def beat(source, destination, identity, password, epoch=None, port=40000):
    text = f"HEARTBEAT TUNNEL {identity} sender {int(time.time() if epoch is None else epoch)}"
    digest = hashlib.md5(f"{text} {password}".encode()).hexdigest()
    return udp(source, port, destination, 3740, f"{text} {digest}".encode())


def ayiya_beat(source, port, destination, identity, password, epoch=None):
    """Operation 0, next header 59, no payload."""
    head = struct.pack("!4sI16s", bytes.fromhex("4152103b"),
                       int(time.time() if epoch is None else epoch) & 0xFFFFFFFF,
                       ipaddress.IPv6Address(identity).packed)  # fmt: skip
    key = hashlib.sha1(password.encode()).digest()
    return udp(source, port, destination, 5072, head + hashlib.sha1(head + key).digest())


def write_capture(path, frames):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for frame in frames:
            out.write(struct.pack("<IIII", int(time.time()), 0, len(frame), len(frame)) + frame)


def read_capture(data):
    """(link type, [(original length, packet)]) of a capture with nanoseconds."""
    magic, _, _, _, _, _, link_type = struct.unpack_from("<IHHiIII", data)
    assert magic == 0xA1B23C4D
    packets = []
    at = 24
    while at < len(data):
        _, _, captured, original = struct.unpack_from("<IIII", data, at)
        packets.append((original, data[at + 16 : at + 16 + captured]))
        at += 16 + captured
    return link_type, packets
