# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Packets as bytes. scapy fills in lengths and checksums, so that the expectations owe nothing to
the code under test."""

import logging
import struct

logging.getLogger("scapy").setLevel(logging.ERROR)
# pylint: disable=wrong-import-position
from scapy.config import conf  # noqa: E402

conf.verb = 0
conf.ipv6_enabled = True
from scapy.layers.inet import ICMP, IP, TCP, UDP, in4_chksum  # noqa: E402,F401
from scapy.layers.inet6 import (  # noqa: E402,F401
    ICMPv6EchoReply, ICMPv6EchoRequest, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting, PadN, in6_chksum)
from scapy.layers.l2 import ARP, Dot1Q, Ether  # noqa: E402,F401
from scapy.packet import Raw  # noqa: E402
from scapy.utils import checksum as ip_checksum  # noqa: E402

NATIVE = "2001:db8:aaaa::1"  # a host on the native Internet


def pattern(size):
    """`size` bytes that are not all alike."""
    return bytes(i * 7 + 3 & 0xff for i in range(size))


def ipv6(source, destination, payload=b"", next_header=59, hop_limit=64, traffic_class=0, flow=0):
    """An IPv6 packet around bytes."""
    return bytes(IPv6(src=source, dst=destination, nh=next_header, hlim=hop_limit, tc=traffic_class, fl=flow,
                      plen=len(payload))) + bytes(payload)


def udp6(source, destination, size=100, hop_limit=64, traffic_class=0, flow=0, sport=4000, dport=5000):
    """An IPv6 packet of `size` bytes in all, with UDP."""
    packet = IPv6(src=source, dst=destination, hlim=hop_limit, tc=traffic_class, fl=flow)
    return bytes(packet / UDP(sport=sport, dport=dport) / Raw(pattern(size - 48)))


def tcp6(source, destination, hop_limit=64, flags="S"):
    packet = IPv6(src=source, dst=destination, hlim=hop_limit)
    return bytes(packet / TCP(sport=4000, dport=80, seq=1, flags=flags))


def icmp6(source, destination, kind, code=0, rest=0, data=b"", hop_limit=64, checksum=None):
    """An ICMPv6 message; `rest` is the word behind the checksum."""
    message = struct.pack("!BBHI", kind, code, 0, rest) + bytes(data)
    return icmp6_raw(source, destination, message, hop_limit, checksum)


def icmp6_raw(source, destination, message, hop_limit=64, checksum=None):
    header = IPv6(src=source, dst=destination, nh=58, hlim=hop_limit, plen=len(message))
    if checksum is None:
        checksum = in6_chksum(58, header, message)
    if len(message) >= 4:
        message = message[:2] + struct.pack("!H", checksum) + message[4:]
    return bytes(header) + message


def echo6(source, destination, size=104, ident=0x4242, sequence=1, hop_limit=64, checksum=None):
    """An echo request of `size` bytes in all."""
    return icmp6(source, destination, 128, 0, ident << 16 | sequence, pattern(size - 48), hop_limit, checksum)


def echo6_reply(request):
    """What RFC 4443 4.2 makes of a request: addresses exchanged, the same data, hop limit 64."""
    parsed = IPv6(request)
    return icmp6(parsed.dst, parsed.src, 129, 0, int.from_bytes(request[44:48], "big"), request[48:])


def error6(kind, code, source, offending, argument=0):
    """An ICMPv6 error of RFC 4443: as much of the offending packet as fits into 1280 bytes."""
    return icmp6(source, IPv6(offending).src, kind, code, argument, offending[:1280 - 48])


def neighbor_solicitation(source, destination, target, options=b"", hop_limit=255, code=0, checksum=None):
    return icmp6(source, destination, 135, code, 0, address6(target) + options, hop_limit, checksum)


def neighbor_advertisement(source, destination, target, flags, options=b"", hop_limit=255):
    return icmp6(source, destination, 136, 0, flags, address6(target) + options, hop_limit)


def link_layer_option(kind, mac):
    return bytes([kind, 1]) + mac_bytes(mac)


def address6(text):
    return bytes(IPv6(dst=text))[24:40]


def solicited_node(text):
    return "ff02::1:ff" + "{:02x}:{:02x}{:02x}".format(*address6(text)[13:])


def mac_bytes(text):
    return bytes(int(part, 16) for part in text.split(":"))


def hop(packet):
    """The packet with its hop limit one less."""
    return packet[:7] + bytes([packet[7] - 1]) + packet[8:]


def hop4(packet):
    """The same for IPv4, with the checksum to go with it."""
    return with_header4(packet, ttl=packet[8] - 1)


def with_header4(packet, **changes):
    """An IPv4 packet with another `ttl` or `tos`."""
    size = (packet[0] & 15) * 4
    header = bytearray(packet[:size])
    for name, value in changes.items():
        header[{"ttl": 8, "tos": 1}[name]] = value
    header[10:12] = b"\0\0"
    header[10:12] = struct.pack("!H", ip_checksum(bytes(header)))
    return bytes(header) + packet[size:]


def with_traffic_class(packet, value):
    first = int.from_bytes(packet[:4], "big") & 0xf00fffff | value << 20
    return first.to_bytes(4, "big") + packet[4:]


def ipv4(source, destination, payload, protocol=41, **fields):
    """An IPv4 packet; scapy fills in what `fields` leave out. Options are bytes."""
    options = fields.pop("raw_options", b"")
    header = IP(src=source, dst=destination, proto=protocol, **fields)
    if "ihl" not in fields:
        header.ihl = 5 + len(options) // 4
    if "len" not in fields:
        header.len = 20 + len(options) + len(payload)
    bytes_ = bytearray(bytes(header)[:20] + options)
    if "chksum" not in fields:
        bytes_[10:12] = b"\0\0"
        bytes_[10:12] = struct.pack("!H", ip_checksum(bytes(bytes_)))
    return bytes(bytes_) + payload


def icmp4(source, destination, kind, code=0, rest=0, data=b"", checksum=None, **fields):
    message = struct.pack("!BBHI", kind, code, 0, rest) + data
    value = ip_checksum(message) if checksum is None else checksum
    return ipv4(source, destination, message[:2] + struct.pack("!H", value) + message[4:], 1, **fields)


def fragments(packet, *cuts):
    """An IPv4 packet in pieces cut at these payload offsets (multiples of 8)."""
    header, payload = packet[:20], packet[20:]
    parsed = IP(header)
    edges = [0, *cuts, len(payload)]
    return [
        ipv4(parsed.src, parsed.dst, payload[start:end], parsed.proto, id=parsed.id, ttl=parsed.ttl, tos=parsed.tos,
             frag=start // 8, flags="MF" if end < len(payload) else 0)
        for start, end in zip(edges, edges[1:])
    ]


def ethernet(destination, source, packet, vlan=0):
    """A frame around an IP packet, or a scapy ARP."""
    if isinstance(packet, ARP):
        return ethernet_of(destination, source, 0x0806, bytes(packet), vlan)
    return ethernet_of(destination, source, 0x0800 if packet[0] >> 4 == 4 else 0x86dd, packet, vlan)


def ethernet_of(destination, source, kind, payload, vlan=0):
    tag = struct.pack("!HH", 0x8100, vlan) if vlan else b""
    return mac_bytes(destination) + mac_bytes(source) + tag + struct.pack("!H", kind) + payload
