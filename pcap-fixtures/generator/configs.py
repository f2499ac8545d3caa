# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""The configurations the golden cases share, one per topology or setting."""

import dataclasses
import os

from . import dynamic_tunnels, tunnels

POOLS = """\
pools { name: "link" kind: LINK prefix: "2001:db8:ff::/49" }
pools { name: "routed" kind: ROUTED prefix: "2001:db8:ff:8000::/49" }
pools { name: "large" kind: DELEGATED prefix: "2001:db8:1000::/44" unit_length: 48 }
pools { name: "small" kind: DELEGATED prefix: "2001:db8:2000::/48" unit_length: 56 }
"""

IPV4 = 'ipv4_address: "192.0.2.1/24" ipv4_gateway: "192.0.2.254"'
IPV6 = 'ipv6_address: "2001:db8:ffff::1/64" ipv6_gateway: "2001:db8:ffff::fe"'


def pop(*interfaces, settings=(), own=tunnels.POP_ADDRESS):
    lines = ['name: "golden"', *(f"interfaces {{ {i} }}" for i in interfaces),
             'ipv4_addresses: "192.0.2.2"',
             "# In the last unit of the routed pool, as in the original address plan.",
             f'ipv6_address: "{own}"', *settings]
    return "pop {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


CONFIGS = {
    "one-port": ("The usual PoP of the golden cases: one port, both families on it.",
                 pop(f'port: "wan0" {IPV4} {IPV6}')),
    "two-ports": ("IPv4 on one port, IPv6 on another.",
                  pop(f'port: "wan4" {IPV4}', f'port: "wan6" {IPV6}')),
    "vlans": ("One port, a VLAN for each family.",
              pop(f'port: "wan0" vlan: 100 {IPV4}', f'port: "wan0" vlan: 200 {IPV6}')),
    "narrow": ("An uplink that carries no more than the smallest IPv6 packet.",
               pop(f'port: "wan0" mtu: 1280 {IPV4} {IPV6}')),
    "narrow-native": ("A native side with a smaller MTU than the tunnels have.",
                      pop(f'port: "wan4" {IPV4}', f'port: "wan6" mtu: 1400 {IPV6}')),
    "jumbo": ("A native side with jumbo frames.",
              pop(f'port: "wan4" {IPV4}', f'port: "wan6" mtu: 9000 {IPV6}')),
    "talkative": ("Everything on that is silent by default, and ICMPv4 echo off.",
                  pop(f'port: "wan0" {IPV4} {IPV6}',
                      settings=("icmpv4_protocol_unreachable: true", "icmpv6_source_policy: true",
                                "ignore_icmpv4_echo: true"))),
    "few-errors": ("A low limit for ICMP errors.",
                   pop(f'port: "wan0" {IPV4} {IPV6}',
                       settings=("icmp_errors_per_second: 10", "icmp_errors_per_second_per_tunnel: 2"))),
}


def dynamic(*settings, interfaces=(f'port: "wan0" {IPV4} {IPV6}',), pools=dynamic_tunnels.POOLS):
    return pop(*interfaces, settings=(*dynamic_tunnels.SETTINGS, *settings),
               own=f"{dynamic_tunnels.LINK}:ffff::1") + pools


# Those of the cases about learned endpoints and the encapsulations that came with them.
DYNAMIC = {
    "dynamic": ("Tunnels of every kind on one port.", dynamic(), dynamic_tunnels.ALL),
    "dynamic-private": ("A laboratory: private addresses may be endpoints, AYIYA has UDP checksums.",
                        dynamic("allow_private_endpoints: true", "ayiya_udp_checksum: true"), dynamic_tunnels.ALL),
    "dynamic-two-ports": ("IPv4 on one port, IPv6 on another.",
                          dynamic(interfaces=(f'port: "wan4" {IPV4}', f'port: "wan6" {IPV6}')), dynamic_tunnels.ALL),
    "crowd": ("A thousand AYIYA tunnels.", dynamic(), dynamic_tunnels.CROWD),
}


# The laboratory in which ../captures were made: client and native host on the PoP's own links.
CAPTURES = """\
pop {
  name: "laboratory"
  interfaces { port: "wan4" ipv4_address: "198.51.100.1/24" }
  interfaces { port: "wan6" ipv6_address: "2001:db8:ffff::1/64" }
  ipv6_address: "2001:db8:2ff:ffff::1"
}
pools { name: "link" kind: LINK prefix: "2001:db8:2ff::/49" }
pools { name: "routed" kind: ROUTED prefix: "2001:db8:2ff:8000::/49" }
"""
CAPTURED = (dynamic_tunnels.T4141, dynamic_tunnels.T5072, dynamic_tunnels.T3740)


def write(directory):
    os.makedirs(directory, exist_ok=True)
    for name, (comment, settings) in CONFIGS.items():
        with open(os.path.join(directory, f"{name}.txtpb"), "w", encoding="utf-8") as out:
            out.write(f"# {comment} Written by ../generate.py.\n")
            # A configured MTU may not exceed what the link carries.
            automatic = {"mtu": 0} if name == "narrow" else {}
            out.write(settings + POOLS + "".join(dataclasses.replace(t, **automatic).text() for t in tunnels.ALL))
    for name, (comment, settings, members) in DYNAMIC.items():
        with open(os.path.join(directory, f"{name}.txtpb"), "w", encoding="utf-8") as out:
            out.write(f"# {comment} Written by ../generate.py.\n" + settings + "".join(t.text() for t in members))
    with open(os.path.join(directory, "captures.txtpb"), "w", encoding="utf-8") as out:
        out.write("# The laboratory in which ../captures were made. Written by ../generate.py.\n" + CAPTURES +
                  "".join(t.text() for t in CAPTURED))
