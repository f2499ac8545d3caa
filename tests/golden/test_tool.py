#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""simplon-pcap as a program: files it cannot read, arguments it does not understand, what it prints.

  test_tool.py --tool BINARY [TEST ...]

The last line is "N passed, M failed".
"""

import argparse
import os
import struct
import subprocess
import sys
import tempfile

from golden import FIXTURES, ROOT, header_checksum, ipv4_offset, read_pcap

CONFIG = os.path.join(FIXTURES, "configs", "one-port.txtpb")
MAC = bytes.fromhex("020000000001")  # of the first port by default
GATEWAYS = ["--neighbor", "wan0:192.0.2.254=02:00:5e:00:04:fe", "--neighbor", "wan0:2001:db8:ffff::fe=02:00:5e:00:06:fe"]
ETHERNET, RAW, SLL, SLL2, WIFI = 1, 101, 113, 276, 105
PCAP_MAGIC = 0xa1b2c3d4


def native_packet(destination="20010db800ff00010000000000000002", payload=b""):
    """IPv6 from the outside to T1's ::2, without an upper layer."""
    return (bytes.fromhex("60000000") + struct.pack("!HBB", len(payload), 59, 64) +
            bytes.fromhex("20010db8aaaa00000000000000000001") + bytes.fromhex(destination) + payload)


def frame(packet, source=b"\2\0\x5e\0\6\xfe"):
    return MAC + source + (b"\x86\xdd" if packet[0] >> 4 == 6 else b"\x08\x00") + packet


def pcap_bytes(records, linktype=ETHERNET, magic=PCAP_MAGIC, snaplen=262144):
    """A pcap file of records (seconds, bytes) or (seconds, bytes, length on the wire)."""
    data = bytearray(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, snaplen, linktype))
    for seconds, content, *rest in records:
        data += struct.pack("<IIII", int(seconds), int(seconds * 1e6) % 1_000_000, len(content),
                            rest[0] if rest else len(content)) + content
    return bytes(data)


class Bench:
    """Runs the tool in a directory of its own."""

    def __init__(self, tool, directory):
        self.tool, self.directory = tool, directory

    def path(self, name, content=None):
        path = os.path.join(self.directory, name)
        if content is not None:
            with open(path, "wb") as out:
                out.write(content)
        return path

    def run(self, *arguments, status=0):
        result = subprocess.run([self.tool, *arguments], capture_output=True, encoding="utf-8", errors="replace",
                                timeout=120, check=False)
        assert result.returncode == status, (
            f"status {result.returncode} instead of {status}\n{result.stdout[-2000:]}\n{result.stderr[-2000:]}")
        return result

    def replay(self, content, *arguments, status=0, config=CONFIG, name="in.pcap"):
        """Runs a capture into wan0; returns the result and the records sent."""
        out = self.path("out.pcap")
        if os.path.exists(out):
            os.remove(out)
        result = self.run("--config", config, "--in", f"wan0={self.path(name, content)}", "--out", f"wan0={out}",
                          "--counters", "-", *GATEWAYS, *arguments, status=status)
        return result, read_pcap(out) if os.path.exists(out) else []

    def refuse(self, content, *needles):
        """A capture that must be refused, with these words."""
        result, _ = self.replay(content, status=1)
        for needle in ("in.pcap", *needles):
            assert needle in result.stderr, f"'{needle}' is not in: {result.stderr}"


def identifications_do_not_repeat_in_65535_packets(bench):
    """Conformance case 6: in static MTU mode 65,535 packets carry 65,535 identifications."""
    packet = native_packet("20010db800ff00030000000000000002")  # T3, static
    result, sent = bench.replay(pcap_bytes([(1_700_000_000, frame(packet))] * 65_535), "--burst", "64")
    assert "tunnel T3 out_packets 65535" in result.stdout, result.stdout
    seen = set()
    for record in sent:
        at = ipv4_offset(record.frame)
        assert record.frame[at + 6:at + 8] == b"\0\0", "DF or a fragment"
        seen.add(record.frame[at + 4:at + 6])
    assert len(sent) == len(seen) == 65_535, f"{len(seen)} different identifications in {len(sent)} packets"


def same_input_gives_the_same_output(bench):
    content = pcap_bytes([(1_700_000_000 + i * 0.01, frame(native_packet())) for i in range(50)])
    first, sent = bench.replay(content)
    second, again = bench.replay(content)
    assert first.stdout == second.stdout and sent == again and len(sent) == 50


def an_empty_capture_is_fine(bench):
    result, sent = bench.replay(pcap_bytes([]))
    assert result.stdout == "" and not sent


def a_missing_capture_is_named(bench):
    result = bench.run("--config", CONFIG, "--in", "wan0=/nonexistent/x.pcap", status=1)
    assert "/nonexistent/x.pcap" in result.stderr and "No such file" in result.stderr, result.stderr


def files_that_are_no_captures_are_refused(bench):
    for content in (b"", b"\xd4\xc3", b"hello, this is no capture at all", bytes(1000), b"\xff" * 1000):
        bench.refuse(content)


def a_capture_cut_off_anywhere_is_refused_or_read(bench):
    whole = pcap_bytes([(1_700_000_000, frame(native_packet())), (1_700_000_001, frame(native_packet()))])
    for size in range(0, len(whole), 7):
        path = bench.path("in.pcap", whole[:size])
        result = subprocess.run([bench.tool, "--config", CONFIG, "--in", f"wan0={path}", *GATEWAYS],
                                capture_output=True, text=True, timeout=60, check=False)
        assert result.returncode in (0, 1), f"{size} bytes: {result.returncode} {result.stderr}"
        assert (result.returncode == 1) == ("in.pcap" in result.stderr), result.stderr


def a_record_that_claims_too_much_is_refused(bench):
    header = pcap_bytes([])
    for captured, original in ((0x7fffffff, 0x7fffffff), (0xffffffff, 60), (300_000, 300_000), (60, 300_000)):
        bench.refuse(header + struct.pack("<IIII", 1_700_000_000, 0, captured, original) + bytes(60))
    bench.refuse(header + struct.pack("<IIII", 1_700_000_000, 0, 70_000, 70_000) + bytes(70_000), "packet 1", "more than")


def a_truncated_packet_is_refused_with_advice(bench):
    bench.refuse(pcap_bytes([(1_700_000_000, frame(native_packet())[:40], 54)]), "packet 1", "40 of 54", "-s 0")


def an_unknown_link_type_is_refused_by_name(bench):
    bench.refuse(pcap_bytes([(1_700_000_000, bytes(60))], WIFI), "IEEE802_11")


def captures_without_ethernet_get_a_link_header(bench):
    packet = native_packet()
    cooked = b"\0\0\0\1\0\6" + bytes(6) + b"\0\0\x86\xdd" + packet
    cooked2 = b"\x86\xdd\0\0\0\0\0\1\0\1\0\6" + bytes(8) + packet
    results = [bench.replay(pcap_bytes([(1_700_000_000, content)], kind))[1]
               for content, kind in ((frame(packet), ETHERNET), (packet, RAW), (cooked, SLL), (cooked2, SLL2))]
    assert len(results[0]) == 1 and all(r == results[0] for r in results), results


def a_cooked_record_that_is_too_short_is_refused(bench):
    bench.refuse(pcap_bytes([(1_700_000_000, bytes(10))], SLL), "packet 1", "link header")


def a_pcapng_file_is_read(bench):
    content = frame(native_packet())
    padded = content + bytes(-len(content) % 4)

    def block(kind, body):
        return struct.pack("<II", kind, len(body) + 12) + body + struct.pack("<I", len(body) + 12)

    time = 1_700_000_000 * 1_000_000
    data = (block(0x0a0d0d0a, struct.pack("<IHHq", 0x1a2b3c4d, 1, 0, -1)) + block(1, struct.pack("<HHI", ETHERNET, 0, 0)) +
            block(6, struct.pack("<IIIII", 0, time >> 32, time & 0xffffffff, len(content), len(content)) + padded))
    _, sent = bench.replay(data)
    assert len(sent) == 1 and sent[0].time_ns == time * 1000, sent


def nanoseconds_are_kept(bench):
    _, sent = bench.replay(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 262144, ETHERNET) +
                           struct.pack("<IIII", 1_700_000_000, 123_456_789, 54, 54) + frame(native_packet()))
    assert sent[0].time_ns == 1_700_000_000_123_456_789, sent


def frames_of_every_length_end_somewhere(bench):
    content = frame(native_packet(payload=bytes(range(256)) * 255)).ljust(65_535, b"\0")
    sizes = [*range(0, 120), 1500, 9000, 9728, 9729, 65_535]
    result, _ = bench.replay(pcap_bytes([(1_700_000_000, content[:size]) for size in sizes]))
    assert f"worker rx_packets {len(sizes)}" in result.stdout and "drop multi-segment 2" in result.stdout, result.stdout


def what_the_port_sent_itself_is_skipped(bench):
    content = pcap_bytes([(1_700_000_000, frame(native_packet(), source=MAC)), (1_700_000_000, frame(native_packet()))])
    result, sent = bench.replay(content)
    assert len(sent) == 1 and "skipped 1 frames" in result.stderr, result.stderr


def a_clock_that_steps_back_is_survived(bench):
    times = (1_700_000_000, 1_699_999_000, 1_700_000_001, 0, 4_000_000_000, 1)
    _, sent = bench.replay(pcap_bytes([(t, frame(native_packet())) for t in times]))
    assert len(sent) == len(times)


def explain_says_what_became_of_each_frame(bench):
    content = pcap_bytes([(1_700_000_000, frame(native_packet())),
                          (1_700_000_000.5, frame(native_packet("20010db8bbbb00000000000000000001"))),
                          (1_700_000_001, frame(native_packet("20010db800ff00040000000000000002"))),
                          (1_700_000_002, b"\xff")])
    lines = bench.replay(content, "--explain")[0].stdout.splitlines()
    for number, needles in enumerate((
            ("#1 1700000000.000000 wan0", "to T1", "forwarded", "74 bytes on wan0"),
            ("#2 1700000000.500000 wan0", "dropped as not-routed-here", "not ours"),
            ("#3", "to T4", "destination-disabled", "answered with an ICMPv6 error", "102 bytes on wan0"),
            ("#4", "frame-malformed"))):
        for needle in needles:
            assert needle in lines[number], f"'{needle}' is not in: {lines[number]}"


def neighbours_are_resolved_when_asked_to(bench):
    content = pcap_bytes([(1_700_000_000, frame(native_packet()))])
    out = bench.path("resolved.pcap")
    bench.run("--config", CONFIG, "--in", f"wan0={bench.path('in.pcap', content)}", "--out", f"wan0={out}",
              "--resolve-neighbors", "auto")
    sent = read_pcap(out)
    assert [r.frame[12:14] for r in sent] == [b"\x08\x06", b"\x86\xdd", b"\x08\x00"], sent
    assert sent[2].frame[:6] == bytes.fromhex("0253c00002fe"), sent[2].frame[:6].hex()


def a_snapshot_serves_as_configuration(bench):
    content = pcap_bytes([(1_700_000_000, frame(native_packet()))])
    snapshot = bench.path("snapshot")
    first, sent = bench.replay(content, "--write-snapshot", snapshot)
    out = bench.path("again.pcap")
    second = bench.run("--snapshot", snapshot, "--in", f"wan0={bench.path('in.pcap')}", "--out", f"wan0={out}", "--counters",
                       "-", *GATEWAYS)
    assert first.stdout == second.stdout and read_pcap(out) == sent


def a_damaged_snapshot_is_refused_with_its_section(bench):
    snapshot = bench.path("snapshot")
    bench.run("--config", CONFIG, "--write-snapshot", snapshot)
    with open(snapshot, "rb") as source:
        whole = source.read()
    for size in (0, 1, 100, 4096, len(whole) - 1):
        result = bench.run("--snapshot", bench.path("cut", whole[:size]), status=1)
        assert "cut" in result.stderr, result.stderr
    for at in (0, 8, 100, 5000, len(whole) // 2):
        damaged = whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1:]
        result = bench.run("--snapshot", bench.path("cut", damaged), status=1)
        assert "cut" in result.stderr, result.stderr


def a_faulty_configuration_is_refused_with_file_line_and_field(bench):
    with open(CONFIG, "rb") as source:
        good = source.read()
    for content, needles in (
            (good + b'tunnels { id: 77 slot: 77 type: PROTO41 remote: "198.51.100.77" mtu: 1481 }\n',
             (":%d:" % (good.count(b"\n") + 1), "mtu", "1280..1480")),
            (good + b"pools { nmae: 1 }\n", (":%d:" % (good.count(b"\n") + 1), "nmae")),
            (good + b'tunnels { id: 77 slot: 78 type: PROTO41 }\n', ("remote",)),
            (good.replace(b"kind: LINK", b"kind: LUNK"), ("LUNK",)),
            (b"", ("pop",)), (b"\0\xff\xfe", ("bad.txtpb",)), (b"pop {", ("bad.txtpb",))):
        result = bench.run("--config", bench.path("bad.txtpb", content), status=1)
        for needle in ("bad.txtpb", *needles):
            assert needle in result.stderr, f"'{needle}' is not in: {result.stderr}"


def wrong_arguments_are_refused_by_name(bench):
    for arguments, needle in (
            ((), "--config"), (("--config",), "--config wants"), (("--nonsense",), "--nonsense"), (("x.pcap",), "x.pcap"),
            (("--config", CONFIG, "--snapshot", "x"), "either"), (("--config", CONFIG, "--in", "x.pcap"), "PORT=FILE"),
            (("--config", CONFIG, "--burst", "65"), "1 to 64"), (("--config", CONFIG, "--burst", "0"), "1 to 64"),
            (("--config", CONFIG, "--speed", "9"), "as-recorded"), (("--config", CONFIG, "--linger", "-1"), "seconds"),
            (("--config", CONFIG, "--mac", "wan0=1:2:3"), "PORT=MAC"),
            (("--config", CONFIG, "--mac", "wan0=03:00:00:00:00:01"), "group"),
            (("--config", CONFIG, "--neighbor", "wan0:192.0.2.1"), "--neighbor wants"),
            (("--config", CONFIG, "--neighbor", "wan0.9999:192.0.2.1=02:00:00:00:00:01"), "--neighbor wants"),
            (("--config", CONFIG, "--resolve-neighbors", "maybe"), "auto or none"),
            (("--config", CONFIG, "--explain=yes"), "no value")):
        result = bench.run(*arguments, status=2)
        assert needle in result.stderr, f"'{needle}' is not in: {result.stderr}"


def ports_that_are_not_configured_are_refused(bench):
    capture = bench.path("in.pcap", pcap_bytes([]))
    for arguments in (("--in", f"wan9={capture}"), ("--out", f"wan9={bench.path('o')}"), ("--mac", "wan9=02:00:00:00:00:01"),
                      ("--neighbor", "wan9:192.0.2.254=02:00:00:00:00:01")):
        result = bench.run("--config", CONFIG, *arguments, status=1)
        assert "wan9" in result.stderr and "wan0" in result.stderr and arguments[0] in result.stderr, result.stderr
    result = bench.run("--config", CONFIG, "--neighbor", "wan0.7:192.0.2.254=02:00:00:00:00:01", status=1)
    assert "VLAN 7" in result.stderr, result.stderr


def an_input_is_not_overwritten(bench):
    content = pcap_bytes([(1_700_000_000, frame(native_packet()))])
    capture = bench.path("in.pcap", content)
    result = bench.run("--config", CONFIG, "--in", f"wan0={capture}", "--out", f"wan0={capture}", status=1)
    assert "overwritten" in result.stderr, result.stderr
    with open(capture, "rb") as source:
        assert source.read() == content


def outputs_that_cannot_be_written_are_named(bench):
    capture = bench.path("in.pcap", pcap_bytes([(1_700_000_000, frame(native_packet()))] * 1000))
    for arguments, needle in ((("--out", "wan0=/nonexistent/out.pcap"), "/nonexistent/out.pcap"),
                              (("--counters", "/nonexistent/counters"), "/nonexistent/counters"),
                              (("--out", "wan0=/dev/full"), "/dev/full"), (("--counters", "/dev/full"), "/dev/full")):
        result = bench.run("--config", CONFIG, "--in", f"wan0={capture}", *GATEWAYS, *arguments, status=1)
        assert needle in result.stderr, result.stderr


def help_explains_every_argument(bench):
    text = bench.run("--help").stdout
    for name in ("--config", "--snapshot", "--in", "--out", "--counters", "--explain", "--mac", "--neighbor",
                 "--resolve-neighbors", "--linger", "--burst", "--speed", "--write-snapshot", "--events", "--endpoints",
                 "--errors", "--clock-at", "--clock-offset", "--clock-step"):
        assert name in text, name


# The published beat of docs/protocols.md A.4, for T2 of the dynamic configuration.
BEAT = b"HEARTBEAT TUNNEL 2001:db8:2ff:2::2 sender 1700000000 35c582a4dd2ba2999bef85265e0fb968"
DYNAMIC = os.path.join(FIXTURES, "configs", "dynamic.txtpb")


def beat_frame(text=BEAT):
    """From 203.0.113.20, without UDP checksum."""
    datagram = struct.pack("!HHHH", 40000, 3740, 8 + len(text), 0) + text
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0x4000, 57, 17, 0, bytes([203, 0, 113, 20]),
                         bytes([192, 0, 2, 1]))
    return frame(header[:10] + struct.pack("!H", header_checksum(header)) + header[12:] + datagram)


def what_was_learned_is_written(bench):
    reports = {kind: bench.path(kind) for kind in ("events", "endpoints", "errors")}
    arguments = [part for kind, path in reports.items() for part in (f"--{kind}", path)]
    forged = BEAT[:-1] + b"9"
    content = pcap_bytes([(1_700_000_000, beat_frame(forged)), (1_700_000_001, beat_frame())])
    result, _ = bench.replay(content, "--explain", *arguments, config=DYNAMIC)
    texts = {}
    for kind, path in reports.items():
        with open(path, encoding="utf-8") as source:
            texts[kind] = source.read()
    assert texts["events"] == "1700000001.000000 up T2 proto41 203.0.113.20\n", texts
    assert texts["endpoints"].startswith("T2 up unverified proto41 203.0.113.20 local 192.0.2.1 epoch 1700000000"), texts
    assert texts["errors"].startswith("T2 beat-bad-digest 1 last 1700000000.000000 from 203.0.113.20 port 40000"), texts
    assert "beat-bad-digest" in result.stdout and "a valid heartbeat" in result.stdout, result.stdout


def the_clock_of_the_pop_can_be_set(bench):
    """A beat from another day is taken if the PoP's clock is set to it."""
    later = [(1_800_000_000, beat_frame())]
    for arguments, expected in (((), "beat-clock-skew"), (("--clock-at", "1700000000"), "beats_accepted"),
                                (("--clock-offset", "-100000000"), "beats_accepted"),
                                (("--clock-at", "1700000121"), "beat-clock-skew"),
                                (("--clock-at", "1700000000", "--clock-step", "3600@0"), "beat-clock-skew")):
        result, _ = bench.replay(pcap_bytes(later), *arguments, config=DYNAMIC)
        assert expected in result.stdout, (arguments, result.stdout)
    for arguments in (("--clock-at", "-1"), ("--clock-at", "now"), ("--clock-step", "3600"), ("--clock-step", "@5"),
                      ("--clock-step", "5@-1"), ("--clock-offset", "1.5")):
        result = bench.run("--config", DYNAMIC, *arguments, status=2)
        assert arguments[0] in result.stderr, result.stderr


TESTS = [value for value in list(globals().values())
         if callable(value) and getattr(value, "__code__", None) and value.__code__.co_varnames[:1] == ("bench",)]


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--tool", default=os.path.join(ROOT, "build/dataplane/pcap/simplon-pcap"))
    parser.add_argument("tests", nargs="*")
    options = parser.parse_args()
    passed = failed = 0
    for test in TESTS:
        name = test.__name__.replace("_", " ")
        if options.tests and test.__name__ not in options.tests:
            continue
        with tempfile.TemporaryDirectory(prefix="simplon-golden-") as directory:
            try:
                test(Bench(os.path.abspath(options.tool), directory))
                passed += 1
                print(f"ok     {name}")
            except (AssertionError, subprocess.TimeoutExpired, OSError, ValueError, struct.error) as fault:
                failed += 1
                print(f"FAILED {name}\n  {fault}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
