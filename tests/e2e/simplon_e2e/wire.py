# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Beats and AYIYA datagrams, made and judged as the usual client does (docs/protocols.md §7, §8).

Written from the specification, not from the PoP's code: what both agree on is the wire.
"""

import hashlib
import hmac
import socket
import struct
import time

BEAT_PORT = 3740
AYIYA_PORT = 5072
AYIYA_HEADER_BYTES = 44
SIGNATURE = slice(24, 44)
NOOP, FORWARD, ECHO_REQUEST, ECHO_REQUEST_FORWARD, ECHO_RESPONSE = range(5)
NEXT_IPV4, NEXT_IPV6, NEXT_NONE = 4, 41, 59
CLOCK_SECONDS = 120


def beat(identity, password, epoch=None, sender="sender"):
    """The datagram of one heartbeat."""
    text = f"HEARTBEAT TUNNEL {identity} {sender} {int(time.time()) if epoch is None else epoch} "
    return (text + hashlib.md5((text + password).encode()).hexdigest()).encode()


def ayiya(identity, password, payload=b"", operation=FORWARD, next_header=None, epoch=None):
    """One signed AYIYA datagram; `identity` is text."""
    if next_header is None:
        next_header = NEXT_NONE if not payload else NEXT_IPV6 if payload[0] >> 4 == 6 else NEXT_IPV4
    head = bytes([0x41, 0x52, 0x10 | operation, next_header])
    head += struct.pack("!I", (int(time.time()) if epoch is None else epoch) & 0xFFFFFFFF)
    head += socket.inet_pton(socket.AF_INET6, identity)
    key = hashlib.sha1(password.encode()).digest()
    return head + hashlib.sha1(head + key + payload).digest() + payload


class Refused(Exception):
    """The usual client would not take the datagram."""


def open_ayiya(datagram, pop_identity, password, now=None):
    """The checks of AICCU, in its order; returns (operation, next header, payload)."""
    if len(datagram) < AYIYA_HEADER_BYTES:
        raise Refused("short")
    operation, next_header = datagram[2] & 0x0F, datagram[3]
    if datagram[0] != 0x41 or datagram[1] != 0x52 or datagram[2] >> 4 != 1:
        raise Refused("fixed fields")
    if next_header not in (NEXT_IPV6, NEXT_NONE, NEXT_IPV4):
        raise Refused("next header")
    if operation not in (FORWARD, ECHO_REQUEST, ECHO_REQUEST_FORWARD):
        raise Refused(f"operation {operation}")
    if datagram[8:24] != socket.inet_pton(socket.AF_INET6, pop_identity):
        raise Refused("identity is not the PoP's")
    epoch = struct.unpack_from("!I", datagram, 4)[0]
    if abs((int(time.time()) if now is None else now) - epoch) > CLOCK_SECONDS:
        raise Refused("clock")
    key = hashlib.sha1(password.encode()).digest()
    payload = datagram[AYIYA_HEADER_BYTES:]
    expected = hashlib.sha1(datagram[:24] + key + payload).digest()
    if not hmac.compare_digest(expected, datagram[SIGNATURE]):
        raise Refused("signature")
    return operation, next_header, payload
