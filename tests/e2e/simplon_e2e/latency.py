# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""How long from the call that creates a tunnel to the first packet through it."""

import select
import socket
import statistics
import threading
import time

from . import craft
from .reflection import ReflectionClient
from .topology import HOST_IPV6

SERVICE = "simplon.v1.TunnelService"
SEND_INTERVAL = 0.0005
TIMEOUT = 5.0


class _Sender:
    """Sends one packet to the tunnel's ::2 every SEND_INTERVAL from the host."""

    def __init__(self, bed, target):
        self._bed = bed
        self._packet = craft.echo_request(HOST_IPV6, target)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._socket = self._bed.host.call(
            socket.socket, socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW
        )
        self._target = self._packet[24:40]
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _run(self):
        destination = (socket.inet_ntop(socket.AF_INET6, self._target), 0)
        while not self._stop.wait(SEND_INTERVAL):
            try:
                self._socket.sendto(self._packet, destination)
            except OSError:
                pass  # an ICMPv6 error for an earlier one: there is no tunnel yet


def measure_create_latency(bed, runs):
    """Creates and deletes the third client's tunnel `runs` times. Returns (median, slowest) in s.

    Measured from just before the client sends the call, which is earlier than its receipt by
    control, to the arrival of the first packet at the tunnel's far end.
    """
    client = bed.clients[2]
    api = ReflectionClient(f"unix:{bed.pop.control_socket}")
    api.methods(SERVICE)  # learn the API before the clock runs
    tunnel = {
        "id": client.tunnel_id,
        "slot": client.slot,
        "type": "PROTO41",
        "remote": client.ipv4,
    }
    name = {"name": client.name}
    arrivals = client.namespace.call(
        socket.socket, socket.AF_INET, socket.SOCK_RAW, craft.PROTOCOL_6IN4
    )
    arrivals.setblocking(False)
    seconds = []
    with arrivals, _Sender(bed, client.ipv6):
        for _ in range(runs):
            api.call(SERVICE, "DeleteTunnel", name)
            time.sleep(0.05)
            _drain(arrivals)
            begin = time.monotonic()
            caller = threading.Thread(
                target=api.call, args=(SERVICE, "CreateTunnel", {"tunnel": tunnel})
            )
            caller.start()
            ready, _, _ = select.select([arrivals], [], [], TIMEOUT)
            end = time.monotonic()
            caller.join()
            assert ready, f"no packet through the new tunnel within {TIMEOUT:g} s"
            seconds.append(end - begin)
    api.close()
    return statistics.median(seconds), max(seconds)


def _drain(arrivals):
    while True:
        try:
            arrivals.recv(65536)
        except BlockingIOError:
            return
