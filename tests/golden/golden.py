# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Reading and comparing golden cases: for run_goldens.py and run_dataplane.py. Standard library only;
scapy, where there is one, makes differences readable."""

import collections
import difflib
import os
import struct

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FIXTURES = os.path.join(ROOT, "pcap-fixtures")

Record = collections.namedtuple("Record", "time_ns frame")


def read_pcap(path):
    """Records of a classic pcap file of Ethernet frames."""
    with open(path, "rb") as source:
        data = source.read()
    magic = data[:4]
    for order in "<", ">":
        for scale, number in (1000, 0xa1b2c3d4), (1, 0xa1b23c4d):
            if magic == struct.pack(order + "I", number):
                break
        else:
            continue
        break
    else:
        raise ValueError(f"{path}: not a pcap file")
    records = []
    at = 24
    while at < len(data):
        seconds, rest, length, _ = struct.unpack_from(order + "IIII", data, at)
        at += 16
        records.append(Record(seconds * 1_000_000_000 + rest * scale, data[at:at + length]))
        at += length
    return records


class GoldenCase:
    """One directory of pcap-fixtures."""

    def __init__(self, directory):
        self.directory = directory
        self.name = os.path.relpath(directory, FIXTURES)
        self.title, self.config, self.bursts, self.arguments = "", "config.txtpb", True, []
        with open(os.path.join(directory, "case.txt"), encoding="utf-8") as source:
            for line in source:
                key, colon, value = line.rstrip("\n").partition(": ")
                if not colon:
                    break  # the note
                if key == "title":
                    self.title = value
                elif key == "config":
                    self.config = value
                elif key == "bursts":
                    self.bursts = value == "yes"
                elif key == "argument":
                    self.arguments += value.split(" ", 1)
                elif key != "conformance":
                    raise ValueError(f"{self.name}/case.txt: unknown key '{key}'")
        self.config = os.path.normpath(os.path.join(directory, self.config))

    def files(self, kind):
        """Port -> path of the in- or out- captures."""
        names = sorted(n for n in os.listdir(self.directory) if n.startswith(kind + "-") and n.endswith(".pcap"))
        return {n[len(kind) + 1:-5]: os.path.join(self.directory, n) for n in names}

    def expected_counters(self):
        with open(os.path.join(self.directory, "counters.expect"), encoding="utf-8") as source:
            return read_counters(source.read())


def find_cases(names=()):
    """All cases, or those named: an area, a case, or a part of a name that ends in '*'."""
    cases = []
    for directory, _, files in sorted(os.walk(FIXTURES)):
        if "case.txt" not in files:
            continue
        name = os.path.relpath(directory, FIXTURES)
        if not names or any(name == n or name.startswith(n.rstrip("*") if n.endswith("*") else n.rstrip("/") + "/")
                            for n in names):
            cases.append(GoldenCase(directory))
    return cases


# How work is divided between workers and slow path is not what a case is about.
DIVISION = {"worker punted", "worker punts_taken"}


def read_counters(text):
    counters = {}
    for line in text.splitlines():
        name, value = line.rsplit(" ", 1)
        if name not in DIVISION:
            counters[name] = int(value)
    return counters


def check_counters(case, text):
    """Differences between a counters report and the expectation, as lines."""
    expected, actual = case.expected_counters(), read_counters(text)
    return [f"  {name}: expected {expected.get(name, 0)}, got {actual.get(name, 0)}"
            for name in sorted(expected.keys() | actual.keys()) if expected.get(name, 0) != actual.get(name, 0)]


# What simplon-pcap writes about dynamic tunnels, by option.
REPORTS = ("events", "endpoints", "errors")
# A tunnel goes down when the scan of all tunnels comes to it, early in the second.
DOWN_SLACK_NS = 250_000_000


def same_line(expected, actual):
    if expected == actual:
        return True
    want, _, rest = expected.partition(" ")
    got, _, theirs = actual.partition(" ")
    if rest != theirs or not rest.startswith("down "):
        return False
    return 0 <= micro(got) - micro(want) <= DOWN_SLACK_NS // 1000


def micro(seconds):
    return int(seconds.replace(".", ""))


def check_report(case, kind, text):
    """Differences between what was learned and the expectation, as lines; none where a case does not say."""
    path = os.path.join(case.directory, f"{kind}.expect")
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8") as source:
        expected = source.read().splitlines()
    actual = text.splitlines()
    if len(expected) == len(actual) and all(map(same_line, expected, actual)):
        return []
    return [f"  {kind}:"] + ["    " + line for line in
                             difflib.unified_diff(expected, actual, "expected", "got", lineterm="", n=0)]


def ipv4_offset(frame):
    """Where the IPv4 header of a frame starts, or None."""
    if frame[12:14] == b"\x81\x00":
        return 18 if frame[16:18] == b"\x08\x00" else None
    return 14 if frame[12:14] == b"\x08\x00" else None


def header_checksum(header):
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def number_identifications(records):
    """Replaces the identifications of IPv4 packets with DF=0 by their order of appearance.

    RFC 6864 asks only that they do not repeat, so a case does not say which they are. A repeated one keeps its
    number and so differs from what is expected; pieces of one packet share theirs. A wrong checksum stays wrong.
    """
    numbers, result = {}, []
    for record in records:
        frame = record.frame
        at = ipv4_offset(frame)
        if at is None or len(frame) < at + 20 or frame[at + 6] & 0x40:
            result.append(record)
            continue
        header = bytearray(frame[at:at + (frame[at] & 15) * 4])
        valid = header_checksum(bytes(header)) == 0
        key = (bytes(header[12:20]), header[9], bytes(header[4:6]))
        number = numbers.setdefault(key, len(numbers) + 1)
        header[4:6] = struct.pack("!H", number)
        header[10:12] = b"\0\0"
        header[10:12] = struct.pack("!H", header_checksum(bytes(header)) ^ (0 if valid else 0xffff))
        result.append(Record(record.time_ns, frame[:at] + bytes(header) + frame[at + len(header):]))
    return result


def hexdump(frame):
    return [f"{at:04x}  {frame[at:at + 16].hex(' ')}" for at in range(0, len(frame), 16)]


def describe(frame):
    """A frame as lines that can be compared: fields where scapy is there, and bytes."""
    try:
        from scapy.layers.l2 import Ether  # pylint: disable=import-outside-toplevel
        import scapy.layers.inet6  # noqa: F401  pylint: disable=import-outside-toplevel,unused-import
        fields = Ether(frame).show(dump=True).splitlines()
        return [line.rstrip() for line in fields if "load" not in line] + hexdump(frame)
    except ImportError:
        return hexdump(frame)


def compare_frames(port, expected, actual, ordered=True, times=True):
    """Differences between two lists of records, as lines. `ordered`: else as multisets of frames."""
    expected, actual = number_identifications(expected), number_identifications(actual)
    if not ordered:
        expected = sorted(expected, key=lambda r: r.frame)
        actual = sorted(actual, key=lambda r: r.frame)
    report = []
    if len(expected) != len(actual):
        report.append(f"  {port}: expected {len(expected)} frames, got {len(actual)}")
    for number, (want, got) in enumerate(zip(expected, actual), 1):
        if want.frame != got.frame:
            report.append(f"  {port}: frame {number} differs")
            report += ["    " + line for line in
                       difflib.unified_diff(describe(want.frame), describe(got.frame), "expected", "got", lineterm="",
                                            n=1)]
            break  # those behind it would only be shifted
        if times and want.time_ns != got.time_ns:
            report.append(f"  {port}: frame {number} left {(got.time_ns - want.time_ns) / 1e9:+.6f} s off its time")
            break
    for kind, records, other in ("missing", expected, actual), ("not expected", actual, expected):
        if len(records) > len(other):
            first = records[len(other)]
            report.append(f"  {port}: first frame {kind}:")
            report += ["    " + line for line in describe(first.frame)]
    return report
