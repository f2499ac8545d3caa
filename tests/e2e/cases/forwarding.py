# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Packets that must arrive: both directions, all sizes, tunnel to tunnel, with the right path seen."""

from simplon_e2e import topology, traffic
from simplon_e2e.registry import case
from simplon_e2e.topology import HOST_IPV6, POP_IPV6, ROUTER_HOST_IPV6, TUNNEL_MTU

ICMP_OVERHEAD = 48  # IPv6 and ICMPv6 echo headers in front of ping's data
TRANSFER_BYTES = 16 << 20
CHANGES = 100


@case("a host reaches the client's ::2 and the client reaches the host")
def _(bed):
    for client in bed.clients:
        traffic.expect_ping(bed.host, client.ipv6)
        traffic.expect_ping(client.namespace, HOST_IPV6)


@case("the default routed /64 and the delegated prefix lead to the client")
def _(bed):
    for client in bed.clients:
        traffic.expect_ping(bed.host, client.routed_ipv6)
        traffic.expect_ping(bed.host, client.delegated_ipv6)
        for source in (client.routed_ipv6, client.delegated_ipv6):
            traffic.expect_ping(client.namespace, HOST_IPV6, source=source)


@case("the PoP answers echo on every tunnel's ::1 and on its own address")
def _(bed):
    client = bed.clients[0]
    traffic.expect_ping(client.namespace, client.pop_ipv6)
    traffic.expect_ping(bed.host, client.pop_ipv6)
    traffic.expect_ping(bed.host, POP_IPV6)
    traffic.expect_ping(client.namespace, POP_IPV6)
    result = client.namespace.run(
        ["ping", "-4", "-n", "-c", "3", "-i", "0.05", topology.POP_IPV4], check=False
    )
    assert traffic.Ping(result.stdout).received == 3, result.stdout


@case("packets of exactly the tunnel's MTU pass, one byte more is answered Packet Too Big")
def _(bed):
    client = bed.clients[0]
    fits = TUNNEL_MTU - ICMP_OVERHEAD
    bed.host.ip("-6 route flush cache")
    traffic.expect_ping(bed.host, client.ipv6, size=fits, whole=True)
    traffic.expect_ping(client.namespace, HOST_IPV6, size=fits, whole=True)
    traffic.expect_no_answer(
        bed.host, client.ipv6, size=fits + 1, options=["-M", "do"],
        saying=f"Packet too big: mtu={TUNNEL_MTU}",
    )  # fmt: skip
    learned = traffic.cached_path_mtu(bed.host, client.ipv6)
    assert learned == TUNNEL_MTU, f"the host's kernel learned a path MTU of {learned}"
    # The sender's kernel now fragments by itself.
    traffic.expect_ping(bed.host, client.ipv6, size=4000)
    traffic.expect_ping(client.namespace, HOST_IPV6, size=4000)


@case("TCP from the host to the client and back carries the content unchanged")
def _(bed):
    client = bed.clients[0]
    traffic.transfer(bed.host, client.namespace, client.ipv6, TRANSFER_BYTES)


@case("TCP from the client to the host and back carries the content unchanged")
def _(bed):
    client = bed.clients[1]
    traffic.transfer(client.namespace, bed.host, HOST_IPV6, TRANSFER_BYTES)


@case("TCP with a host behind the client finds the path MTU in both directions")
def _(bed):
    bed.host.ip("-6 route flush cache")
    bed.network.lan1.ip("-6 route flush cache")
    # Both ends have links of 1500 bytes: the first full segments do not fit the tunnel.
    traffic.transfer(bed.host, bed.network.lan1, bed.network.lan_ipv6, 4 << 20)
    learned = traffic.cached_path_mtu(bed.host, bed.network.lan_ipv6)
    assert learned == TUNNEL_MTU, f"the host's kernel learned a path MTU of {learned}"


@case("tracepath from the host sees the PoP as one hop, and the tunnel's MTU")
def _(bed):
    client = bed.clients[1]
    trace = traffic.tracepath(bed.host, client.ipv6)
    assert trace.mtu == TUNNEL_MTU, trace.output
    assert trace.hops == 3, trace.output
    # Errors about a tunnel come from its ::1 (docs/protocols.md 4.4).
    assert trace.addresses == [ROUTER_HOST_IPV6, client.pop_ipv6, client.ipv6], trace.output


@case("tracepath from the client sees the tunnel's ::1 as first hop, and the tunnel's MTU")
def _(bed):
    client = bed.clients[1]
    trace = traffic.tracepath(client.namespace, HOST_IPV6)
    assert trace.mtu == TUNNEL_MTU, trace.output
    assert trace.hops == 3, trace.output
    assert trace.addresses == [client.pop_ipv6, topology.POP_IPV6_GATEWAY, HOST_IPV6], trace.output


@case("two clients reach each other through the PoP, which counts as one hop")
def _(bed):
    first, second = bed.clients[0], bed.clients[1]
    before = bed.pop.counter("hairpin")
    traffic.expect_ping(first.namespace, second.ipv6)
    traffic.expect_ping(first.namespace, second.delegated_ipv6)
    assert bed.pop.counter("hairpin") - before == 12, "3 + 3 requests and as many replies"
    traffic.transfer(first.namespace, second.namespace, second.ipv6, 4 << 20)
    trace = traffic.tracepath(first.namespace, second.ipv6)
    assert trace.hops == 2 and trace.mtu == TUNNEL_MTU, trace.output


@case("changing tunnels all the time loses no packet of the others")
def _(bed):
    first, third, pop = bed.clients[0], bed.clients[2], bed.pop
    stream = traffic.Stream(bed.host, first.ipv6, bed.directory, interval=0.002)
    before = int(pop.call("StatusService", "GetSnapshot")["active_generation"])
    for _ in range(CHANGES // 2):
        pop.call("TunnelService", "DisableTunnel", {"name": third.name})
        pop.call("TunnelService", "EnableTunnel", {"name": third.name})
    swaps = int(pop.call("StatusService", "GetSnapshot")["active_generation"]) - before
    stream.stop()
    assert swaps == CHANGES, f"{swaps} snapshots for {CHANGES} changes"
    assert stream.lost == 0, f"{stream.lost} of {stream.sent} packets lost over {swaps} swaps"


def exercise(bed):
    """Both directions, full size, tunnel to tunnel, TCP."""
    first, second = bed.clients[0], bed.clients[1]
    for client in bed.clients:
        traffic.expect_ping(bed.host, client.ipv6, size=TUNNEL_MTU - ICMP_OVERHEAD)
        traffic.expect_ping(client.namespace, HOST_IPV6)
    traffic.expect_ping(first.namespace, second.ipv6)
    traffic.transfer(bed.host, first.namespace, first.ipv6, 4 << 20)
    traffic.transfer(second.namespace, bed.host, HOST_IPV6, 4 << 20)
    bed.check_conservation()


@case("tunnels on one port and native IPv6 on another forward as on one", own_bed=True)
def _(make_bed):
    exercise(make_bed(ports=topology.TWO_PORTS))


@case("two workers on two queues share the traffic", ("af_packet",), own_bed=True)
def _(make_bed):
    bed = make_bed(workers=2, clients=8)
    exercise(bed)
    counted = bed.pop.call("CounterService", "GetPopCounters", {"per_worker": True})["counters"]
    received = next(one for one in counted if one["name"] == "rx_packets")["per_worker"]
    assert all(int(count) > 0 for count in received[:2]), f"packets per worker: {received}"
