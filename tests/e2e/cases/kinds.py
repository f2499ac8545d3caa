# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""GRE and IPv6 tunnels (RFC 2784, 2890, 2473) with a far end of their own."""

import contextlib
import os

from simplon_e2e import traffic
from simplon_e2e.registry import case
from simplon_e2e.topology import HOST_IPV4, HOST_IPV6, POP_IPV4, POP_IPV6, PROGRAMS, PYTHON

PEER = os.path.join(PROGRAMS, "tunpeer.py")
DEVICE = "peer0"


@contextlib.contextmanager
def peer(bed, type_name, mode, local, remote, options=(), mtu=1400, **fields):
    """A tunnel in the home's slot whose far end is the second client's namespace."""
    home, ns = bed.home, bed.clients[1].namespace
    bed.pop.create_tunnel(home, type_name, remote=local, local=remote, **fields)
    process = ns.spawn(
        [PYTHON, PEER, "--device", DEVICE, "--mode", mode, "--local", local, "--remote", remote,
         "--mtu", mtu, *options],
        log_path=bed.network.log_path("peer.log"),
    )  # fmt: skip
    try:
        bed.network.wait_for_link(ns, DEVICE)
        ns.ip(f"-6 address add {home.ipv6}/64 dev {DEVICE} nodad")
        ns.ip(f"-6 rule add from {home.ipv6} table 77")
        ns.ip(f"-6 route add default dev {DEVICE} table 77")
        yield ns
    finally:
        ns.run(["ip", "-6", "rule", "del", "from", home.ipv6, "table", "77"], check=False)
        process.kill()
        bed.pop.delete_tunnel(home)


def expect_traffic(bed, ns, mtu):
    home = bed.home
    traffic.expect_ping(bed.host, home.ipv6, count=10)
    traffic.expect_ping(ns, HOST_IPV6, count=10, source=home.ipv6)
    traffic.expect_ping(bed.host, home.ipv6, size=mtu - 48, whole=True)
    counted = bed.pop.tunnel_counters(home)
    assert counted["in_packets"] >= 20 and counted["out_packets"] >= 20, counted


@case("GRE over IPv4 carries IPv6, plain and with key, checksum and sequence numbers")
def _(bed):
    client = bed.clients[1]
    for options, fields, mtu in (
        ((), {}, 1476),
        (
            ("--key", 4711, "--checksum", "--sequence"),
            {"gre_key": 4711, "gre_checksum": True, "gre_sequence": True},
            1464,
        ),
    ):
        with peer(
            bed, "GRE", "gre", client.ipv4, POP_IPV4, options=options, mtu=mtu, **fields
        ) as ns:
            expect_traffic(bed, ns, mtu)


@case("GRE with another key than the tunnel's is refused and booked")
def _(bed):
    client = bed.clients[1]
    with peer(bed, "GRE", "gre", client.ipv4, POP_IPV4, options=("--key", 1), gre_key=2) as ns:
        traffic.expect_no_answer(ns, HOST_IPV6, options=("-I", bed.home.ipv6))
        assert bed.pop.error_count(bed.home, "gre-key-mismatch") >= 3


@case("GRE over IPv6 and 6in6 carry IPv6, with and without the encapsulation limit")
def _(bed):
    client = bed.clients[1]
    local = bed.network.give_client_ipv6_underlay(client)
    for type_name, mode, options, fields, mtu in (
        ("GRE", "gre", (), {}, 1456),
        ("IPV6_TUNNEL", "ipv6", (), {}, 1460),
        ("IPV6_TUNNEL", "ipv6", ("--limit", 4), {"encapsulation_limit": 4}, 1452),
    ):
        with peer(bed, type_name, mode, local, POP_IPV6, options=options, mtu=mtu, **fields) as ns:
            expect_traffic(bed, ns, mtu)


@case("4in6 carries IPv4 between the tunnel's prefix and the Internet")
def _(bed):
    client = bed.clients[1]
    local = bed.network.give_client_ipv6_underlay(client)
    bed.network.give_host_ipv4()
    pool = {"name": "v4", "kind": "DELEGATED", "prefix": "198.19.0.0/16", "unit_length": 29}
    bed.pop.call("PoolService", "CreatePool", {"pool": pool})
    try:
        with peer(
            bed, "IPV6_TUNNEL", "ipv6", local, POP_IPV6, ipv4_prefixes=["198.19.0.8/29"]
        ) as ns:
            ns.ip(f"address add 198.19.0.9/32 dev {DEVICE}")
            ns.ip(f"route add 198.18.1.0/24 dev {DEVICE} src 198.19.0.9")
            traffic.expect_ipv4_ping(ns, HOST_IPV4)
            traffic.expect_ipv4_ping(bed.host, "198.19.0.9")
    finally:
        bed.pop.call("PoolService", "DeletePool", {"name": "v4"})
