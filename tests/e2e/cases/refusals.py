# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Packets that must not arrive: each is dropped under its name, and the sender told where it is owed."""

from simplon_e2e import craft, topology, traffic
from simplon_e2e.registry import case
from simplon_e2e.topology import HOST_IPV6

ADMINISTRATIVELY_PROHIBITED = "Administratively prohibited"
ADDRESS_UNREACHABLE = "Address unreachable"
COUNT = 5


class Drops:
    """Counts how many packets each drop reason gained while the block ran."""

    def __init__(self, pop):
        self.pop = pop

    def __enter__(self):
        self.before = self.pop.drops()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            after = self.pop.drops()
            self.gained = {
                reason: count - self.before.get(reason, 0)
                for reason, count in after.items()
                if count != self.before.get(reason, 0)
            }

    def expect(self, **reasons):
        wanted = {name.replace("_", "-"): count for name, count in reasons.items()}
        for name, count in wanted.items():
            assert self.gained.get(name, 0) == count, f"expected {wanted}, dropped {self.gained}"


@case("an inner source that belongs to another tunnel is dropped and counted")
def _(bed):
    thief, victim = bed.clients[0], bed.clients[1]
    out_before = bed.pop.tunnel_counters(victim)
    with Drops(bed.pop) as drops:
        craft.send_6in4(thief, [craft.echo_request(victim.ipv6, HOST_IPV6)] * COUNT)
        bed.pop.wait_for_rest()
    drops.expect(outer_source_mismatch=COUNT)
    assert bed.pop.tunnel_counters(victim) == out_before, "the victim's counters moved"


@case("an inner source outside every pool is dropped and counted")
def _(bed):
    with Drops(bed.pop) as drops:
        craft.send_6in4(bed.clients[0], [craft.echo_request(HOST_IPV6, HOST_IPV6)] * COUNT)
        craft.send_6in4(bed.clients[0], [craft.echo_request("2001:4860::1", HOST_IPV6)] * COUNT)
        bed.pop.wait_for_rest()
    drops.expect(inner_source_not_delegated=2 * COUNT)


@case("a tunnel's source address arriving from the uplink is dropped and counted")
def _(bed):
    client = bed.clients[0]
    with Drops(bed.pop) as drops:
        spoofed = craft.echo_request(client.ipv6, bed.clients[1].ipv6)
        craft.send_ipv6(bed.network.router, bed.network.ipv6_port, [spoofed] * COUNT)
        bed.pop.wait_for_rest()
    drops.expect(tunnel_source_from_uplink=COUNT)


@case("proto-41 from a stranger is dropped without an answer")
def _(bed):
    with Drops(bed.pop) as drops:
        craft.send_6in4_from(
            bed.network.router, topology.POP_IPV4_GATEWAY, topology.POP_IPV4,
            [craft.echo_request(bed.clients[0].ipv6, HOST_IPV6)] * COUNT,
        )  # fmt: skip
        bed.pop.wait_for_rest()
    drops.expect(outer_source_mismatch=COUNT)


@case("an address in a pool that no tunnel has is answered code 3, address unreachable")
def _(bed):
    free = str(topology.unit(topology.LINK_POOL, 900)[2])
    with Drops(bed.pop) as drops:
        traffic.expect_no_answer(bed.host, free, saying=ADDRESS_UNREACHABLE)
    drops.expect(no_such_endpoint=3)


@case("an address in a link prefix that is neither ::1 nor ::2 is answered code 3")
def _(bed):
    neither = str(bed.clients[0].link_prefix[3])
    with Drops(bed.pop) as drops:
        traffic.expect_no_answer(bed.host, neither, saying=ADDRESS_UNREACHABLE)
    drops.expect(destination_not_endpoint=3)


@case("a disabled tunnel is answered code 1, administratively prohibited, until it is enabled")
def _(bed):
    client = bed.clients[2]
    traffic.expect_ping(bed.host, client.ipv6)
    bed.pop.cli("tunnel", "disable", f"T{client.tunnel_id}")
    try:
        with Drops(bed.pop) as drops:
            traffic.expect_no_answer(bed.host, client.ipv6, saying=ADMINISTRATIVELY_PROHIBITED)
            craft.send_6in4(client, [craft.echo_request(client.ipv6, HOST_IPV6)] * COUNT)
            bed.pop.wait_for_rest()
        drops.expect(destination_disabled=3, tunnel_disabled=COUNT)
    finally:
        bed.pop.cli("tunnel", "enable", f"T{client.tunnel_id}")
    traffic.expect_ping(bed.host, client.ipv6)


@case("hop limit 1 into the PoP is answered time exceeded, not forwarded")
def _(bed):
    client = bed.clients[0]
    with Drops(bed.pop) as drops:
        traffic.expect_no_answer(
            bed.host, client.ipv6, options=["-t", "2"], saying="Time exceeded: Hop limit"
        )
    drops.expect(hop_limit_exceeded=3)


@case("a port of the PoP's own addresses is answered port unreachable")
def _(bed):
    client = bed.clients[0]
    for namespace, address in ((client.namespace, client.pop_ipv6), (bed.host, topology.POP_IPV6)):
        error = namespace.call(craft.udp_error, address, 33434)
        assert error == "Connection refused", f"{namespace.name} to {address}: {error}"
