# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Either process may die at any moment: kill -9 in traffic and in the middle of changes."""

import random
import time

from simplon_e2e import config, traffic
from simplon_e2e.registry import case
from simplon_e2e.topology import HOST_IPV6

FILLER = 2000


@case("after kill -9 of both, the dataplane alone forwards again from its state, counters go on")
def _(bed):
    client, pop = bed.clients[0], bed.pop
    traffic.expect_ping(bed.host, client.ipv6, count=20, interval=0.01)
    before = pop.tunnel_counters(client)
    stream = traffic.Stream(bed.host, client.ipv6, bed.directory)
    time.sleep(0.5)
    pop.control.kill()
    pop.dataplane.kill()
    pop.start_dataplane()
    traffic.wait_for_ping(bed.host, client.ipv6)
    traffic.expect_ping(client.namespace, HOST_IPV6)
    stream.stop()
    print(f"      longest gap in traffic over kill -9 and restart: {stream.longest_gap:.2f} s")
    pop.start_control()
    after = pop.tunnel_counters(client)
    for name, value in before.items():
        assert after[name] >= value, f"{name} went back from {value} to {after[name]}"
    assert after["out_packets"] >= before["out_packets"] + stream.received, (before, after)


@case("kill -9 of the dataplane alone: control connects again and changes take effect")
def _(bed):
    client, pop = bed.clients[1], bed.pop
    before = pop.tunnel_counters(client)
    pop.dataplane.kill()
    pop.start_dataplane()
    traffic.wait_for_ping(bed.host, client.ipv6)
    pop.wait_for_dataplane()
    pop.cli("tunnel", "disable", f"T{client.tunnel_id}")
    traffic.expect_no_answer(bed.host, client.ipv6, saying="Administratively prohibited")
    pop.cli("tunnel", "enable", f"T{client.tunnel_id}")
    traffic.expect_ping(bed.host, client.ipv6)
    after = pop.tunnel_counters(client)
    for name, value in before.items():
        assert after[name] >= value, f"{name} went back from {value} to {after[name]}"


@case("kill -9 of control loses no packet and no acknowledged change")
def _(bed):
    client, pop = bed.clients[0], bed.pop
    stream = traffic.Stream(bed.host, client.ipv6, bed.directory)
    time.sleep(0.3)
    revision = pop.revision()
    pop.cli("tunnel", "update", f"T{client.tunnel_id}", "--description", "acknowledged")
    pop.control.kill()
    time.sleep(0.3)
    pop.start_control()
    stream.stop()
    assert stream.lost == 0, f"{stream.lost} of {stream.sent} packets lost"
    assert pop.revision() == revision + 1
    assert pop.tunnel(client)["description"] == "acknowledged"
    pop.cli("tunnel", "update", f"T{client.tunnel_id}", "--description", "")


@case("kill -9 of control in the middle of Apply leaves the old or the new configuration, whole")
def _(bed):
    client, pop = bed.clients[0], bed.pop
    small = config.whole(bed.network)
    large = config.whole(bed.network, filler=FILLER)
    pop.apply(small)
    stream = traffic.Stream(bed.host, client.ipv6, bed.directory)
    outcomes = {"old": 0, "new": 0, "acknowledged": 0}
    base, grown = len(bed.clients), len(bed.clients) + FILLER
    for _ in range(8):
        target = grown if pop.tunnel_count() == base else base
        apply = pop.start_apply(large if target == grown else small)
        time.sleep(random.uniform(0.0, 0.25))
        pop.control.kill()
        acknowledged = apply.wait(20) == 0
        pop.start_control()
        count = pop.tunnel_count()
        assert count in (base, grown), f"{count} tunnels: neither {base} nor {grown}"
        assert not acknowledged or count == target, "an acknowledged Apply was lost"
        outcomes["new" if count == target else "old"] += 1
        outcomes["acknowledged"] += acknowledged
    stream.stop()
    print(f"      8 kills: {outcomes}")
    pop.apply(small)
    assert stream.lost == 0, f"{stream.lost} of {stream.sent} packets lost"


@case("the dataplane takes over a socket left by kill -9, and starts without any control")
def _(bed):
    pop = bed.pop
    pop.stop()
    pop.start_dataplane()
    pop.dataplane.kill()
    pop.start()
    traffic.wait_for_ping(bed.host, bed.clients[0].ipv6)
