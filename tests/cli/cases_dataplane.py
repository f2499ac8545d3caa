# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""What needs a dataplane; it has a port on which nothing ever arrives, so counters stay 0."""

import time

import packets

from harness import case, expect, expect_lines

PREPARE = ("tunnel", "create", "T1", "--remote", "198.51.100.1")


@case("a change is in force when the command returns", dataplane=True)
def _(pop):
    pop.fails(0, *PREPARE, err=[])
    snapshot = pop.json("snapshot", "show")
    expect(snapshot["publish"]["state"] == "ACTIVE", str(snapshot))
    expect(snapshot["active_revision"] == "2" and snapshot["tunnels"] == 1, str(snapshot))
    status = pop.ok("pop", "status")
    expect("\ndataplane     connected, version " in status, status)
    expect("\nports         1 worker, 1 of 1 port up\n" in status, status)
    expect("\npublish       ACTIVE\nin force      revision 2, generation " in status, status)


@case("counters of the PoP, of one tunnel and of all", dataplane=True)
def _(pop):
    pop.ok(*PREPARE)
    lines = pop.ok("counters").splitlines()
    expect(lines[0].split() == ["COUNTER", "TOTAL"], lines[0])
    names = [line.split()[0] for line in lines[1:]]
    expect(names[:5] == ["tunnel_in_packets", "tunnel_in_bytes", "tunnel_out_packets",
                         "tunnel_out_bytes", "drops"], str(names))  # fmt: skip
    expect("rx_packets" in names and "busy_cycles" in names, str(names))
    table = ("TUNNEL  IN-PACKETS  IN-BYTES  OUT-PACKETS  OUT-BYTES  LAST-IN\n"
             "T1               0         0            0          0    never\n")  # fmt: skip
    pop.ok("counters", "T1", out=table)
    pop.ok("counters", "2001:db8:1::2", out=table)
    pop.ok("counters", "--all", out=table)
    pop.ok("counters", "--all", "--skip-idle", out=table.splitlines()[0] + "\n")
    rates = ("TUNNEL  IN-PACKETS/S  IN-MBIT/S  OUT-PACKETS/S  OUT-MBIT/S  LAST-IN\n"
             "T1               0.0      0.000            0.0       0.000    never\n")  # fmt: skip
    pop.ok("counters", "T1", "--rate", out=rates)
    heads = pop.ok("counters", "--rate", "--per-worker").splitlines()[0]
    expect(heads.split() == ["COUNTER", "TOTAL", "PER-SECOND", "WORKER-0", "SLOW-PATH"], heads)
    one = pop.json("counters", "T1")
    expect(one["name"] == "tunnels/T1" and one["in_packets"] == "0", str(one))
    expect(len(pop.json("counters", "--all")["counters"]) == 1, "all")
    pop.fails(3, "counters", "T9", err=r"simplonctl: .+ \[TUNNEL_NOT_FOUND\]")
    pop.fails(2, "counters", "T1", "--all")
    pop.fails(2, "counters", "--filter", "id=1")
    pop.fails(2, "-o", "json", "counters", "--rate")
    pop.fails(2, "counters", "T1", "--per-worker")


@case("drops lists reasons, with zeros and explanations where they are wanted", dataplane=True)
def _(pop):
    expect(pop.ok("drops").split() == ["REASON", "PACKETS", "CATEGORY", "MEANING"], "no drops yet")
    lines = pop.ok("drops", "--zero").splitlines()
    expect(len(lines) > 50 and all(len(line) <= 120 for line in lines), "\n".join(lines))
    expect_lines(pop.ok("--no-headers", "drops", "hop-limit-exceeded"),
                 [r"hop-limit-exceeded  0  route  hop limit reached zero"])  # fmt: skip
    expect_lines(pop.ok("drops", "hop-limit-exceeded", "--explain"), [
        r"reason    hop-limit-exceeded", r"category  route", r"packets   0",
        r"meaning   hop limit reached zero",
        r"answer    ICMPv6 time exceeded, code 0: hop limit exceeded in transit",
    ])  # fmt: skip
    heads = pop.ok("drops", "--zero", "--per-worker").splitlines()[0]
    expect(heads.split() == ["REASON", "PACKETS", "CATEGORY", "WORKER-0", "SLOW-PATH"], heads)
    expect(pop.json("drops")["total"] == "0", "json")
    pop.fails(3, "drops", "gremlins", err="simplonctl: gremlins: no such reason; .+")


@case("worker, port and neighbor show", dataplane=True)
def _(pop):
    pop.ok(*PREPARE)
    time.sleep(0.1)
    heads, row = pop.ok("worker", "show").splitlines()
    expect(heads.split() == ["WORKER", "LCORE", "NUMA", "GENERATION", "LOOPS", "PACKETS", "BUSY-%",
                             "CYCLES/PACKET"], heads)  # fmt: skip
    expect(row.split()[0] == "0" and row.split()[5] == "0" and row.split()[7] == "-", row)
    heads, row = pop.ok("port", "show").splitlines()
    expect(heads.split() == ["PORT", "DRIVER", "MAC", "LINK", "QUEUES", "RX-PACKETS", "RX-LOST",
                             "TX-PACKETS", "TX-ERRORS"], heads)  # fmt: skip
    expect(row.split()[:2] == ["uplink", "net_null"] and "up" in row.split(), row)
    heads = pop.ok("neighbor", "show").splitlines()[0]
    expect(heads.split() == ["ADDRESS", "MAC", "STATE", "PORT", "VLAN", "CONFIRMED"], heads)
    worker = pop.json("worker", "show")["workers"][0]
    expect(int(worker["loops"]) > 0, str(worker))


@case("worker show: cycles per packet by stage, and sizes of bursts", dataplane=True)
def _(pop):
    pop.ok(*PREPARE)
    capture = pop.path("in.pcap")
    frame = packets.udp("192.0.2.99", 1000, "192.0.2.1", 1000, b"x" * 20)
    packets.write_capture(capture, [frame] * 100)
    pop.restart_dataplane(f"net_pcap0,rx_pcap={capture},tx_pcap=/dev/null")
    pop.wait_until(lambda: pop.json("worker", "show")["workers"][0]["packets"] == "100")
    worker = pop.json("worker", "show")["workers"][0]
    stages = {stage["stage"]: stage for stage in worker["stages"]}
    # The first burst is timed.
    expect(list(stages)[0] == "receive" and list(stages)[-1] == "transmit", str(worker))
    for stage in stages.values():
        expect(1 <= int(stage["packets"]) <= 32 and int(stage["cycles"]) > 0, str(worker))
        expect(stage["cycles_per_packet"] == int(stage["cycles"]) / int(stage["packets"]), str(stage))
    bursts = [int(bucket["bursts"]) for bucket in worker["bursts"]]
    expect([(b["from"], b["to"]) for b in worker["bursts"]] == [
        (1, 1), (2, 3), (4, 7), (8, 15), (16, 31), (32, 63), (64, 64)], str(worker))  # fmt: skip
    expect(bursts == [0, 0, 1, 0, 0, 3, 0], str(worker))  # 32, 32, 32, 4

    lines = pop.ok("worker", "show").splitlines()
    expect(lines[2:4] == ["", "Cycles per packet by stage, of the bursts that were timed:"], str(lines))
    expect(lines[4].split() == ["WORKER", *(name.upper() for name in stages)], str(lines))
    expect(lines[5].split()[1] == f"{stages['receive']['cycles_per_packet']:.1f}", str(lines))
    expect_lines("\n".join(lines[6:]), [
        r"", r"Receive bursts by frames, in percent:", r"WORKER  BURSTS  1  2-3   4-7  8-15  16-31  32-63  64",
        r"     0       4  -    -  25.0     -      -   75.0   -",
    ])  # fmt: skip
    expect(len(pop.ok("--no-headers", "worker", "show").splitlines()) == 1, "one line for scripts")
    lines = pop.ok("worker", "show", "--rate").splitlines()
    expect(lines[0].split()[-1] == "PACKETS/S" and len(lines) == 2, str(lines))
    expect(lines[1].split()[5] == "0" and lines[1].split()[-1] == "0", str(lines))
    pop.fails(2, "-o", "json", "worker", "show", "--rate", err="simplonctl: --rate is for tables; .+")


@case("conservation check prints the terms and that they balance", dataplane=True)
def _(pop):
    lines = pop.ok("conservation", "check").splitlines()
    expect([line.split()[0] for line in lines] == [
        "TERM", "rx", "originated", "fragments_made", "tx", "consumed", "drops", "held",
        "difference", "balanced:",
    ], str(lines))  # fmt: skip
    law = pop.json("conservation", "check")
    expect(law["holds"] is True and law["difference"] == "0", str(law))
