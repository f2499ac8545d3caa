# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""simplon-client as a subscriber runs it, against the real PoP: every type of tunnel, NAT, refusals."""

import contextlib
import json
import os
import socket
import time

from simplon_e2e import traffic, wire
from simplon_e2e.processes import wait_until
from simplon_e2e.registry import case
from simplon_e2e.subscriber import DEVICE, Subscriber
from simplon_e2e.topology import BROKER_IPV4, BROKER_NAME, HOST_IPV6, NAT_IPV4

from .broker import SECRET, account

NAME = "ann"


@contextlib.contextmanager
def subscriber(bed, client, type_name, **fields):
    """The client's tunnel is of that type and an account's, and simplon-client may bring it up."""
    pop, home = bed.pop, bed.home
    was_static = client is not home
    if was_static:
        client.stop_tunnel()
    pop.delete_tunnel(client)
    with account(bed, NAME):
        words = ["--type", type_name, "--slot", str(client.slot), "--account", NAME]
        words += ["--delegated-prefix", str(client.delegated_prefix)]
        for field, value in fields.items():
            words += [f"--{field.replace('_', '-')}", value]
        if type_name != "proto41":
            words.append("--generate-password")
        pop.cli("tunnel", "create", f"T{client.tunnel_id}", *words)
        one = Subscriber(bed, client, NAME, SECRET)
        try:
            yield one
        finally:
            one.stop()
            pop.delete_tunnel(client)
    if was_static:
        pop.create_tunnel(client, "PROTO41", remote=client.ipv4)
        client.start_tunnel(bed.network.use_sit)


def expect_traffic(bed, client):
    ns = client.namespace
    traffic.wait_for_ping(ns, HOST_IPV6)
    traffic.wait_for_ping(bed.host, client.ipv6)
    traffic.expect_ping(ns, HOST_IPV6, count=10)
    traffic.expect_ping(ns, client.pop_ipv6)
    traffic.transfer(ns, bed.host, HOST_IPV6, 1 << 20)
    traffic.transfer(bed.host, ns, client.ipv6, 1 << 20)


def bring_up(bed, one, tic_type):
    """autotest, start, traffic, status, stop: the whole way of a subscriber."""
    tested = one.run("autotest")
    assert "FAIL" not in tested.stdout, tested.stdout
    assert not one.device_there(), "autotest left its device behind"
    one.start()
    expect_traffic(bed, one.client)
    status = json.loads(one.run("status", "--json").stdout)
    assert status["tunnel"] == f"T{one.client.tunnel_id}" and status["type"] == tic_type, status
    assert status["received_packets"] > 0 and status["sent_packets"] > 0, status
    assert status["ping_pop"]["answered"] and status["ping_pop"]["milliseconds"] > 0, status
    text = one.run("status").stdout
    assert f"T{one.client.tunnel_id}" in text and SECRET not in text, text
    one.run("stop")
    assert one.process.wait(10) == 0, one.log()
    assert not one.device_there()
    return tested.stdout


@case("simplon-client: autotest, start, status and stop of a static tunnel")
def _(bed):
    client = bed.clients[1]
    with subscriber(bed, client, "proto41", remote=client.ipv4) as one:
        bring_up(bed, one, "6in4-static")


@case("simplon-client: a heartbeat tunnel comes up and follows its host to another address")
def _(bed):
    client = bed.clients[1]
    ns, moved = client.namespace, f"198.51.100.{240 + client.number}"
    with subscriber(bed, client, "heartbeat", beat_timeout="15s") as one:
        bring_up(bed, one, "6in4-heartbeat")
        one.start()
        traffic.wait_for_ping(bed.host, client.ipv6)
        bed.network.router.ip(f"route add {moved}/32 dev client{client.number}")
        try:
            ns.ip(f"address add {moved}/32 dev eth0")
            ns.ip(f"address del {client.ipv4}/30 dev eth0")
            ns.ip(f"route replace {client.ipv4_gateway}/32 dev eth0")
            ns.ip(f"route replace default via {client.ipv4_gateway} src {moved}")
            begin = time.monotonic()
            wait_until(
                lambda: bed.pop.state(client)["endpoint"]["address"] == moved,
                "the endpoint follows",
                timeout=15,
            )
            traffic.wait_for_ping(bed.host, client.ipv6)
            print(f"      traffic at the new address after {time.monotonic() - begin:.1f} s")
            traffic.expect_ping(ns, HOST_IPV6)
        finally:
            one.stop()
            ns.ip("address flush dev eth0")
            ns.ip(f"address add {client.ipv4}/30 dev eth0")
            ns.ip(f"route replace default via {client.ipv4_gateway}")
            bed.network.router.ip(f"route del {moved}/32 dev client{client.number}")


@case("simplon-client: AYIYA comes up behind a NAT, and survives its forgetting")
def _(bed):
    home = bed.home
    with subscriber(bed, home, "ayiya", beat_timeout="15s") as one:
        output = bring_up(bed, one, "ayiya")
        assert "a router translates it" in output, output
        one.start()
        traffic.wait_for_ping(bed.host, home.ipv6)
        assert bed.pop.state(home)["endpoint"]["address"] == NAT_IPV4
        home.flush_nat()
        traffic.wait_for_ping(bed.host, home.ipv6, timeout=15)
        expect_traffic(bed, home)


def outer_packets(bed, seconds):
    """Protocol and UDP port (or None) of each IPv4 packet that leaves the home's NAT meanwhile."""
    ipv4 = 0x0800
    seen = []
    router = bed.network.router
    with router.call(socket.socket, socket.AF_PACKET, socket.SOCK_DGRAM) as sniffer:
        sniffer.bind(("home", ipv4))  # sees what comes in there
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            sniffer.settimeout(left)
            with contextlib.suppress(TimeoutError):
                packet = sniffer.recv(2048)
                header = (packet[0] & 15) * 4
                port = packet[header + 2 : header + 4]
                is_udp = packet[9] == socket.IPPROTO_UDP
                seen.append((packet[9], int.from_bytes(port, "big") if is_udp else None))
    return seen


@case("simplon-client: a heartbeat tunnel opens a NAT for protocol 41 before others send to it")
def _(bed):
    home = bed.home
    home.flush_nat()
    # From the first beat on the PoP has packets for the home: where the NAT sees those first, it
    # drops all that goes out.
    stream = traffic.Stream(bed.host, home.ipv6, bed.directory, interval=0.002)
    with subscriber(bed, home, "heartbeat", beat_timeout="15s") as one:
        one.start()
        beat, inner = (socket.IPPROTO_UDP, wire.BEAT_PORT), (socket.IPPROTO_IPV6, None)
        sent = [packet for packet in outer_packets(bed, 4) if packet in (beat, inner)]
        stream.stop()
        beats = [i for i, packet in enumerate(sent) if packet == beat]
        assert beats, sent
        assert all(i > 0 and sent[i - 1] == inner for i in beats), sent
        traffic.expect_ping(bed.host, home.ipv6)
        traffic.expect_ping(home.namespace, HOST_IPV6)
        assert bed.pop.state(home)["endpoint"]["address"] == NAT_IPV4


@case("simplon-client: a static tunnel behind a NAT is explained, not just broken")
def _(bed):
    home = bed.home
    with subscriber(bed, home, "proto41", remote="203.0.113.77") as one:
        tested = one.run("autotest", check=False)
        assert tested.returncode == 1, tested
        assert "NAT" in tested.stdout and "AYIYA" in tested.stdout, tested.stdout


@case("simplon-client: a certificate that does not verify keeps the secret at home")
def _(bed):
    client = bed.clients[1]
    with subscriber(bed, client, "proto41", remote=client.ipv4) as one:
        one.settings["tls_name"] = "somebody.else.example"
        refused = one.run("tunnels", check=False)
        assert refused.returncode == 1 and "certificate" in refused.stderr, refused
        one.settings["tls_name"] = BROKER_NAME
        del one.settings["ca_file"]
        refused = one.run("tunnels", check=False)
        assert refused.returncode == 1 and "certificate" in refused.stderr, refused


@case("simplon-client: several tunnels and no terminal are listed; the chosen one starts")
def _(bed):
    client, other = bed.clients[1], bed.clients[2]
    with subscriber(bed, client, "proto41", remote=client.ipv4) as one:
        bed.pop.cli("tunnel", "update", f"T{other.tunnel_id}", "--account", NAME)
        listed = one.run("tunnels").stdout
        assert client.ipv6 in listed and other.ipv6 in listed, listed
        refused = one.run("start", check=False)
        assert refused.returncode != 0 and f"T{other.tunnel_id}" in refused.stderr, refused
        one.start(f"T{client.tunnel_id}")
        traffic.wait_for_ping(bed.host, client.ipv6)


@case("simplon-client: aiccu.conf is read as it is")
def _(bed):
    home = bed.home
    with subscriber(bed, home, "dynamic", beat_timeout="15s", tic_type="ayiya") as one:
        one.config_file = os.path.join(one.folder, "aiccu.conf")

        def write_aiccu_conf():
            with open(one.config_file, "w", encoding="ascii") as file:
                file.write(f"""# AICCU configuration
username {NAME}
password {SECRET}
protocol tic
server {BROKER_IPV4}
ipv6_interface {DEVICE}
tunnel_id T{home.tunnel_id}
daemonize false
automatic true
behindnat true
requiretls false
defaultroute true
pidfile {one.folder}/aiccu.pid
""")
            os.chmod(one.config_file, 0o600)

        one.write_settings = write_aiccu_conf
        one.start()
        expect_traffic(bed, home)
