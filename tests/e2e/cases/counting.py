# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Counters equal what the hosts sent."""

import json

from simplon_e2e import traffic
from simplon_e2e.registry import case
from simplon_e2e.topology import HOST_IPV6

IPV6_AND_ECHO_BYTES = 48


@case("a tunnel's packets and inner bytes equal what ping sent, both ways, to the byte")
def _(bed):
    client, bystander = bed.clients[2], bed.clients[1]
    before = bed.pop.tunnel_counters(client)
    bystander_before = bed.pop.tunnel_counters(bystander)
    sent = packets = 0
    for size in (0, 56, 1000, 1432):
        traffic.expect_ping(bed.host, client.ipv6, count=10, size=size, interval=0.01)
        traffic.expect_ping(client.namespace, HOST_IPV6, count=10, size=size, interval=0.01)
        packets += 20
        sent += 20 * (size + IPV6_AND_ECHO_BYTES)
    after = bed.pop.tunnel_counters(client)
    gained = {name: after[name] - before[name] for name in after}
    expected = dict(in_packets=packets, in_bytes=sent, out_packets=packets, out_bytes=sent)
    assert gained == expected, f"counted {gained}, hosts sent {expected}"
    assert bed.pop.tunnel_counters(bystander) == bystander_before, "another tunnel's counters moved"


@case("the frames the PoP says it received and sent are those on its link")
def _(bed):
    before = frames_at_rest(bed)
    traffic.expect_ping(bed.host, bed.clients[0].ipv6, count=50, interval=0.01)
    after = frames_at_rest(bed)
    counted, seen = (tuple(new - old for new, old in zip(*pair)) for pair in zip(after, before))
    assert counted == seen, f"PoP counts (rx, tx) {counted}, the link {seen}"


def frames_at_rest(bed):
    """((rx, tx) as the PoP counts, (rx, tx) as the router's end of the link does), of one moment."""
    while True:
        bed.pop.wait_for_rest()
        first = bed.pop.frames()
        link = json.loads(bed.network.router.ip(f"-s -j link show {bed.network.ipv6_port}"))
        if bed.pop.frames() == first:
            counts = link[0]["stats64"]
            return first, (counts["tx"]["packets"], counts["rx"]["packets"])
