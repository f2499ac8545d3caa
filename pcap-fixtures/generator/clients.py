# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""What dynamic tunnels, GRE and IPv6 tunnels look like on the wire, as bytes; with the hashes of Python's own
library, so that the expectations owe nothing to the code under test."""

import hashlib
import ipaddress
import struct

from . import frames as f

BEAT_PORT = 3740
AYIYA_PORT = 5072

NOOP, FORWARD, ECHO, ECHO_FORWARD, ECHO_REPLY, MOTD, QUERY, QUERY_REPLY = range(8)
IPV6_IN, IPV4_IN, NOTHING = 41, 4, 59


def is_ipv6(address):
    return ":" in address


# ---- Heartbeat, docs/protocols.md 7.

def beat(identity, epoch, password, sender="sender", end=b"", digest=None):
    """The datagram: text as it is hashed, digest in place of the password."""
    text = f"HEARTBEAT TUNNEL {identity} {sender} {epoch} "
    if digest is None:
        digest = hashlib.md5((text + password).encode("latin-1")).hexdigest()
    return (text + digest).encode("latin-1") + end


# ---- AYIYA, docs/protocols.md 8.

def ayiya(identity, epoch, password, payload=b"", operation=FORWARD, next_header=IPV6_IN, first=0x41, second=0x52,
          authentication=1, signature=None, signed_payload=None):
    """The UDP payload. `signature` and `signed_payload`: for those that are not good."""
    header = struct.pack("!BBBBI", first, second, authentication << 4 | operation, next_header, epoch & 0xffffffff)
    header += ipaddress.IPv6Address(identity).packed
    if signature is None:
        key = hashlib.sha1(password.encode("latin-1")).digest()
        signature = hashlib.sha1(header + key + (payload if signed_payload is None else signed_payload)).digest()
    return header + signature + payload


def usual_client_accepts(message, near, password, now):
    """The checks of AICCU 2007.01.15 on what it receives, in its order."""
    first, second, third, next_header, epoch = struct.unpack_from("!BBBBI", message)
    signed = message[:24] + hashlib.sha1(password.encode("latin-1")).digest() + message[44:]
    return (first == 0x41 and second == 0x52 and third >> 4 == 1 and third & 15 in (FORWARD, ECHO, ECHO_FORWARD) and
            next_header in (IPV6_IN, NOTHING) and message[8:24] == ipaddress.IPv6Address(near).packed and
            abs(epoch - now) <= 120 and message[24:44] == hashlib.sha1(signed).digest() and message[44] >> 4 == 6)


def sha1_continued(digest, length, suffix):
    """SHA-1 of a message whose first `length` bytes, padding included, gave `digest`, and `suffix` behind them: what
    somebody computes who does not know the message."""
    state = list(struct.unpack("!5I", digest))
    total = (length + len(suffix)) * 8
    data = suffix + b"\x80" + bytes((55 - length - len(suffix)) % 64) + struct.pack("!Q", total)
    for at in range(0, len(data), 64):
        w = list(struct.unpack("!16I", data[at:at + 64]))
        for i in range(16, 80):
            w.append(_rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1))
        a, b, c, d, e = state
        for i in range(80):
            mix, constant = ((b & c | ~b & d, 0x5a827999), (b ^ c ^ d, 0x6ed9eba1), (b & c | b & d | c & d, 0x8f1bbcdc),
                             (b ^ c ^ d, 0xca62c1d6))[i // 20]
            a, b, c, d, e = (_rotate(a, 5) + mix + e + constant + w[i]) & 0xffffffff, a, _rotate(b, 30), c, d
        state = [(x + y) & 0xffffffff for x, y in zip(state, (a, b, c, d, e))]
    return struct.pack("!5I", *state)


def sha1_padding(length):
    """What SHA-1 appends to a message of that length."""
    return b"\x80" + bytes((55 - length) % 64) + struct.pack("!Q", length * 8)


def _rotate(x, n):
    return (x << n | x >> (32 - n)) & 0xffffffff


# ---- UDP in either family.

def udp(source, sport, destination, dport, payload, checksum=None, length=None, **fields):
    """A UDP packet in IPv4 or IPv6, by its addresses. `checksum`: None for a good one."""
    length = 8 + len(payload) if length is None else length
    bare = struct.pack("!HHHH", sport, dport, length, 0) + payload
    if checksum is None:
        if is_ipv6(source):
            checksum = f.in6_chksum(17, f.IPv6(src=source, dst=destination, nh=17, plen=len(bare)), bare)
        else:
            checksum = f.in4_chksum(17, f.IP(src=source, dst=destination, proto=17), bare)
        checksum = checksum or 0xffff
    packet = bare[:6] + struct.pack("!H", checksum) + payload
    return outer(source, destination, packet, 17, **fields)


def outer(source, destination, payload, protocol, **fields):
    """As clients do it: a few hops away, DF set."""
    if is_ipv6(source):
        hop_limit = fields.pop("ttl", 57)
        return f.ipv6(source, destination, payload, protocol, hop_limit, fields.pop("tos", 0), **fields)
    return f.ipv4(source, destination, payload, protocol, **{"ttl": 57, "id": 0, "flags": "DF", **fields})


# ---- GRE, RFC 2784 and 2890.

def gre(packet, key=None, checksum=False, sequence=None, protocol=None, version=0, flags=0, bad_checksum=0, reserved=0):
    """GRE header and packet."""
    if protocol is None:
        protocol = 0x86dd if packet[:1] and packet[0] >> 4 == 6 else 0x0800
    flags |= version | (0x8000 if checksum else 0) | (0x2000 if key is not None else 0)
    flags |= 0x1000 if sequence is not None else 0
    options = b"" if key is None else struct.pack("!I", key)
    options += b"" if sequence is None else struct.pack("!I", sequence)
    head = struct.pack("!HH", flags, protocol)
    if not checksum:
        return head + options + packet
    value = f.ip_checksum(head + bytes(2) + struct.pack("!H", reserved) + options + packet) ^ bad_checksum
    return head + struct.pack("!HH", value, reserved) + options + packet


# ---- IPv6 outside, RFC 2473.

def limit_option(next_header, limit):
    """Destination options with the tunnel encapsulation limit, padded as in RFC 2473 section 5.1."""
    return bytes([next_header, 0, 4, 1, limit, 1, 1, 0])


def in_ipv6(source, destination, packet, hop_limit=64, traffic_class=0, limit=None):
    protocol = 41 if packet[0] >> 4 == 6 else 4
    if limit is None:
        return f.ipv6(source, destination, packet, protocol, hop_limit, traffic_class)
    return f.ipv6(source, destination, limit_option(protocol, limit) + packet, 60, hop_limit, traffic_class)


# ---- IPv4 inside.

def udp4(source, destination, size=100, ttl=64, tos=0, sport=4000, dport=5000, **fields):
    """An IPv4 packet of `size` bytes in all, with UDP."""
    payload = f.pattern(size - 28)
    bare = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    checksum = f.in4_chksum(17, f.IP(src=source, dst=destination, proto=17), bare) or 0xffff
    fields = {"id": 0x1234, **fields}
    return f.ipv4(source, destination, bare[:6] + struct.pack("!H", checksum) + payload, 17, ttl=ttl, tos=tos, **fields)


def error4(kind, code, source, offending, rest=0):
    """An ICMPv4 error (RFC 792): quotes as much as fits into 576 bytes, with precedence 6 (RFC 1812 4.3.2.3, 4.3.2.5)."""
    destination = str(ipaddress.IPv4Address(offending[12:16]))
    return f.icmp4(source, destination, kind, code, rest, offending[:576 - 28], ttl=64, id=0, flags="DF",
                   tos=0xc0)
