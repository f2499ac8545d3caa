# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""The echo requests by which a PoP finds out whether an endpoint is there (docs/protocols.md 10.6), computed from the
seed of simplon-pcap: nobody else could."""

import ipaddress
import struct

from . import frames as f

SEED = 1
PURPOSE = 3
IDENTIFIER = 0x4242
MASK = (1 << 64) - 1


def key_of(seed, purpose):
    """Two halves out of one number, by splitmix64."""
    def mix(x):
        x &= MASK
        x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9 & MASK
        x = (x ^ x >> 27) * 0x94d049bb133111eb & MASK
        return x ^ x >> 31

    golden = 0x9e3779b97f4a7c15
    first = mix(seed + golden * (2 * purpose + 1))
    return first, mix(first + seed + golden * (2 * purpose + 2))


def siphash(key, data):
    """SipHash-2-4 (Aumasson, Bernstein 2012)."""
    v = [key[0] ^ 0x736f6d6570736575, key[1] ^ 0x646f72616e646f6d, key[0] ^ 0x6c7967656e657261,
         key[1] ^ 0x7465646279746573]

    def rotate(x, n):
        return (x << n | x >> (64 - n)) & MASK

    def rounds(count):
        for _ in range(count):
            v[0] = v[0] + v[1] & MASK
            v[1] = rotate(v[1], 13) ^ v[0]
            v[0] = rotate(v[0], 32)
            v[2] = v[2] + v[3] & MASK
            v[3] = rotate(v[3], 16) ^ v[2]
            v[0] = v[0] + v[3] & MASK
            v[3] = rotate(v[3], 21) ^ v[0]
            v[2] = v[2] + v[1] & MASK
            v[1] = rotate(v[1], 17) ^ v[2]
            v[2] = rotate(v[2], 32)

    data += bytes(-(len(data) + 1) % 8) + bytes([len(data) & 0xff])
    for (word,) in struct.iter_unpack("<Q", data):
        v[3] ^= word
        rounds(2)
        v[0] ^= word
    v[2] ^= 0xff
    rounds(4)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def probe(tunnel, place, sent_ns, sequence):
    """The echo request to the client."""
    address = ipaddress.ip_address(place.address)
    packed = address.packed if address.version == 6 else bytes(10) + b"\xff\xff" + address.packed
    tagged = struct.pack("<Q16sIHHBB6x", sent_ns, packed, tunnel.slot, place.port, sequence, 0, 1 if place.port else 0)
    data = struct.pack("!QQ", sent_ns, siphash(key_of(SEED, PURPOSE), tagged))
    return f.icmp6(tunnel.near, tunnel.client, 128, 0, IDENTIFIER << 16 | sequence, data)


assert siphash((0x0706050403020100, 0x0f0e0d0c0b0a0908), bytes(range(15))) == 0xa129ca6149be45e5
