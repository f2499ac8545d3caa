# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""AYIYA of golden cases at another time than theirs: signed anew with the clock of now on the way in; on the way out
the signature is verified and then taken out with the time, so that what is left can be compared. Standard library
only."""

import hashlib
import ipaddress
import re
import struct

AYIYA_PORT = 5072


def passwords(config):
    """Upper half of the link prefix -> SHA-1 of the password, of the tunnels in a generated configuration."""
    with open(config, encoding="utf-8") as source:
        text = source.read()
    link = re.search(r'kind: LINK prefix: "([^"]+)"', text)
    base = int(ipaddress.IPv6Network(link.group(1)).network_address) >> 64 if link else 0
    found = {}
    for block in text.split("tunnels {")[1:]:
        slot, password = re.search(r"slot: (\d+)", block), re.search(r'\n  password: "([^"]+)"', block)
        if slot and password:
            found[(base + int(slot.group(1))).to_bytes(8, "big")] = hashlib.sha1(password.group(1).encode()).digest()
    return found


def ayiya_at(frame, side):
    """Where the AYIYA header of an untagged frame begins, if it has one; `side`: 0 from, 2 to the AYIYA port."""
    if frame[12:14] == b"\x08\x00" and len(frame) > 34 and frame[23] == 17:
        udp = 14 + (frame[14] & 15) * 4
    elif frame[12:14] == b"\x86\xdd" and len(frame) > 54 and frame[20] == 17:
        udp = 54
    else:
        return None
    if len(frame) < udp + 8 + 44 or struct.unpack_from("!H", frame, udp + side)[0] != AYIYA_PORT:
        return None
    return udp + 8


def signature(message, key):
    return hashlib.sha1(message[:24] + key + message[44:]).digest()


def without_checksum(frame, at):
    """The UDP checksum out: over IPv4 there need be none; over IPv6 it would have to be made anew."""
    return frame[:at - 2] + b"\0\0" + frame[at:]


def sign_anew(frame, keys, shift):
    """With the epoch so many seconds later, if the signature was good."""
    at = ayiya_at(frame, 2)
    if at is None or frame[12:14] != b"\x08\x00":
        return frame
    message = frame[at:]
    key = keys.get(message[8:16])
    if key is None or message[24:44] != signature(message, key):
        return frame
    epoch = struct.unpack_from("!I", message, 4)[0] + shift
    message = message[:4] + struct.pack("!I", epoch & 0xffffffff) + message[8:]
    message = message[:24] + signature(message, key) + message[44:]
    return without_checksum(frame[:at] + message, at)


def settle(frame, keys):
    """What the PoP sent, without time and signature; a wrong one stays, and will differ."""
    at = ayiya_at(frame, 0)
    if at is None:
        return frame
    message = frame[at:]
    key = keys.get(message[8:16])
    if key is None or message[24:44] != signature(message, key):
        return frame
    return without_checksum(frame[:at] + message[:4] + bytes(4) + message[8:24] + bytes(20) + message[44:], at)


def is_probe(frame):
    """An echo request of the PoP's own to a client, in whatever it is sent."""
    at = ayiya_at(frame, 0)
    inner = frame[at + 44:] if at else frame[34:] if frame[12:14] == b"\x08\x00" and frame[23:24] == b"\x29" else frame[14:]
    return len(inner) == 64 and inner[6] == 58 and inner[40] == 128 and inner[44:46] == b"\x42\x42" and inner[23] == 1
