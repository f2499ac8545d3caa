# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""State, errors and events of tunnels; what clients send comes from capture files."""

import calendar
import csv
import os
import re
import shutil
import signal
import time

import packets
from harness import case, expect, expect_lines, expect_text

SECRET = "correct-horse-battery-staple"
POP = "192.0.2.10"
HOME = "198.51.100.3"
AWAY = "203.0.113.9"


def create(pop, number, kind):
    pop.ok("tunnel", "create", f"T{number}", "--type", kind, "--slot", str(number),
           "--password-file", "-", stdin=SECRET)  # fmt: skip


def identity(number):
    return f"2001:db8:1:{number:x}::2"


def send(pop, *frames):
    """Lets the dataplane receive these frames, once, by its last table."""
    capture = pop.path("in.pcap")
    port = f"net_pcap0,rx_pcap={capture},tx_pcap=/dev/null"
    if not hasattr(pop, "mac"):
        packets.write_capture(capture, [])
        pop.restart_dataplane(port)
        pop.mac = bytes.fromhex(pop.json("port", "show")["ports"][0]["mac"].replace(":", ""))
    packets.write_capture(capture, [pop.mac + frame[6:] for frame in frames])
    pop.restart_dataplane(port)


def state(pop, number):
    return pop.json("tunnel", "state", f"T{number}")


def fields(text):
    return dict(re.split(r"  +", line, maxsplit=1) for line in text.splitlines())


@case("what needs the runtime state is exit code 5 before any dataplane has been there")
def _(pop):
    create(pop, 5, "ayiya")
    for arguments in (
        ["state", "T5"], ["states"], ["errors", "T5"], ["error-packet", "T5", "ayiya-replayed"],
        ["take-down", "T5"], ["clear-epoch", "T5"], ["set-endpoint", "T5", HOME, "--port", "1"],
        ["reset-errors", "--all"],
    ):  # fmt: skip
        pop.fails(5, "tunnel", *arguments, out="", err=r"simplonctl: .+ \[DATAPLANE_UNAVAILABLE\]")


@case("tunnel state says up or down and why, and the operator's word counts", dataplane=True)
def _(pop):
    create(pop, 5, "ayiya")
    create(pop, 6, "heartbeat")
    pop.ok("tunnel", "create", "T1", "--remote", "198.51.100.1", "--slot", "1")
    shown = fields(pop.ok("tunnel", "state", "T5"))
    expect(shown["tunnel"] == "T5, ayiya, slot 5" and shown["admin state"] == "enabled", str(shown))
    expect(shown["state"].startswith("down") and shown["reason"].startswith("never-seen: "), str(shown))
    expect(shown["endpoint"] == "not known" and shown["last seen"] == "never", str(shown))
    shown = fields(pop.ok("tunnel", "state", "2001:db8:1:1::2"))
    expect(shown["state"].startswith("up") and shown["reason"].startswith("static"), str(shown))
    expect(shown["endpoint"] == f"198.51.100.1, protocol 41, at our {POP}", str(shown))
    expect("last seen" not in shown and shown["mtu"] == "1480", str(shown))

    pop.ok("tunnel", "set-endpoint", "T5", HOME, "--port", "4711",
           out=f"T5 has the endpoint given; it is up at {HOME}:4711\n")  # fmt: skip
    shown = fields(pop.ok("tunnel", "state", "T5"))
    expect(shown["endpoint"] == f"{HOME}:4711, AYIYA, at our {POP}", str(shown))
    expect(shown["state"].startswith("up") and shown["mtu"] == "1428", str(shown))
    expect(re.fullmatch(r"\d+s ago \(.+ UTC\)", shown["last seen"]), str(shown))
    pop.ok("tunnel", "take-down", "T5", out="T5 taken down; it is down\n")
    expect(state(pop, 5)["reason_code"] == "TAKEN_DOWN", str(state(pop, 5)))
    out = pop.ok("tunnel", "set-endpoint", "T6", HOME)
    expect(out == f"T6 has the endpoint given; it is up at {HOME}\n", out)
    pop.ok("tunnel", "clear-epoch", "T6", out=f"T6 accepts any time once; it is up at {HOME}\n")
    pop.ok("tunnel", "disable", "T6")
    expect(fields(pop.ok("tunnel", "state", "T6"))["reason"].startswith("admin-disabled"), "T6")

    pop.fails(4, "tunnel", "take-down", "T1", err=r"simplonctl: .+ \[NOT_DYNAMIC\]")
    pop.fails(1, "tunnel", "set-endpoint", "T6", HOME, "--port", "7", err=r"simplonctl: endpoint\..+")
    pop.fails(1, "tunnel", "set-endpoint", "T6", "home", err=r"simplonctl: endpoint\.address: .+")
    for arguments in (["state"], ["take-down"], ["clear-epoch"], ["errors"], ["reset-errors"]):
        pop.fails(3, "tunnel", *arguments, "T9", err=r"simplonctl: .+ \[TUNNEL_NOT_FOUND\]")


@case("tunnel states lists and counts, by state, reason and errors", dataplane=True)
def _(pop):
    create(pop, 5, "ayiya")
    create(pop, 6, "heartbeat")
    create(pop, 7, "dynamic")
    pop.ok("tunnel", "create", "T1", "--remote", "198.51.100.1", "--slot", "1")
    pop.ok("tunnel", "set-endpoint", "T5", HOME, "--port", "4711")
    pop.ok("tunnel", "disable", "T7")

    def names(*arguments):
        out = pop.ok("--no-headers", "tunnel", "states", *arguments)
        return [line.split()[0] for line in out.splitlines()]

    for arguments, expected in (
        ([], ["T1", "T5", "T6", "T7"]),
        (["--up"], ["T1", "T5"]),
        (["--down"], ["T6", "T7"]),
        (["--reason", "never-seen"], ["T6"]),
        (["--reason", "static", "--reason", "admin-disabled"], ["T1", "T7"]),
        (["--errors"], []),
        (["--filter", "type=AYIYA"], ["T5"]),
        (["--limit", "2"], ["T1", "T5"]),
    ):
        found = names(*arguments)
        expect(found == expected, f"{arguments}: {found}, not {expected}")
    pop.wait_until(lambda: pop.json("tunnel", "states")["up"] == 2)
    lines = pop.ok("tunnel", "states").splitlines()
    expect(lines[0].split() == ["TUNNEL", "TYPE", "STATE", "ENDPOINT", "LAST-SEEN", "MOVES",
                                "ERRORS", "REASON", "WHY"], lines[0])  # fmt: skip
    expect(lines[-1] == "2 up, 1 down, 1 disabled", lines[-1])
    expect(re.match(rf"T5 +ayiya +up +{HOME}:4711 +\d+s +0 +0 +", lines[2]), lines[2])
    rows = list(csv.DictReader(pop.ok("-o", "csv", "tunnel", "states").splitlines()))
    expect([row["endpoint.port"] for row in rows] == ["0", "4711", "0", "0"], str(rows))
    pop.fails(2, "tunnel", "states", "--reason", "tired")
    dynamic = [line for line in pop.ok("pop", "status").splitlines() if line.startswith("dynamic ")]
    expect(len(dynamic) == 1 and "1 up" in dynamic[0] and "1 down" in dynamic[0], str(dynamic))


@case("beats and AYIYA packets are seen in state, errors and events", dataplane=True)
def _(pop):
    create(pop, 5, "ayiya")
    create(pop, 6, "heartbeat")
    create(pop, 7, "heartbeat")
    send(pop)
    watching = pop.spawn("watch", "--tunnel-events", "--kind", "publish")
    watching.wait_for("sync")
    now = int(time.time())
    bad = packets.beat("203.0.113.66", POP, identity(6), "not-the-password", port=6666)
    send(
        pop,
        packets.ayiya_beat(HOME, 4711, POP, identity(5), SECRET, now - 20),
        packets.beat(HOME, POP, identity(6), SECRET, now - 20),
        packets.ayiya_beat(AWAY, 4712, POP, identity(5), SECRET, now - 10),
        packets.ayiya_beat("203.0.113.77", 4713, POP, identity(5), SECRET, now - 20),
        bad, bad, bad,
        packets.beat(HOME, POP, identity(7), SECRET, now - 4000),
    )  # fmt: skip
    pop.wait_until(lambda: state(pop, 7)["reason_code"] == "CLIENT_CLOCK")
    five = state(pop, 5)
    expect(five["oper_state"] == "UP" and five["endpoint"]["address"] == AWAY, str(five))
    expect(five["moves"] == "1" and five["replays"] == "1", str(five))
    expect(state(pop, 6)["endpoint"] == dict(address=HOME, port=0, transport="TRANSPORT_PROTO41",
                                             local=POP), str(state(pop, 6)))  # fmt: skip
    seven = fields(pop.ok("tunnel", "state", "T7"))
    expect(seven["reason"].startswith("client-clock: "), str(seven))
    expect(re.match(r"(39|40)\d\d s behind", seven["client clock"]), str(seven))
    expect([line.split()[0] for line in pop.ok("--no-headers", "tunnel", "states", "--errors").splitlines()]
           == ["T5", "T6", "T7"], "with errors")  # fmt: skip

    watching.wait_for("T5 replayed")
    watching.end(signal.SIGINT)
    for text in (
        f"T5 up at {HOME}:4711 (AYIYA)",
        f"T5 moved from {HOME}:4711 to {AWAY}:4712 (AYIYA)",
        "T5 replayed AYIYA packet from 203.0.113.77:4713 refused",
        f"T6 up at {HOME} (protocol 41)",
    ):
        expect(text in watching.out, f"'{text}' is not in:\n{watching.out}")

    rows = pop.ok("tunnel", "errors", "T6").splitlines()
    expect(rows[0].split() == ["REASON", "COUNT", "LAST", "LAST-SOURCE", "CLIENT-CLOCK", "PACKET",
                               "MEANING"], rows[0])  # fmt: skip
    expect(re.match(r"beat-bad-digest +3 +\d+s +203\.0\.113\.66:6666 +- +kept +heartbeat digest", rows[1]),
           rows[1])  # fmt: skip
    rows = pop.ok("--no-headers", "tunnel", "errors", "T7").split()
    expect(rows[0] == "beat-clock-skew" and rows[4:7][1] == "s", str(rows))
    screen = pop.ok("tunnel", "error-packet", "T6", "beat-bad-digest")
    without_age = lambda text: re.sub(r"\d+\w+ ago", "… ago", text)
    expect(without_age(screen) == without_age(pop.ok("tunnel", "error-packet", "T6")),
           "the most recent one")
    shown = screen.splitlines()
    expect(shown[0].startswith("reason  beat-bad-digest: "), screen)
    expect('203.0.113.66 > 192.0.2.10 length 1' in screen and 'UDP 6666 > 3740' in screen, screen)
    expect("\n0000  45 00 " in screen, screen)
    dump = pop.ok("tunnel", "error-packet", "T6", "beat-bad-digest", "--hex")
    expect(dump.startswith("0000  45 00 ") and screen.endswith(dump), dump)
    capture = pop.path("bad.pcap")
    pop.ok("tunnel", "error-packet", "T6", "beat-bad-digest", "--pcap", capture, out="")
    with open(capture, "rb") as source:
        link_type, kept = packets.read_capture(source.read())
    expect(link_type == 101 and len(kept) == 1, str(kept))
    expect(kept[0] == (len(bad) - 14, bad[14:142]), str(kept))
    pop.fails(3, "tunnel", "error-packet", "T6", "ayiya-replayed", err=r"simplonctl: .+")
    pop.fails(2, "tunnel", "error-packet", "T6", "--hex", "--pcap", capture)
    pop.fails(2, "tunnel", "reset-errors", err="simplonctl: give either a TUNNEL or --all")

    pop.ok("tunnel", "reset-errors", "T6", out="errors of T6 are counted anew\n")
    expect(len(pop.ok("tunnel", "errors", "T6").splitlines()) == 1, "not reset")
    expect(state(pop, 5)["errors"] == "1", str(state(pop, 5)))
    pop.fails(3, "tunnel", "error-packet", "T6", err="simplonctl: T6: no packet of any error is kept")
    pop.ok("tunnel", "reset-errors", "--all", out="errors of all tunnels are counted anew\n")
    expect(state(pop, 5)["errors"] == "0", str(state(pop, 5)))
    expect_text(pop.ok("--no-headers", "tunnel", "states", "--errors"), "")
    expect_lines(pop.ok("tunnel", "take-down", "T5"), ["T5 taken down; it is down"])


@case("a tunnel without a sign of life goes down after its timeout, to the second", dataplane=True)
def _(pop):
    create(pop, 6, "heartbeat")
    pop.ok("tunnel", "update", "T6", "--beat-timeout", "10")
    watching = pop.spawn("watch", "--tunnel-events", "--name", "T6")
    watching.wait_for("sync")
    pop.ok("tunnel", "set-endpoint", "T6", HOME)
    begin = time.monotonic()
    watching.wait_for(f"T6 down: no sign of life for 10 s, was at {HOME} (protocol 41)")
    waited = time.monotonic() - begin
    watching.end(signal.SIGINT)
    expect(9 <= waited <= 13, f"down after {waited:.1f} s")
    shown = fields(pop.ok("tunnel", "state", "T6"))
    expect(shown["reason"].startswith("timed-out: last beat 1"), str(shown))
    expect(shown["endpoint"].endswith(" (last known)"), str(shown))
    pop.ok("tunnel", "set-endpoint", "T6", AWAY)
    expect(state(pop, 6)["oper_state"] == "UP", str(state(pop, 6)))


@case("endpoints outlive kill -9 of either process and a reboot", dataplane=True)
def _(pop):
    create(pop, 5, "ayiya")
    create(pop, 6, "heartbeat")
    pop.ok("tunnel", "set-endpoint", "T6", AWAY)
    epoch = int(time.time()) - 5
    send(pop, packets.ayiya_beat(HOME, 4711, POP, identity(5), SECRET, epoch))

    def check(what):
        pop.wait_until(lambda: state(pop, 5)["oper_state"] == "UP")
        five, six = state(pop, 5), state(pop, 6)
        expect(five["endpoint"] == dict(address=HOME, port=4711, transport="TRANSPORT_AYIYA",
                                        local=POP), f"{what}: {five}")  # fmt: skip
        expect(six["oper_state"] == "UP" and six["endpoint"]["address"] == AWAY, f"{what}: {six}")
        known = calendar.timegm(time.strptime(five["highest_epoch"], "%Y-%m-%dT%H:%M:%SZ"))
        expect(epoch <= known <= epoch + 10, f"{what}: {five}")

    check("at first")
    time.sleep(3)  # for the journal
    pop.control.kill()
    pop.control.wait()
    pop.start_control()
    check("control killed")
    pop.dataplane.kill()
    pop.dataplane.wait()
    pop.restart_dataplane("net_null0,no-rx=1")
    check("dataplane killed")
    for process in (pop.control, pop.dataplane):
        process.kill()
        process.wait()
    shutil.rmtree(pop.path("dataplane"))  # what a reboot does to a tmpfs
    os.unlink(pop.path("dataplane.sock"))
    pop.start_dataplane()
    pop.start_control()
    check("rebooted")
