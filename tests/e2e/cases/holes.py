# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""What killed or opened the original (docs/protocols.md: "The original ..."), tried on ours."""

import os
import socket

from simplon_e2e import traffic, wire
from simplon_e2e.processes import wait_until
from simplon_e2e.registry import case
from simplon_e2e.topology import HOST_IPV6, POP_IPV4

from .dynamic import ayiya_tunnel, endpoint_of, send_udp, tunnel

ORIGINAL_CLI_PORT = 42003
ORIGINAL_PROXY_PORT = 42006


@case("empty and odd datagrams to every port of the original change nothing and stop nothing")
def _(bed):
    stranger = bed.clients[2]
    with ayiya_tunnel(bed) as home:
        traffic.wait_for_ping(bed.host, home.ipv6)
        before = endpoint_of(bed, home)
        pid = bed.pop.dataplane.pid
        odd = [b"", b"\0", b"HEARTBEAT TUNNEL ", b"HEARTBEAT TUNNEL " + b"a" * 238, os.urandom(1400)]
        for port in (wire.BEAT_PORT, wire.AYIYA_PORT, ORIGINAL_CLI_PORT, ORIGINAL_PROXY_PORT):
            send_udp(stranger.namespace, port, odd * 20)
        for port in (ORIGINAL_CLI_PORT, ORIGINAL_PROXY_PORT):
            with stranger.namespace.call(socket.socket) as connection:
                connection.settimeout(0.3)
                try:
                    connection.connect((POP_IPV4, port))
                except OSError:
                    continue
                raise AssertionError(f"something listens on TCP port {port}")
        assert bed.pop.dataplane.running and bed.pop.dataplane.pid == pid
        assert endpoint_of(bed, home) == before
        traffic.expect_ping(bed.host, home.ipv6)


@case("a short datagram after a malformed one does not pass without the password")
def _(bed):
    stranger = bed.clients[2]
    with tunnel(bed, "AYIYA") as home:
        good = wire.ayiya(home.ipv6, "not-the-password-at-all", operation=wire.NOOP)
        malformed = bytes([0x42]) + good[1:]
        for short in (good[:24], good[:43], good[:8]):
            send_udp(stranger.namespace, wire.AYIYA_PORT, [malformed, short])
        wait_until(lambda: bed.pop.drops().get("ayiya-malformed", 0) >= 6, "all six are refused")
        assert bed.pop.state(home)["oper_state"] == "DOWN"


@case("malformed datagrams of strangers write no log lines")
def _(bed):
    stranger = bed.clients[2]
    sizes = {path: os.path.getsize(path) for path in bed.pop.logs.values()}
    send_udp(stranger.namespace, wire.AYIYA_PORT, [os.urandom(60) for _ in range(2000)])
    send_udp(stranger.namespace, wire.BEAT_PORT, [b"HEARTBEAT TUNNEL x"] * 2000)
    bed.pop.wait_for_rest()
    for path, size in sizes.items():
        grown = os.path.getsize(path) - size
        assert grown < 4096, f"{path} grew by {grown} bytes"
    traffic.expect_ping(bed.clients[0].namespace, HOST_IPV6)
