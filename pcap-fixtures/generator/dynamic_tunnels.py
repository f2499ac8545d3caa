# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""The tunnels of the cases about endpoints that are learned, GRE, IPv6 outside and IPv4 inside; the configuration files
are written from the same table."""

import dataclasses

from .addresses import Addresses

LINK = "2001:db8:2ff"  # as in the published test vectors
P4, P4B = "192.0.2.1", "192.0.2.2"
P6, P6B = "2001:db8:ffff::1", "2001:db8:ffff::2"
OTHER_POP = "203.0.113.250"
OTHER_POP6 = "2001:db8:dddd::1"


@dataclasses.dataclass(frozen=True)
class Tunnel(Addresses):
    pool = LINK

    id: int
    kind: str
    password: str = ""
    previous: str = ""
    remote: str = ""
    local: str = P4
    mtu: int = 0
    static: bool = False
    ttl: int = 0
    ecn_normal: bool = False
    uniform: bool = False
    dscp: int = 0
    enabled: bool = True
    delegated: tuple = ()
    ipv4: tuple = ()
    timeout: int = 0
    strict: bool = False
    gre_key: int = None
    gre_checksum: bool = False
    gre_sequence: bool = False
    limit: int = 0
    at: int = None  # the slot, where it is not the number

    @property
    def slot(self):
        return self.id if self.at is None else self.at

    @property
    def dynamic(self):
        return self.kind in ("HEARTBEAT", "AYIYA", "DYNAMIC_ENDPOINT")

    def text(self):
        """The tunnel in the configuration's text format."""
        lines = [f"id: {self.id} slot: {self.slot} type: {self.kind}"]
        if self.remote:
            lines[0] += f' remote: "{self.remote}"'
        if self.local not in (P4, P6, "198.51.100.1"):
            lines.append(f'local: "{self.local}"')
        if not self.enabled:
            lines.append("admin_state: DISABLED")
        for name, value in (("password", self.password), ("previous_password", self.previous)):
            if value:
                lines.append(f'{name}: "{value}"')
        for name, value in (("mtu", self.mtu), ("ttl", self.ttl), ("dscp", self.dscp),
                            ("beat_timeout_seconds", self.timeout), ("encapsulation_limit", self.limit)):
            if value:
                lines.append(f"{name}: {value}")
        if self.gre_key is not None:
            lines.append(f"gre_key: {self.gre_key}")
        for name, value in (("gre_checksum: true", self.gre_checksum), ("gre_sequence: true", self.gre_sequence),
                            ("mtu_mode: STATIC", self.static), ("ecn_mode: NORMAL", self.ecn_normal),
                            ("dscp_mode: UNIFORM", self.uniform), ("replay_mode: STRICT", self.strict)):
            if value:
                lines.append(name)
        lines += [f'delegated_prefixes: "{p}"' for p in self.delegated] + [f'ipv4_prefixes: "{p}"' for p in self.ipv4]
        return "tunnels {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


def made_up_password(number):
    return f"golden-password-{number:04d}"


# The first two as in the published test vectors.
A1 = Tunnel(1, "AYIYA", "f3d47c2de40fb698e1ab15d757a09bfc", delegated=("2001:db8:3001::/48",))
H2 = Tunnel(2, "HEARTBEAT", "91915d757a09bfc94d5028832d85cc0d", delegated=("2001:db8:3002::/48",))
D3 = Tunnel(3, "DYNAMIC_ENDPOINT", made_up_password(3))
H4 = Tunnel(4, "HEARTBEAT", made_up_password(4), enabled=False)
A5 = Tunnel(5, "AYIYA", made_up_password(5), enabled=False)
S6 = Tunnel(6, "PROTO41", remote="198.51.100.60", delegated=("2001:db8:3006::/48",))
G7 = Tunnel(7, "GRE", remote="198.51.100.70", delegated=("2001:db8:3007::/48",))
G8 = Tunnel(8, "GRE", remote="198.51.100.80", gre_key=0xdecade, gre_checksum=True, gre_sequence=True)
G9 = Tunnel(9, "GRE", remote="2001:db8:9::1", local=P6)
S10 = Tunnel(10, "IPV6_TUNNEL", remote="2001:db8:10::1", local=P6, delegated=("2001:db8:300a::/48",),
             ipv4=("10.128.10.0/24",))
S11 = Tunnel(11, "IPV6_TUNNEL", remote="2001:db8:11::1", local=P6B, limit=4, ipv4=("10.128.11.0/24",))
A12 = Tunnel(12, "AYIYA", made_up_password(12), made_up_password(1012))
H13 = Tunnel(13, "HEARTBEAT", made_up_password(13), made_up_password(1013))
A14 = Tunnel(14, "AYIYA", made_up_password(14), strict=True)
A15 = Tunnel(15, "AYIYA", made_up_password(15), ecn_normal=True, uniform=True)
G16 = Tunnel(16, "GRE", remote="198.51.100.160", ecn_normal=True, uniform=True)
H17 = Tunnel(17, "HEARTBEAT", made_up_password(17), mtu=1280, timeout=10)
D18 = Tunnel(18, "DYNAMIC_ENDPOINT", made_up_password(18), ipv4=("10.128.18.0/24",))
A19 = Tunnel(19, "AYIYA", made_up_password(19), ipv4=("10.128.19.0/24",))
G20 = Tunnel(20, "GRE", remote="198.51.100.200", ipv4=("10.128.20.0/24", "10.128.22.0/23"))
A21 = Tunnel(21, "AYIYA", made_up_password(21), static=True, ttl=33, dscp=46)
H22 = Tunnel(22, "HEARTBEAT", made_up_password(22), static=True, ttl=44, ecn_normal=True)
S23 = Tunnel(23, "IPV6_TUNNEL", remote="2001:db8:23::1", local=P6, ecn_normal=True, uniform=True, ttl=55)
# From here on the routed IPv4 pool gives each slot an address: A24 10.64.0.0, G25 10.64.0.1...
A24 = Tunnel(24, "AYIYA", made_up_password(24))
G25 = Tunnel(25, "GRE", remote="198.51.100.250", mtu=1400)
A26 = Tunnel(26, "AYIYA", made_up_password(26), mtu=1400)
G27 = Tunnel(27, "GRE", remote="198.51.100.27", enabled=False)

ALL = (A1, H2, D3, H4, A5, S6, G7, G8, G9, S10, S11, A12, H13, A14, A15, G16, H17, D18, A19, G20, A21, H22, S23, A24,
       G25, A26, G27)

# A thousand behind one address.
CROWD = tuple(Tunnel(n, "AYIYA", made_up_password(n)) for n in range(1, 1001))

# Those of ../captures.
T4141 = Tunnel(4141, "PROTO41", remote="198.51.100.2", local="198.51.100.1", at=0)
T5072 = Tunnel(5072, "AYIYA", "f3d47c2de40fb698e1ab15d757a09bfc", local="198.51.100.1", at=1)
T3740 = Tunnel(3740, "HEARTBEAT", "91915d757a09bfc94d5028832d85cc0d", local="198.51.100.1", at=2)

POOLS = f"""\
pools {{ name: "link" kind: LINK prefix: "{LINK}::/49" }}
pools {{ name: "routed" kind: ROUTED prefix: "{LINK}:8000::/49" }}
pools {{ name: "large" kind: DELEGATED prefix: "2001:db8:3000::/44" unit_length: 48 }}
pools {{ name: "four" kind: DELEGATED prefix: "10.128.0.0/16" unit_length: 24 }}
pools {{ name: "four-routed" kind: ROUTED prefix: "10.64.0.0/29" first_slot: 24 }}
"""
SETTINGS = (f'ipv6_addresses: "{P6B}"', f'other_pop_addresses: "{OTHER_POP}"', f'other_pop_addresses: "{OTHER_POP6}"')
