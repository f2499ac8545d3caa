# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""The gRPC API as a client that is not ours sees it."""

import os

from simplon_e2e import traffic
from simplon_e2e.latency import measure_create_latency
from simplon_e2e.processes import run_checked
from simplon_e2e.reflection import ReflectionClient
from simplon_e2e.registry import case

AF_PACKET = ("af_packet",)
PACKAGE = "simplon.v1"
FILLER = 10_000
LATENCY_LIMIT_SECONDS = 0.050


@case("a reflection client lists the services and their methods", AF_PACKET)
def _(bed):
    client = ReflectionClient(f"unix:{bed.pop.control_socket}")
    services = client.services()
    for name in ("TunnelService", "PoolService", "PopService", "ConfigService", "CounterService"):
        assert f"{PACKAGE}.{name}" in services, services
    assert "grpc.health.v1.Health" in services, services
    assert "CreateTunnel" in client.methods(f"{PACKAGE}.TunnelService")
    client.close()


@case("a reflection client creates a tunnel that carries packets, and deletes it", AF_PACKET)
def _(bed):
    api = ReflectionClient(f"unix:{bed.pop.control_socket}")
    service = f"{PACKAGE}.TunnelService"
    third = bed.clients[2]
    bed.pop.cli("tunnel", "delete", f"T{third.tunnel_id}")
    traffic.expect_no_answer(bed.host, third.ipv6, saying="Address unreachable")
    tunnel = {
        "id": third.tunnel_id,
        "slot": third.slot,
        "type": "PROTO41",
        "remote": third.ipv4,
        "delegated_prefixes": [str(third.delegated_prefix)],
    }
    created = api.call(service, "CreateTunnel", {"tunnel": tunnel})
    assert created["link_prefix"] == str(third.link_prefix), created
    traffic.expect_ping(bed.host, third.ipv6)
    listed = api.call(service, "ListTunnels", {"page_size": 100})
    assert len(listed["tunnels"]) == len(bed.clients), listed
    api.close()


@case("with 10,000 tunnels, a new one carries its first packet within 50 ms of the call",
      AF_PACKET, own_bed=True)  # fmt: skip
def _(make_bed):
    bed = make_bed(clients=3, filler=FILLER, tunnels=False)
    median, slowest = measure_create_latency(bed, runs=11)
    print(f"      call to first packet: median {median * 1e3:.1f} ms, slowest {slowest * 1e3:.1f} ms")
    assert median < LATENCY_LIMIT_SECONDS, f"median {median * 1e3:.1f} ms"


if "SIMPLON_BUF" in os.environ:

    @case("buf curl, a grpcurl work-alike, lists and calls the services by reflection", AF_PACKET)
    def _(bed):
        curl = [os.environ["SIMPLON_BUF"], "curl", "--protocol", "grpc", "--http2-prior-knowledge",
                "--unix-socket", bed.pop.control_socket]  # fmt: skip
        listed = run_checked([*curl, "--list-services", "http://localhost"]).stdout.split()
        assert f"{PACKAGE}.TunnelService" in listed, listed
        url = f"http://localhost/{PACKAGE}.TunnelService/ListTunnels"
        reply = run_checked([*curl, "-d", "{}", url]).stdout
        assert bed.clients[0].ipv4 in reply, reply
        missing = run_checked(
            [*curl, "-d", '{"name": "tunnels/T999999"}',
             f"http://localhost/{PACKAGE}.TunnelService/GetTunnel"], check=False,
        )  # fmt: skip
        assert missing.returncode != 0 and "not_found" in missing.stderr, missing.stderr
