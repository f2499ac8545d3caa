# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Tunnels with a learned endpoint: AYIYA through a NAT, heartbeats, and what must not move them."""

import contextlib
import json
import os
import shutil
import socket
import time

from simplon_e2e import craft, traffic, wire
from simplon_e2e.processes import wait_until
from simplon_e2e.registry import case
from simplon_e2e.topology import HOST_IPV4, HOST_IPV6, NAT_IPV4, POP_IPV4, POP_IPV6

REBINDINGS = 3


@contextlib.contextmanager
def tunnel(bed, type_name, **fields):
    """The home's tunnel, for one case."""
    home, pop = bed.home, bed.pop
    home.password = home.PASSWORD
    pop.create_tunnel(home, type_name, password=home.password, **fields)
    try:
        yield home
    finally:
        home.stop_tunnel()
        pop.delete_tunnel(home)


@contextlib.contextmanager
def ayiya_tunnel(bed, type_name="AYIYA", pop_address=POP_IPV4, **fields):
    with tunnel(bed, type_name, **fields) as home:
        home.start_ayiya(pop_address)
        bed.pop.wait_for_state(home, "UP")
        yield home


def endpoint_of(bed, client):
    endpoint = bed.pop.state(client)["endpoint"]
    return endpoint["address"], endpoint["port"]


def send_udp(namespace, port, datagrams, source_port=0, pop=POP_IPV4):
    family = socket.AF_INET6 if ":" in pop else socket.AF_INET
    with namespace.call(socket.socket, family, socket.SOCK_DGRAM) as outer:
        if source_port:
            outer.bind(("", source_port))
        for datagram in datagrams:
            outer.sendto(datagram, (pop, port))


def public_beat(bed, client, home, **options):
    """One beat for the home's tunnel from a client with a public address."""
    send_udp(client.namespace, wire.BEAT_PORT, [wire.beat(home.ipv6, home.password, **options)])


@case("AYIYA through a NAT carries pings, large packets and TCP, and the usual client takes every answer")
def _(bed):
    with ayiya_tunnel(bed) as home:
        traffic.expect_ping(home.namespace, HOST_IPV6, count=20)
        traffic.expect_ping(bed.host, home.ipv6, count=20)
        traffic.expect_ping(bed.host, home.delegated_ipv6, size=1428 - 48, whole=True)
        traffic.expect_ping(home.namespace, home.pop_ipv6)
        traffic.transfer(home.namespace, bed.host, HOST_IPV6, 2 << 20)
        state = bed.pop.state(home)
        assert state["endpoint"]["address"] == NAT_IPV4, state
        assert state["endpoint"]["transport"] == "TRANSPORT_AYIYA", state
        assert state["verified"] is True, state
        refused = {what: n for what, n in home.client_report().items() if what.startswith("refused")}
        assert not refused, refused


@case("a TCP transfer over AYIYA survives three NAT rebindings")
def _(bed):
    with ayiya_tunnel(bed) as home:
        traffic.wait_for_ping(bed.host, home.ipv6)
        talk = traffic.Conversation(home.namespace, bed.host, HOST_IPV6)
        talk.wait_for_progress()
        ports, seconds = [endpoint_of(bed, home)[1]], []
        for _ in range(REBINDINGS):
            begin = time.monotonic()
            home.flush_nat()
            wait_until(
                lambda: endpoint_of(bed, home)[1] not in (0, ports[-1]),
                "the endpoint follows the NAT",
            )
            ports.append(endpoint_of(bed, home)[1])
            followed = time.monotonic() - begin
            talk.wait_for_progress()
            seconds.append(f"{followed:.1f}/{time.monotonic() - begin:.1f}")
            time.sleep(2)  # the client's clock must tick before it can move again
        carried = talk.stop()
        print(f"      {carried >> 10} KiB each way; endpoint followed/TCP went on after {seconds} s")
        assert len(set(ports)) == REBINDINGS + 1, ports
        assert ports[-1] == home.outer_port(), (ports, home.outer_port())
        assert bed.pop.counter("endpoint_moves") >= REBINDINGS


@case("a recorded AYIYA packet sent again from another address moves nothing, is counted and reported")
def _(bed):
    with ayiya_tunnel(bed) as home:
        traffic.wait_for_ping(bed.host, home.ipv6)
        recorded = wire.ayiya(home.ipv6, home.password, operation=wire.NOOP)
        home_socket = home.namespace.call(socket.socket, socket.AF_INET, socket.SOCK_DGRAM)
        with home_socket:
            home_socket.sendto(recorded, (POP_IPV4, wire.AYIYA_PORT))
        # The client itself goes on: its next beat or packet brings the endpoint back to its socket.
        time.sleep(1.1)
        traffic.expect_ping(home.namespace, HOST_IPV6)
        before = endpoint_of(bed, home)
        watch = bed.pop.watch("--kind", "tunnel-state")
        time.sleep(0.3)
        send_udp(bed.clients[1].namespace, wire.AYIYA_PORT, [recorded] * 3)
        wait_until(
            lambda: bed.pop.error_count(home, "ayiya-replayed") >= 3, "the replays are counted"
        )
        assert endpoint_of(bed, home) == before
        error = bed.pop.errors(home)["ayiya-replayed"]
        assert error["last_source"] == bed.clients[1].ipv4, error
        expect_event(watch, "REPLAYED", home)
        traffic.expect_ping(bed.host, home.ipv6, count=5)


@case("a recorded beat sent again from another address moves nothing, now or later")
def _(bed):
    owner, thief = bed.clients[0], bed.clients[1]
    with tunnel(bed, "HEARTBEAT") as home:
        recorded = wire.beat(home.ipv6, home.password)
        send_udp(owner.namespace, wire.BEAT_PORT, [recorded])
        bed.pop.wait_for_state(home, "UP")
        watch = bed.pop.watch("--kind", "tunnel-state")
        time.sleep(0.3)
        for _ in range(3):
            send_udp(thief.namespace, wire.BEAT_PORT, [recorded])
            time.sleep(0.7)
        assert endpoint_of(bed, home) == (owner.ipv4, 0)
        assert bed.pop.error_count(home, "beat-replayed") == 3
        expect_event(watch, "REPLAYED", home)


def expect_event(watch, kind, client):
    def seen():
        with open(watch.log_path, encoding="utf-8") as log:
            return kind in (text := log.read()) and client.name in text

    try:
        wait_until(seen, f"the event {kind} of {client.name}")
    finally:
        watch.stop()


@case("one beat brings a heartbeat tunnel up, and what comes from the Internet flows at once")
def _(bed):
    owner = bed.clients[0]
    with tunnel(bed, "HEARTBEAT") as home:
        traffic.expect_no_answer(bed.host, home.ipv6, saying="No route")
        with owner.namespace.call(
            socket.socket, socket.AF_INET, socket.SOCK_RAW, craft.PROTOCOL_6IN4
        ) as outer:
            outer.bind((owner.ipv4, 0))
            outer.settimeout(3)
            begin = time.monotonic()
            public_beat(bed, owner, home)
            bed.pop.wait_for_state(home, "UP")
            packet = craft.echo_request(HOST_IPV6, home.ipv6, data=b"first")
            with bed.host.call(
                socket.socket, socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW
            ) as native:
                native.sendto(packet, (home.ipv6, 0))
            received = b""
            while not received.endswith(b"first"):
                received = outer.recv(65536)
            print(f"      beat to first packet {1000 * (time.monotonic() - begin):.1f} ms")
        state = bed.pop.state(home)
        assert state["endpoint"]["address"] == owner.ipv4, state


@case("a heartbeat tunnel goes down when its timeout has passed, to the second, and says why")
def _(bed):
    timeout = 10
    with tunnel(bed, "HEARTBEAT", beat_timeout_seconds=timeout) as home:
        public_beat(bed, bed.clients[0], home)
        begin = time.time()
        bed.pop.wait_for_state(home, "UP")
        state = bed.pop.wait_for_state(home, "DOWN", timeout=timeout + 3)
        seconds = time.time() - begin
        print(f"      down {seconds:.2f} s after the beat: {state['reason']}")
        assert timeout - 0.1 <= seconds <= timeout + 2.2, seconds
        assert state["reason_code"] == "TIMED_OUT" and "last beat" in state["reason"], state
        traffic.expect_no_answer(bed.host, home.ipv6, saying="No route")
        public_beat(bed, bed.clients[0], home)
        bed.pop.wait_for_state(home, "UP")


@case("a client with a wrong clock or another password is told apart in the state")
def _(bed):
    with tunnel(bed, "HEARTBEAT") as home:
        public_beat(bed, bed.clients[0], home, epoch=int(time.time()) - 4000)
        state = wait_until(
            lambda: (s := bed.pop.state(home))["reason_code"] == "CLIENT_CLOCK" and s, "clock"
        )
        assert state["oper_state"] == "DOWN" and "4000" in state["reason"].replace(",", ""), state
        time.sleep(1)
        send_udp(
            bed.clients[0].namespace, wire.BEAT_PORT, [wire.beat(home.ipv6, "another-password-0000")]
        )
        wait_until(lambda: bed.pop.state(home)["reason_code"] == "BAD_PASSWORD", "password")
        shown = bed.pop.cli("tunnel", "error-packet", f"T{home.tunnel_id}", "beat-bad-digest").stdout
        assert home.password not in shown


@case("during a rotation both passwords bring the tunnel up, afterwards only the new one")
def _(bed):
    owner = bed.clients[0]
    with tunnel(bed, "HEARTBEAT") as home:
        old = home.password
        reply = bed.pop.call("TunnelService", "RotateTunnelPassword", {"name": home.name})
        new = reply["password"]
        assert len(new) >= 32 and new != old
        public_beat(bed, owner, home)
        bed.pop.wait_for_state(home, "UP")
        time.sleep(1.1)
        home.password = new
        moved_to = bed.clients[1]
        public_beat(bed, moved_to, home)
        wait_until(lambda: endpoint_of(bed, home)[0] == moved_to.ipv4, "the new password moves it")
        bed.pop.call("TunnelService", "EndTunnelPasswordRotation", {"name": home.name})
        time.sleep(1.1)
        home.password = old
        public_beat(bed, owner, home)
        wait_until(lambda: bed.pop.error_count(home, "beat-bad-digest") >= 1, "the old one is bad")
        assert endpoint_of(bed, home)[0] == moved_to.ipv4


@case("protocol 41 from the address of an AYIYA client is not taken, and does not flip the tunnel")
def _(bed):
    with ayiya_tunnel(bed, "DYNAMIC_ENDPOINT") as home:
        traffic.wait_for_ping(bed.host, home.ipv6)
        before = endpoint_of(bed, home)
        packet = craft.echo_request(home.ipv6, HOST_IPV6)
        craft.send_6in4_from(home.nat, NAT_IPV4, POP_IPV4, [packet] * 3)
        wait_until(
            lambda: bed.pop.error_count(home, "encapsulation-mismatch") >= 3, "they are refused"
        )
        assert endpoint_of(bed, home) == before
        traffic.expect_ping(bed.host, home.ipv6)


@case("AYIYA over IPv6 carries what AYIYA over IPv4 does")
def _(bed):
    client = bed.clients[1]
    address = bed.network.give_client_ipv6_underlay(client)
    with tunnel(bed, "AYIYA") as home:
        payload = craft.echo_request(home.ipv6, HOST_IPV6, data=b"over six")
        with client.namespace.call(socket.socket, socket.AF_INET6, socket.SOCK_DGRAM) as outer:
            outer.settimeout(3)
            outer.bind((address, 0))
            for _ in range(2):
                outer.sendto(
                    wire.ayiya(home.ipv6, home.password, payload), (POP_IPV6, wire.AYIYA_PORT)
                )
            answer = b""
            while not answer.endswith(b"over six"):
                datagram = outer.recv(65536)
                _, _, answer = wire.open_ayiya(datagram, home.pop_ipv6, home.password)
        state = bed.pop.state(home)
        assert state["endpoint"]["address"] == address, state
        assert state["endpoint"]["local"] == POP_IPV6, state


@case("IPv4 flows through AYIYA both ways, from the pool the tunnel has its prefix of")
def _(bed):
    bed.network.give_host_ipv4()
    pool = {"name": "v4", "kind": "DELEGATED", "prefix": "198.19.0.0/16", "unit_length": 29}
    bed.pop.call("PoolService", "CreatePool", {"pool": pool})
    try:
        with ayiya_tunnel(bed, ipv4_prefixes=["198.19.0.8/29"]) as home:
            ns = home.namespace
            ns.ip(f"address add 198.19.0.9/32 dev {home.DEVICE}")
            ns.ip(f"route add 198.18.1.0/24 dev {home.DEVICE} src 198.19.0.9")
            traffic.expect_ipv4_ping(ns, HOST_IPV4)
            traffic.expect_ipv4_ping(bed.host, "198.19.0.9")
            output = bed.host.run(
                ["ping", "-n", "-c", 1, "-W", 1, "198.19.0.17"], check=False
            ).stdout
            assert "Net Unreachable" in output, output
    finally:
        bed.pop.call("PoolService", "DeletePool", {"name": "v4"})


@case("a learned endpoint survives kill -9 of either process: traffic flows before the client speaks")
def _(bed):
    pop, owner = bed.pop, bed.clients[0]
    with silent_tunnel(bed, owner) as home:
        before = pop.state(home)
        pop.dataplane.kill()
        pop.start_dataplane()
        pop.wait_for_dataplane()
        expect_arrival(bed, owner, home)
        pop.control.kill()
        pop.start_control()
        expect_arrival(bed, owner, home)
        after = wait_until(lambda: (s := pop.state(home)).get("endpoint") and s, "state")
        for field in ("endpoint", "highest_epoch", "oper_state", "last_seen_time"):
            assert after[field] == before[field], (field, before, after)


@case("after a reboot endpoints, epochs and counters are as they were, and a recorded beat is refused")
def _(bed):
    pop, owner = bed.pop, bed.clients[0]
    recorded = None
    with silent_tunnel(bed, owner) as home:
        recorded = wire.beat(home.ipv6, home.password)
        send_udp(owner.namespace, wire.BEAT_PORT, [recorded])
        # The operator's word: no probes any more, which would count on between journal and reboot.
        endpoint = {"address": owner.ipv4, "transport": "TRANSPORT_PROTO41", "local": POP_IPV4}
        pop.call(
            "TunnelStateService", "SetTunnelEndpoint", {"name": home.name, "endpoint": endpoint}
        )
        time.sleep(3)  # journal and counters are stored within a second or two
        before, counters = pop.state(home), pop.tunnel_counters(home)
        pop.close_api()
        pop.control.kill()
        pop.dataplane.kill()
        # What a reboot takes: everything in memory, which the dataplane's state directory is.
        shutil.rmtree(pop.dataplane_state)
        os.makedirs(pop.dataplane_state)
        pop.start()
        pop.wait_for_dataplane()
        after = pop.wait_for_state(home, "UP")
        for field in ("endpoint", "verified"):
            assert after[field] == before[field], (field, before, after)
        assert after["highest_epoch"] >= before["highest_epoch"], (before, after)
        send_udp(bed.clients[1].namespace, wire.BEAT_PORT, [recorded])
        wait_until(lambda: pop.error_count(home, "beat-replayed") >= 1, "the replay is refused")
        expect_arrival(bed, owner, home)
        later = pop.tunnel_counters(home)
        for name, value in counters.items():
            assert later[name] >= value, (counters, later)


@contextlib.contextmanager
def silent_tunnel(bed, owner):
    """A heartbeat tunnel that is up and whose client says nothing more."""
    with tunnel(bed, "HEARTBEAT") as home:
        public_beat(bed, owner, home)
        bed.pop.wait_for_state(home, "UP")
        expect_arrival(bed, owner, home)
        time.sleep(1.5)
        yield home


def expect_arrival(bed, owner, home):
    """What the host sends to the tunnel's client arrives in protocol 41 at the owner."""
    with owner.namespace.call(
        socket.socket, socket.AF_INET, socket.SOCK_RAW, craft.PROTOCOL_6IN4
    ) as outer, bed.host.call(
        socket.socket, socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW
    ) as native:
        outer.bind((owner.ipv4, 0))
        outer.settimeout(0.2)
        mark = json.dumps(time.monotonic()).encode()
        packet = craft.echo_request(HOST_IPV6, home.ipv6, data=mark)

        def arrived():
            native.sendto(packet, (home.ipv6, 0))
            try:
                while True:
                    if outer.recv(65536).endswith(mark):
                        return True
            except TimeoutError:
                return False

        wait_until(arrived, f"a packet for {home.name} arrives at {owner.namespace.name}")


@case("a tunnel with a learned endpoint and without a good password is refused")
def _(bed):
    for fields, word in (({}, "password"), ({"password": "short"}, "16")):
        try:
            bed.pop.create_tunnel(bed.home, "AYIYA", **fields)
        except Exception as error:  # noqa: BLE001  grpc.RpcError of the reflection client
            assert word in str(error), error
        else:
            bed.pop.delete_tunnel(bed.home)
            raise AssertionError(f"accepted with {fields}")
