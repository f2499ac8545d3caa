#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""The part of scripts/demo that runs once everything is built."""

import argparse
import json
import os
import signal
import sys
import threading
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from simplon_e2e import traffic  # noqa: E402
from simplon_e2e.bed import Bed  # noqa: E402
from simplon_e2e.namespace import namespaces_possible  # noqa: E402
from simplon_e2e.pop import Programs  # noqa: E402
from simplon_e2e.processes import CommandFailed, stop_all  # noqa: E402
from simplon_e2e.registry import BOTH_DRIVERS  # noqa: E402
from simplon_e2e.subscriber import Subscriber  # noqa: E402
from simplon_e2e.topology import (  # noqa: E402
    BEAT_CLIENT,
    HOST_IPV6,
    NAT_IPV4,
    POP_IPV4,
    POP_IPV6,
    PYTHON,
)

SHOW_EVERY_SECONDS = 3
TRANSFER_BYTES = 2 << 20
ANNOUNCING_SECONDS = 1.5
HEARTBEAT_CLIENT = 2  # index
ACCOUNT, SECRET = "ann", "correct-horse-battery"


def heading(text):
    print(f"\n== {text}", flush=True)


def subscribers(bed):
    return [*bed.clients, bed.home]


def make_account(bed):
    """The home's subscriber, who logs in over TIC."""
    secret_file = os.path.join(bed.directory, "subscriber.secret")
    with open(secret_file, "w", encoding="ascii") as file:
        file.write(SECRET)
    os.chmod(secret_file, 0o600)
    bed.pop.cli("account", "create", ACCOUNT, "--secret-file", secret_file)


def start_dynamic_tunnels(bed):
    """The last client becomes one with a learned endpoint, and the home comes up with AYIYA."""
    pop, beating, home = bed.pop, bed.clients[HEARTBEAT_CLIENT], bed.home
    pop.delete_tunnel(beating)
    pop.create_tunnel(beating, "HEARTBEAT", password=home.password)
    beating.namespace.spawn(
        [PYTHON, BEAT_CLIENT, "--pop", POP_IPV4, "--identity", beating.ipv6,
         "--password-file", home.password_file, "--interval", 10],
        log_path=bed.network.log_path("beats.log"),
    )  # fmt: skip
    make_account(bed)
    pop.create_tunnel(home, "AYIYA", password=home.password, account=ACCOUNT)
    subscriber = Subscriber(bed, home, ACCOUNT, SECRET, interface=home.DEVICE)
    heading("a subscriber behind a NAT: simplon-client autotest, then start")
    print(subscriber.run("autotest").stdout, end="", flush=True)
    subscriber.start()
    for client in (beating, home):
        pop.wait_for_state(client, "UP")
    traffic.wait_for_ping(bed.host, home.ipv6)
    print(subscriber.run("status").stdout, end="", flush=True)


def describe(bed):
    tunnel = "the kernel's sit" if bed.network.use_sit else "a tun-based 6in4 client"
    print(f"   host      {HOST_IPV6}, native IPv6")
    print(f"   PoP       {POP_IPV4}, {POP_IPV6}, port driver net_{bed.driver}")
    kinds = [tunnel] * len(bed.clients) + [f"simplon-client, AYIYA through a NAT at {NAT_IPV4}"]
    kinds[HEARTBEAT_CLIENT] += " that sends heartbeats"
    for client, kind in zip(subscribers(bed), kinds):
        print(
            f"   {client.namespace.name:9} {client.ipv4}, tunnel T{client.tunnel_id}, "
            f"{client.ipv6}, {client.delegated_prefix} ({kind})"
        )
    print(f"   look inside: nsenter --net={bed.clients[0].namespace.path} ping {HOST_IPV6}")


class Traffic:
    """Pings both ways on every tunnel, and TCP both ways on the first, until stopped."""

    def __init__(self, bed):
        self._bed = bed
        self._stop = threading.Event()
        self.transfers = 0
        self.error = None
        self._streams = []
        for client in subscribers(bed):
            self._streams.append(traffic.Stream(bed.host, client.ipv6, bed.directory, 0.05))
            self._streams.append(traffic.Stream(client.namespace, HOST_IPV6, bed.directory, 0.05))
        self._thread = threading.Thread(target=self._transfer, daemon=True)
        self._thread.start()

    def _transfer(self):
        client = self._bed.clients[0]
        try:
            while not self._stop.wait(0.2):
                traffic.transfer(
                    self._bed.host, client.namespace, client.ipv6, TRANSFER_BYTES
                )
                self.transfers += 1
        except (AssertionError, OSError) as error:
            self.error = error

    def stop(self):
        self._stop.set()
        self._thread.join()
        for stream in self._streams:
            stream.stop()
        self.sent = sum(stream.sent for stream in self._streams)
        self.answered = sum(stream.received for stream in self._streams)
        self.under_way = sum(stream.under_way for stream in self._streams)
        self.lost = sum(stream.lost for stream in self._streams)


def device_statistics(client):
    """What the client's kernel counted on its tunnel device, in the PoP's words."""
    text = client.namespace.ip(f"-s -j link show {client.DEVICE}")
    counts = json.loads(text)[0]["stats64"]
    return {
        "in_packets": counts["tx"]["packets"],
        "in_bytes": counts["tx"]["bytes"],
        "out_packets": counts["rx"]["packets"],
        "out_bytes": counts["rx"]["bytes"],
    }


def difference(after, before):
    return {name: after[name] - before[name] for name in after}


def show(bed, seconds):
    heading(f"after {seconds:.0f} s: simplonctl counters")
    print(bed.pop.cli("counters").stdout, end="", flush=True)


def watch(bed, flow, seconds):
    begin = time.monotonic()
    shown = 0
    while seconds is None or time.monotonic() - begin < seconds:
        time.sleep(0.2)
        if flow.error:
            return
        elapsed = time.monotonic() - begin
        if elapsed - shown >= SHOW_EVERY_SECONDS:
            shown = elapsed
            show(bed, elapsed)


def verify(bed, flow, devices_before, pop_before):
    """Prints and returns whether the PoP's counters equal what the hosts' kernels counted."""
    fine = True
    heading("simplonctl counters against what the clients' kernels counted on their tunnels")
    for client, device_before, before in zip(subscribers(bed), devices_before, pop_before):
        hosts = difference(device_statistics(client), device_before)
        pop = difference(bed.pop.tunnel_counters(client), before)
        verdict = "equal" if hosts == pop else "DIFFERENT"
        fine = fine and hosts == pop
        for place, counts in (("clients", hosts), ("PoP", pop)):
            numbers = "  ".join(f"{name} {value}" for name, value in counts.items())
            print(f"   T{client.tunnel_id}  {place:8} {numbers}")
        print(f"   T{client.tunnel_id}  {verdict}")
    print(
        f"   pings: {flow.sent} sent, {flow.answered} answered, {flow.lost} lost, "
        f"{flow.under_way} still under way when traffic was stopped"
    )
    megabytes = 2 * flow.transfers * TRANSFER_BYTES / 1e6
    print(f"   TCP: {flow.transfers} transfers, {megabytes:.0f} MB, content verified")
    if flow.error:
        print(f"   TCP: {flow.error}")
    fine = fine and flow.lost == 0 and flow.transfers > 0 and not flow.error
    bed.check_conservation()
    print("   every packet the PoP received, made or dropped is accounted for")
    return fine


def run(bed, seconds):
    start_dynamic_tunnels(bed)
    describe(bed)
    heading("simplonctl tunnel list")
    print(bed.pop.cli("tunnel", "list").stdout, end="")
    heading("simplonctl tunnel states")
    print(bed.pop.cli("tunnel", "states").stdout, end="")
    for client in subscribers(bed):
        traffic.expect_ping(bed.host, client.ipv6, count=1)
    # The kernels announce their multicast groups on a new device for a second; the PoP drops that,
    # by name, so it would be in their counts and not in the PoP's.
    time.sleep(ANNOUNCING_SECONDS)
    devices_before = [device_statistics(client) for client in subscribers(bed)]
    pop_before = [bed.pop.tunnel_counters(client) for client in subscribers(bed)]

    until = f"for {seconds:g} s" if seconds is not None else "until Ctrl-C"
    heading(f"traffic both ways through every tunnel, {until}")
    flow = Traffic(bed)
    interrupted = False
    try:
        watch(bed, flow, seconds)
    except KeyboardInterrupt:
        interrupted = True
        heading("interrupted: stopping traffic")
    flow.stop()
    fine = verify(bed, flow, devices_before, pop_before)
    heading("simplonctl drops")
    print(bed.pop.cli("drops").stdout, end="")
    bed.pop.stop()
    if not fine:
        heading("FAILED: counters or traffic differ")
        return 1
    heading("counters match what the hosts sent")
    return 130 if interrupted and seconds is not None else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build-dir", default="build")
    parser.add_argument("--seconds", type=float, default=None if sys.stdout.isatty() else 20)
    parser.add_argument("--driver", choices=BOTH_DRIVERS, default="af_packet")
    arguments = parser.parse_args()
    reason = namespaces_possible()
    if reason:
        sys.exit(f"demo: network namespaces are not possible here: {reason}")
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    try:
        heading("bringing up the PoP and the hosts around it")
        with Bed(Programs(arguments.build_dir), arguments.driver) as bed:
            try:
                return run(bed, arguments.seconds)
            except (AssertionError, CommandFailed) as error:
                print(f"demo: {error}\n{bed.logs()}", file=sys.stderr)
                return 1
    except KeyboardInterrupt:
        return 130
    finally:
        stop_all()


if __name__ == "__main__":
    sys.exit(main())
