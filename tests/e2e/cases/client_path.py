# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""The data path of simplon-client: each type of tunnel, behind a NAT where that works."""

import contextlib
import socket
import sys
import time

from simplon_e2e import traffic
from simplon_e2e.client_path import DEVICE, ClientPath, statistics
from simplon_e2e.processes import wait_until
from simplon_e2e.registry import case
from simplon_e2e.topology import HOST_IPV6, NAT_IPV4, Client

AYIYA_MTU, SIX_IN_FOUR_MTU = 1428, 1480
ECT0, CE = 2, 3


@contextlib.contextmanager
def tunnel(bed, type_name, **fields):
    """The home's tunnel, for one case."""
    home, pop = bed.home, bed.pop
    home.password = home.PASSWORD
    if type_name != "PROTO41":
        fields["password"] = home.password
    pop.create_tunnel(home, type_name, **fields)
    try:
        yield home
    finally:
        pop.delete_tunnel(home)


@contextlib.contextmanager
def own_tunnel_away(bed, client):
    """The client's own tunnel makes way for the one under test."""
    if bed.network.use_sit:
        client.namespace.ip(f"link del {Client.DEVICE}")
    else:
        client.process.kill()
    try:
        yield
    finally:
        for address in (client.routed_ipv6, client.delegated_ipv6):
            client.namespace.ip(f"-6 address del {address}/128 dev lo")
        client.start_tunnel(bed.network.use_sit)


def exists(namespace):
    return namespace.run(["ip", "link", "show", DEVICE], check=False).returncode == 0


def expect_traffic(bed, ns, address, mtu):
    """Pings of all sizes and TCP, both ways, and none of it refused."""
    bed.host.ip("-6 route flush cache")  # path MTUs of the case before
    traffic.expect_ping(ns, HOST_IPV6, count=10)
    traffic.expect_ping(bed.host, address, count=10)
    traffic.expect_ping(ns, HOST_IPV6, size=mtu - 48, whole=True)
    traffic.expect_ping(bed.host, address, size=mtu - 48, whole=True)
    # The host learns the path's MTU from the first answer, which is lost.
    wait_until(
        lambda: traffic.ping(ns, HOST_IPV6, count=1, size=4000, wait=1).received == 1,
        "the host has learned the tunnel's MTU",
        timeout=15,
    )
    traffic.expect_ping(ns, HOST_IPV6, size=4000)
    traffic.transfer(ns, bed.host, HOST_IPV6, 2 << 20)


@case("the client's AYIYA path through a NAT carries pings, large packets and TCP, and leaves nothing")
def _(bed):
    with tunnel(bed, "AYIYA") as home, ClientPath(bed, home, "ayiya", mtu=AYIYA_MTU) as path:
        bed.pop.wait_for_state(home, "UP")
        assert "up ayiya simplon" in path.text(), path.text()
        expect_traffic(bed, home.namespace, home.ipv6, AYIYA_MTU)
        state = bed.pop.state(home)
        assert state["endpoint"]["address"] == NAT_IPV4, state
        health = path.health()
        assert health["refused"] == 0 and not health["problem"], health
        assert health["sent"] > 100 and health["received"] > 100, health
        received, sent = statistics(home.namespace)
        assert received >= health["received"] - 1 and sent >= health["sent"], (received, sent, health)
        # Nothing was said that the PoP does not take. The host may not have known yet that the
        # tunnel of the case before, which had the same address, is gone.
        errors = set(bed.pop.errors(home)) - {"packet-too-big", "destination-down"}
        assert not errors, errors
        path.stop()
        assert "default" not in home.namespace.ip("-6 route show"), "a route is left"


@case("the client's AYIYA path survives NAT rebindings")
def _(bed):
    with tunnel(bed, "AYIYA") as home, ClientPath(bed, home, "ayiya", mtu=AYIYA_MTU):
        bed.pop.wait_for_state(home, "UP")
        traffic.wait_for_ping(bed.host, home.ipv6)
        talk = traffic.Conversation(home.namespace, bed.host, HOST_IPV6)
        talk.wait_for_progress()
        port = bed.pop.state(home)["endpoint"]["port"]
        home.flush_nat()
        wait_until(
            lambda: bed.pop.state(home)["endpoint"]["port"] not in (0, port),
            "the endpoint follows the NAT",
        )
        talk.wait_for_progress()
        talk.stop()


@case("a static tunnel over the client's tun path carries pings, large packets and TCP")
def _(bed):
    client = bed.clients[1]
    with own_tunnel_away(bed, client):
        with ClientPath(bed, client, "static", path="tun", mtu=SIX_IN_FOUR_MTU) as path:
            assert "up tun simplon" in path.text(), path.text()
            expect_traffic(bed, client.namespace, client.ipv6, SIX_IN_FOUR_MTU)
            health = path.health()
            assert health["refused"] == 0 and not health["problem"], health
            assert health["beat"] == 0, health
            path.stop()


@case("a heartbeat tunnel over the client's tun path comes up by itself and moves with the address")
def _(bed):
    client = bed.clients[1]
    ns = client.namespace
    with tunnel(bed, "HEARTBEAT") as home, own_tunnel_away(bed, client):
        with ClientPath(
            bed, home, "heartbeat", namespace=ns, path="tun", mtu=SIX_IN_FOUR_MTU
        ) as path:
            bed.pop.wait_for_state(home, "UP")
            expect_traffic(bed, ns, home.ipv6, SIX_IN_FOUR_MTU)
            # The provider gives the client another address; the old one is gone.
            begin = time.monotonic()
            network, _, host = client.ipv4.rpartition(".")
            bed.network.router.ip(f"address add {network}.129/30 dev client{client.number}")
            ns.ip(f"address del {client.ipv4}/30 dev eth0")
            ns.ip(f"address add {network}.130/30 dev eth0")
            ns.ip(f"route replace default via {network}.129")
            try:
                wait_until(
                    lambda: bed.pop.state(home)["endpoint"]["address"] == f"{network}.130",
                    "the endpoint follows the address",
                )
                print(f"      the endpoint followed after {time.monotonic() - begin:.1f} s")
                traffic.wait_for_ping(bed.host, home.ipv6)
                traffic.expect_ping(ns, HOST_IPV6, count=10)
                assert f"is {network}.130 now" in path.text(), path.text()
                health = path.health()
                assert not health["problem"], health
                path.stop()
            finally:
                ns.ip(f"address del {network}.130/30 dev eth0")
                ns.ip(f"address add {network}.{host}/30 dev eth0")
                ns.ip(f"route replace default via {client.ipv4_gateway}")
                bed.network.router.ip(
                    f"address del {network}.129/30 dev client{client.number}"
                )


@case("without sit in the kernel the client's automatic choice is tun, and it says so")
def _(bed):
    if bed.network.use_sit:
        return
    with tunnel(bed, "HEARTBEAT") as home:
        ns = bed.clients[2].namespace
        with ClientPath(bed, home, "heartbeat", namespace=ns, no_route=True) as path:
            assert "up tun simplon" in path.text(), path.text()
            assert "no sit devices" in path.text(), path.text()
            bed.pop.wait_for_state(home, "UP")
            path.stop()
        refused = ClientPath(bed, home, "heartbeat", namespace=ns, path="sit", wait=False)
        assert "no sit devices" in refused.outcome(), refused.text()


@case("a failed start of the client's path says what to do, and leaves nothing behind")
def _(bed):
    ns = bed.clients[2].namespace
    with tunnel(bed, "AYIYA") as home:

        def outcome(**options):
            path = ClientPath(bed, home, "ayiya", namespace=ns, wait=False, **options)
            text = path.outcome()
            assert path.process.returncode == 1, text
            return text

        ns.ip(f"tuntap add {DEVICE} mode tun")
        try:
            text = outcome()
            assert "which is not ours" in text and "ip link delete" in text, text
            assert exists(ns), "somebody else's device is gone"
        finally:
            ns.ip(f"link del {DEVICE}")

        ns.sysctl("net.ipv6.conf.default.disable_ipv6", 1)
        try:
            text = outcome()
            assert "net.ipv6.conf.default.disable_ipv6=0" in text, text
        finally:
            ns.sysctl("net.ipv6.conf.default.disable_ipv6", 0)
        assert not exists(ns)

        ns.ip("-6 route add default dev eth0 metric 1025")
        try:
            text = outcome()
            assert "default route with metric 1025" in text, text
        finally:
            ns.ip("-6 route del default dev eth0 metric 1025")
        assert not exists(ns)

        text = outcome(prefix=["setpriv", "--bounding-set", "-net_admin"])
        assert "CAP_NET_ADMIN" in text, text

        text = outcome(local="198.51.100.200")
        assert "not an address of this host" in text, text
        text = outcome(pop="127.0.0.1", local="192.0.2.77")
        assert "not an address of this host" in text, text


@case("the client's path says that the password is another, and that nothing comes back")
def _(bed):
    with tunnel(bed, "AYIYA") as home, ClientPath(bed, home, "ayiya", mtu=AYIYA_MTU) as path:
        bed.pop.wait_for_state(home, "UP")
        # The PoP signs with another password from now on, to where the client was.
        new = "another-password-0000"
        bed.pop.call(
            "TunnelService",
            "UpdateTunnel",
            {"tunnel": {"name": home.name, "password": new}, "update_mask": "password"},
        )
        traffic.ping(bed.host, home.ipv6, wait=1)
        problem = wait_until(lambda: path.health()["problem"], "the path has a problem", 15, 0.3)
        assert "password changed" in problem or "nothing has come back" in problem, problem


def udp_socket(namespace, address):
    receiver = namespace.call(socket.socket, socket.AF_INET6, socket.SOCK_DGRAM)
    receiver.bind((address, 0))
    receiver.settimeout(3)
    receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
    receiver.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, ECT0)
    return receiver


def mark_received(receiver):
    """The ECN field of the next datagram."""
    _, control, _, _ = receiver.recvmsg(100, 100)
    return int.from_bytes(control[0][2][:4], sys.byteorder) & 3


def expect_marks(ns, address, host):
    """What the way marks as congested arrives as congested, both ways."""
    with udp_socket(ns, address) as inside, udp_socket(host, HOST_IPV6) as outside:
        inside.sendto(b"up", outside.getsockname())
        assert mark_received(outside) == CE, "the mark on the way to the PoP is lost"
        outside.sendto(b"down", inside.getsockname())
        assert mark_received(inside) == CE, "the mark on the way to the client is lost"


@contextlib.contextmanager
def congested_router(bed):
    """The Internet marks what says it can be marked."""
    router = bed.network.router
    router.run(["nft", "-f", "-"], stdin="""
        table ip congestion {
          chain forward {
            type filter hook forward priority filter
            ip ecn ect0 ip ecn set ce
          }
        }
    """)  # fmt: skip
    try:
        yield
    finally:
        router.run(["nft", "delete", "table", "ip", "congestion"])


@case("congestion marked on the way shows inside the tunnel, where the client's path is at its end")
def _(bed):
    with tunnel(bed, "AYIYA", ecn_mode="NORMAL") as home, congested_router(bed):
        with ClientPath(bed, home, "ayiya", mtu=AYIYA_MTU):
            bed.pop.wait_for_state(home, "UP")
            expect_marks(home.namespace, home.ipv6, bed.host)
    client = bed.clients[1]
    with own_tunnel_away(bed, client), congested_router(bed):
        with tunnel(bed, "HEARTBEAT", ecn_mode="NORMAL") as home, ClientPath(
            bed, home, "heartbeat", namespace=client.namespace, path="tun", mtu=SIX_IN_FOUR_MTU
        ):
            bed.pop.wait_for_state(home, "UP")
            expect_marks(client.namespace, home.ipv6, bed.host)


@case("a device taken away from the client's path ends it with an error")
def _(bed):
    with tunnel(bed, "AYIYA") as home, ClientPath(bed, home, "ayiya") as path:
        home.namespace.ip(f"link del {DEVICE}")
        text = path.outcome()
        assert "was taken away" in text, text
