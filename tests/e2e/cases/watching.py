# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Who looks on: at workers under traffic, at the log; and a watcher that does not keep up."""

import re
import time

from simplon_e2e import config, traffic
from simplon_e2e.reflection import ReflectionClient
from simplon_e2e.processes import wait_until
from simplon_e2e.registry import case
from simplon_e2e.topology import HOST_IPV6

AF_PACKET = ("af_packet",)

LOOK_SECONDS = 3
# Of what the time stamp counter says has passed: the counts and the time are not read at one instant.
CYCLES_OFF = 0.1

FIRST_ID = 700000
FIRST_SLOT = 20000
MANY = 4000
KEPT_EVENTS = 16384  # by control, for watchers
MOST_GROWTH_MIB = 32  # 8 to 20 were seen, however many events were missed
# Of a machine that has other things to do.
MOST_CALL_SECONDS = 15
MOST_LOST = 5  # one ping in so many


# ---- Workers.


@case("worker show under traffic: cycles by stage, busy and idle, and bursts sum up")
def _(bed):
    def uncounted():
        """Packets the PoP's total has and the workers of this dataplane have not: of those before it."""
        workers = bed.pop.query("worker", "show")["workers"]
        return bed.pop.counter("rx_packets") - sum(int(worker["packets"]) for worker in workers)

    bed.pop.wait_for_rest()
    earlier = uncounted()
    stream = traffic.Stream(bed.host, bed.clients[0].ipv6, bed.directory, interval=0.002)
    before = bed.pop.query("worker", "show")
    time.sleep(LOOK_SECONDS)
    after = bed.pop.query("worker", "show")
    text = bed.pop.cli("worker", "show", "--rate").stdout
    stream.stop()
    bed.pop.wait_for_rest()
    rest = bed.pop.query("worker", "show")

    assert stream.received > 0, "no traffic to look at"
    assert len(after["workers"]) == bed.pop.workers, after
    for worker in rest["workers"]:
        check_worker(worker)
    # Somebody's neighbour discovery may come between the two readings.
    wait_until(lambda: uncounted() == earlier, "the workers' packets are the PoP's", timeout=5)
    seconds = moment(after) - moment(before)
    for old, new in zip(before["workers"], after["workers"]):
        spent = cycles(new) - cycles(old)
        expected = seconds * int(after["tsc_hz"])
        assert abs(spent - expected) <= CYCLES_OFF * expected, (
            f"worker {new['index']}: {spent} cycles busy and idle in {seconds:.2f} s,"
            f" which are {expected:.0f}"
        )
        assert int(new["loops"]) > int(old["loops"]), (old, new)
    gained = sum(
        int(new["packets"]) - int(old["packets"])
        for old, new in zip(before["workers"], after["workers"])
    )
    # Requests and answers, unless the machine is too busy to send them in time.
    assert gained >= stream.received * LOOK_SECONDS // 10, f"{gained} packets, {stream.received} answers"
    check_text(text)


def check_worker(worker):
    """What one worker says of itself fits together."""
    busy, idle, packets = (int(worker[name]) for name in ("busy_cycles", "idle_cycles", "packets"))
    assert busy > 0 and idle > 0 and packets > 0, worker
    assert_close(worker["busy"], busy / (busy + idle), "busy share", worker)
    assert_close(worker["cycles_per_packet"], busy / packets, "cycles per packet", worker)

    stages = {stage["stage"]: stage for stage in worker["stages"]}
    assert "receive" in stages and "transmit" in stages, worker
    for stage in stages.values():
        timed, spent = int(stage["packets"]), int(stage["cycles"])
        assert 0 < timed <= packets and spent > 0, worker
        assert_close(stage["cycles_per_packet"], spent / timed, stage["stage"], worker)
    assert sum(int(stage["cycles"]) for stage in stages.values()) <= busy, worker

    buckets = [(one["from"], one["to"], int(one["bursts"])) for one in worker["bursts"]]
    for (_, last, _), (first, _, _) in zip(buckets, buckets[1:]):
        assert first == last + 1, f"between {last} and {first} frames: {worker}"
    least = sum(first * bursts for first, _, bursts in buckets)
    most = sum(last * bursts for _, last, bursts in buckets)
    assert least <= packets <= most, f"bursts of {least} to {most} frames, {packets} packets: {worker}"


def check_text(text):
    """The tables for people: each of the three, and percentages that are all there is."""
    assert "BUSY-%" in text and "PACKETS/S" in text, text
    assert "RECEIVE" in text.split("Cycles per packet by stage")[1], text
    rows = text.split("Receive bursts by frames, in percent:\n")[1].splitlines()
    shares = [float(word) for word in re.findall(r"\d+\.\d", rows[1])]
    assert abs(sum(shares) - 100) <= 0.1 * len(shares), text


def assert_close(said, expected, what, where):
    assert abs(said - expected) <= 1e-6 * max(1.0, abs(expected)), f"{what}: {said}, not {expected}: {where}"


def cycles(worker):
    return int(worker["busy_cycles"]) + int(worker["idle_cycles"])


def moment(reply):
    """Seconds of the clock, from 2026-11-21T22:30:00.123456789Z."""
    whole, fraction = re.fullmatch(r"(.*?)(\.\d+)?Z", reply["read_time"]).groups()
    return time.mktime(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float(fraction or 0)


@case("more pools than the plain path knows are forwarded without it, and the log says so")
def _(bed):
    pop = bed.pop
    most_pools = 64
    whole = config.whole(bed.network)
    more = "".join(
        f'pools {{ name: "more{i}" kind: DELEGATED unit_length: 64 prefix: "2001:db8:{0x6000 + i:x}::/48" }}\n'
        for i in range(most_pools - whole.count("pools {"))
    )
    for text, path in ((whole + more, "off"), (whole, "on")):
        pop.apply(text)
        with open(pop.logs["dataplane"], encoding="utf-8") as log:
            active = [line for line in log if "snapshot_active" in line]
        assert f"plain_path={path}" in active[-1], active[-1]
        traffic.expect_ping(bed.clients[0].namespace, HOST_IPV6, count=20)
        traffic.expect_ping(bed.host, bed.clients[0].ipv6, count=20)


# ---- Watchers.


class Watcher:
    """A client of Watch with a channel of its own, from `sync` on."""

    def __init__(self, pop):
        # Else gRPC would take in many megabytes before anybody reads them.
        self._api = ReflectionClient(f"unix:{pop.control_socket}", [("grpc.http2.bdp_probe", 0)])
        self._stream = self._api.stream("simplon.v1.WatchService", "Watch")
        self.missed = 0  # events, by the gaps it was told of
        self.description = ""  # of the tunnel that was changed last
        self._last = next(self._stream)
        assert self._last.HasField("sync"), self._last

    def read(self):
        """One message; that nothing is missing but what gaps say shows by the numbers."""
        event, before = next(self._stream), self._last.sequence
        if event.HasField("gap"):
            assert event.sequence == before + event.gap.missed > before, (self._last, event)
            self.missed += event.gap.missed
        else:
            step = 0 if event.HasField("heartbeat") else 1
            assert event.sequence == before + step, (self._last, event)
        if event.HasField("change"):
            self.description = event.change.new.tunnel.description
        self._last = event

    def read_until(self, description):
        while self.description != description:
            self.read()

    def close(self):
        self._stream.cancel()
        self._api.close()


@case("a watcher that does not read is told what it missed, and nobody else notices", AF_PACKET)
def _(bed):
    pop, remote = bed.pop, bed.clients[0].ipv4
    whole = config.whole(bed.network)
    changed = 0
    slow, quick = Watcher(pop), Watcher(pop)

    def change_all(times):
        """Each of many tunnels so often, in calls that are answered in time; the quick one follows."""
        nonlocal changed
        for _ in range(times):
            changed += 1
            more = (
                f'tunnels {{ id: {FIRST_ID + i} slot: {FIRST_SLOT + i} type: PROTO41 remote: "{remote}"'
                f' description: "change {changed}" }}\n'
                for i in range(MANY)
            )
            begin = time.monotonic()
            pop.apply(whole + "".join(more))
            took = time.monotonic() - begin
            assert took < MOST_CALL_SECONDS, f"a change took {took:.1f} s"
            quick.read_until(f"change {changed}")

    try:
        stream = traffic.Stream(bed.host, bed.clients[1].ipv6, bed.directory)
        # Until there are all the events that are ever kept, and what lies on the way to it is full.
        change_all(2 + KEPT_EVENTS // MANY)
        before = resident_mib(pop.control.pid)
        change_all(2 * (1 + KEPT_EVENTS // MANY))
        growth = resident_mib(pop.control.pid) - before
        stream.stop()
        slow.read_until(f"change {changed}")
    finally:
        slow.close()
        quick.close()
        pop.apply(whole)

    print(f"      control grew by {growth:.1f} MiB, {slow.missed} events missed, {stream.lost} of {stream.sent} pings lost")
    assert growth <= MOST_GROWTH_MIB, f"control grew by {growth:.1f} MiB for one that does not read"
    assert stream.lost <= stream.sent // MOST_LOST, f"{stream.lost} of {stream.sent} pings lost"
    assert quick.missed == 0, f"the quick one missed {quick.missed} events"
    assert slow.missed >= KEPT_EVENTS, f"the slow one was told of {slow.missed} missing events"


def resident_mib(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(re.search(r"^VmRSS:\s+(\d+) kB", file.read(), re.M).group(1)) / 1024
