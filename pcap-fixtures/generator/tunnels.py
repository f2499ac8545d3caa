# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""The tunnels of the golden cases. The configuration files are written from the same table."""

import dataclasses

from .addresses import Addresses

LINK = "2001:db8:ff"  # link pool 2001:db8:ff::/49; the routed pool is the other half of the /48
POP_ADDRESS = "2001:db8:ff:ffff::1"


@dataclasses.dataclass(frozen=True)
class Tunnel(Addresses):
    pool = LINK

    id: int
    remote: str
    local: str = "192.0.2.1"
    mtu: int = 0
    static: bool = False
    ttl: int = 0
    ecn_normal: bool = False
    uniform: bool = False
    dscp: int = 0
    enabled: bool = True
    delegated: tuple = ()

    @property
    def slot(self):
        return self.id

    def text(self):
        """The tunnel in the configuration's text format."""
        lines = [f"id: {self.id} slot: {self.slot} type: PROTO41 remote: \"{self.remote}\""]
        if not self.enabled:
            lines.append("admin_state: DISABLED")
        if self.local != "192.0.2.1":
            lines.append(f'local: "{self.local}"')
        if self.mtu:
            lines.append(f"mtu: {self.mtu}")
        if self.static:
            lines.append("mtu_mode: STATIC")
        if self.ttl:
            lines.append(f"ttl: {self.ttl}")
        if self.ecn_normal:
            lines.append("ecn_mode: NORMAL")
        if self.uniform:
            lines.append("dscp_mode: UNIFORM")
        if self.dscp:
            lines.append(f"dscp: {self.dscp}")
        for prefix in self.delegated:
            lines.append(f'delegated_prefixes: "{prefix}"')
        return "tunnels {\n" + "".join(f"  {line}\n" for line in lines) + "}\n"


T1 = Tunnel(1, "198.51.100.10", delegated=("2001:db8:1000::/48", "2001:db8:2000:100::/56", "2001:db8:2000:1000::/54"))
T2 = Tunnel(2, "198.51.100.20", ecn_normal=True, delegated=("2001:db8:1001::/48",))
T3 = Tunnel(3, "198.51.100.30", static=True)
T4 = Tunnel(4, "198.51.100.40", enabled=False, delegated=("2001:db8:1004::/48",))
T5 = Tunnel(5, "198.51.100.50", local="192.0.2.2", ttl=33, dscp=46)
T6 = Tunnel(6, "198.51.100.60", ecn_normal=True, uniform=True)
T7 = Tunnel(7, "198.51.100.70", mtu=1280)
T8 = Tunnel(8, "198.51.100.80")
T9 = Tunnel(9, "198.51.100.80")  # behind the same address as T8
T10 = Tunnel(10, "198.51.100.100", mtu=1400, static=True)

ALL = (T1, T2, T3, T4, T5, T6, T7, T8, T9, T10)
