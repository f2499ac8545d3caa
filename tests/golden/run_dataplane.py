#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Runs golden cases through simplon-dataplane itself, by DPDK's pcap driver, and compares it with simplon-pcap.

  run_dataplane.py [--dataplane BINARY] [--tool BINARY] [--keep DIR] [--all] [-v] [AREA[/CASE] ...]

  --dataplane BINARY  default: build/dataplane/simplon-dataplane
  --tool BINARY       simplon-pcap (default: build/dataplane/pcap/simplon-pcap)
  --keep DIR          leave what both wrote there
  --all               every case that is not about time (minutes); otherwise some of each area
  -v                  a line for each case

What simplon-pcap does with a case is checked by run_goldens.py. Here it is the reference: workers, rings, the slow
path's thread and the driver between the same code and the packets must not change what comes out. Both get the frames
of the case, at once, and after them ARP and ND from the gateways (the dataplane knows no neighbour beforehand). Frames
are compared without order; what the PoP asks, probes and announces by itself is left out. AYIYA is signed anew with the
time of now, and signatures of the PoP's are verified before they are taken out of the comparison. The conservation law
must hold. No privileges and no hugepages are needed. The last line is "N passed, M failed".
"""

import argparse
import ipaddress
import os
import re
import signal
import struct
import subprocess
import sys
import tempfile
import time

from golden import ROOT, Record, compare_frames, find_cases, read_pcap
from restamp import is_probe, passwords, settle, sign_anew

SELECTED = ["encapsulation/plain", "encapsulation/sizes", "encapsulation/hop-limit-1", "decapsulation/plain",
            "decapsulation/foreign-source", "decapsulation/link-local-source", "ecn/hairpin", "fragments/last-only",
            "icmpv6/echo-pop", "icmpv6/port-unreachable", "link/arp", "link/nd", "mtu/1480", "mtu/in-fragments",
            "mtu/jumbo", "neighbors/solicitation", "topology", "ayiya/batch", "gre/plain", "gre/checksum",
            "ipv6_tunnel/plain", "ipv6_tunnel/4in6", "inner_ipv4/cut", "threats/amplification"]
# When the cases take place; AYIYA is signed anew for now.
CASE_TIME = 1_700_000_000
# Each driver instance has its own address, numbered in order of creation.
PORT_MAC = bytes.fromhex("027063617000")
# Counters belong on a file system in memory.
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
COUNTERS_MAGIC = b"SIMPLONC"
HELD = ("held_reassembly", "held_neighbor", "held_tx")
# What depends on timers, on the division of work, or on the machine.
LEFT_OUT_DROPS = {"reassembly-timeout"}  # of what is held when the dataplane is stopped
LEFT_OUT = {"rx_packets", "rx_bytes", "tx_packets", "tx_bytes", "originated", "punted", "punts_taken", "loops",
            "busy_cycles", "idle_cycles", "probes_sent", "ayiya_sent", "encapsulated", "neighbor_solicits", "neighbor_adverts", *HELD}
LEFT_OUT_PREFIXES = ("profile_", "rx_bursts_")


def port_mac(index):
    return PORT_MAC[:5] + bytes([index])


def names(file, directory="dataplane/state"):
    """The names in a .def list, in order."""
    with open(os.path.join(ROOT, directory, file), encoding="utf-8") as source:
        return re.findall(r'^X\(\w+,\s*"([^"]+)"', source.read(), re.MULTILINE)


class Counters:
    """The worker counters of a segment file, summed over its columns."""

    DROPS_OFFSET = 128
    CAPACITY = 512

    def __init__(self, path):
        with open(path, "rb") as source:
            header = source.read(4096)
            # SegmentHeader in proto/link/segment_format.h
            magic, columns, offset = struct.unpack_from("<8s24xI4xQ", header)
            if magic != COUNTERS_MAGIC:
                raise ValueError("not a counters segment")
            source.seek(offset)
            data = source.read(columns * self.CAPACITY * 8)
        table = struct.unpack(f"<{columns * self.CAPACITY}Q", data)
        sums = [sum(table[c * self.CAPACITY + i] for c in range(columns)) & (1 << 64) - 1 for i in range(self.CAPACITY)]
        self.workers = dict(zip(names("worker_counters.def"), sums))
        self.drops = dict(zip(names("drop_reasons.def"), sums[self.DROPS_OFFSET:]))

    def at_rest(self, frames):
        """All frames are in, and nothing is on its way between the threads."""
        w = self.workers
        return w["rx_packets"] == frames and w["punted"] == w["punts_taken"] and w["held_tx"] == 0 and self.imbalance() == 0

    def imbalance(self):
        w = self.workers
        held = w["punted"] - w["punts_taken"] + sum(w[name] for name in HELD)
        return (w["rx_packets"] + w["originated"] + w["fragments_made"]
                - w["tx_packets"] - w["consumed"] - sum(self.drops.values()) - held)

    def lines(self):
        found = {f"worker {k}": v for k, v in self.workers.items()
                 if k not in LEFT_OUT and not k.startswith(LEFT_OUT_PREFIXES) and v}
        found.update({f"drop {k}": v for k, v in self.drops.items() if k not in LEFT_OUT_DROPS and v})
        return found


def reported_counters(path):
    """The same lines out of simplon-pcap's report."""
    found = {}
    with open(path, encoding="utf-8") as source:
        for line in source:
            name, value = line.rsplit(" ", 1)
            kind, _, rest = name.partition(" ")
            if (kind == "drop" and rest not in LEFT_OUT_DROPS) or (kind == "worker" and rest not in LEFT_OUT):
                found[name] = int(value)
    return found


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def arp_request(mac, address, target):
    return (b"\xff" * 6 + mac + b"\x08\x06" + struct.pack("!HHBBH", 1, 0x0800, 6, 4, 1)
            + mac + address.packed + b"\0" * 6 + target.packed)


def neighbor_solicitation(mac, address, target):
    group = ipaddress.IPv6Address("ff02::1:ff00:0").packed[:13] + target.packed[13:]
    body = struct.pack("!BBHI", 135, 0, 0, 0) + target.packed + b"\x01\x01" + mac
    pseudo = address.packed + group + struct.pack("!II", len(body), 58)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    return (b"\x33\x33" + group[12:] + mac + b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(body), 58, 255)
            + address.packed + group + body)


def interfaces(config):
    """(port, vlan) -> {4: own address, 6: own address}"""
    with open(config, encoding="utf-8") as source:
        text = source.read()
    found = {}
    for block in re.findall(r"interfaces \{(.*?)\}", text):
        field = dict(re.findall(r'(\w+): "?([^" ]+)"?', block))
        own = {}
        for family in 4, 6:
            if f"ipv{family}_address" in field:
                own[family] = ipaddress.ip_interface(field[f"ipv{family}_address"]).ip
        found[field["port"], int(field.get("vlan", 0))] = own
    return found


def largest_mtu(config):
    with open(config, encoding="utf-8") as source:
        return max([1500] + [int(n) for n in re.findall(r"\bmtu: (\d+)", source.read())])


def introductions(case):
    """Port -> frames by which the gateways of the case make themselves known."""
    frames = {}
    own = interfaces(case.config)
    for option, value in zip(case.arguments[::2], case.arguments[1::2]):
        if option != "--neighbor":
            continue
        place, mac = value.split("=")
        port, address = place.split(":", 1)
        port, _, vlan = port.partition(".")
        address, mac = ipaddress.ip_address(address), bytes.fromhex(mac.replace(":", ""))
        make = arp_request if address.version == 4 else neighbor_solicitation
        frame = make(mac, address, own[port, int(vlan or 0)][address.version])
        if vlan:
            frame = frame[:12] + b"\x81\x00" + struct.pack("!H", int(vlan)) + frame[12:]
        frames.setdefault(port, []).append(frame)
    return frames


def case_macs(case):
    return {value.split("=")[0]: bytes.fromhex(value.split("=")[1].replace(":", ""))
            for option, value in zip(case.arguments[::2], case.arguments[1::2]) if option == "--mac"}


def write_pcap(path, frames):
    with open(path, "wb") as target:
        target.write(struct.pack("<IHHiIII", 0xa1b23c4d, 2, 4, 0, 0, 65535, 1))
        for number, frame in enumerate(frames):
            target.write(struct.pack("<IIII", 1_700_000_000, number, len(frame), len(frame)) + frame)


def own_initiative(frame):
    """Requests, solicitations and announcements: when they are sent is up to timers."""
    at = 18 if frame[12:14] == b"\x81\x00" else 14
    kind = frame[at - 2:at]
    if kind == b"\x08\x06":
        return frame[at + 6:at + 8] == b"\x00\x01"
    if kind != b"\x86\xdd" or frame[at + 6] != 58:
        return False
    icmp = frame[at + 40]
    return icmp == 135 or (icmp == 136 and frame[at + 24] == 0xff)


def answers(path, keys):
    return [Record(0, settle(r.frame, keys)) for r in read_pcap(path)
            if not own_initiative(r.frame) and not is_probe(r.frame)]


class Run:
    def __init__(self, options, case, directory):
        self.options, self.case, self.directory = options, case, directory
        self.inputs = {}
        self.frames = 0
        self.macs = {}
        self.keys = passwords(case.config)
        self.now = int(time.time())

    def path(self, name):
        return os.path.join(self.directory, name)

    def prepare(self):
        learned = introductions(self.case)
        old = case_macs(self.case)
        for index, (port, path) in enumerate(self.case.files("in").items()):
            self.macs[port] = port_mac(index)
            frames = [r.frame for r in read_pcap(path)] + learned.get(port, [])
            frames = [self.macs[port] + f[6:] if f[:6] == old.get(port) else f for f in frames]
            frames = [sign_anew(f, self.keys, self.now - CASE_TIME) for f in frames]
            self.inputs[port] = self.path(f"in-{port}.pcap")
            write_pcap(self.inputs[port], frames)
            self.frames += len(frames)

    def reference(self):
        command = [self.options.tool, "--config", self.case.config, "--counters", self.path("reference-counters"),
                   "--write-snapshot", self.path("state/snapshot"), "--burst", "64", "--speed", "0",
                   "--clock-at", str(self.now)]
        for port, path in self.inputs.items():
            command += ["--in", f"{port}={path}", "--out", f"{port}={self.path(f'reference-{port}.pcap')}",
                        "--mac", f"{port}={self.macs[port].hex(':')}"]
        result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        if result.returncode != 0:
            return [f"  simplon-pcap ended with status {result.returncode}: {result.stderr.strip()}"]
        return []

    def dataplane(self):
        command = [self.options.dataplane, "--state-dir", self.path("state"), "--hugepages", "off", "--max-slots", "65536",
                   "--idle", "sleep", "--mtu", str(largest_mtu(self.case.config))]
        for index, (port, path) in enumerate(self.inputs.items()):
            out = self.path(f"out-{port}.pcap")
            command += ["--port", f"{port}=net_pcap{index},rx_pcap={path},tx_pcap={out}"]
        with open(self.path("log"), "w", encoding="utf-8") as log:
            process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
            at_rest = self.wait(process)
            process.send_signal(signal.SIGTERM)
            code = process.wait(20)
        if code != 0 or not at_rest:
            with open(self.path("log"), encoding="utf-8") as log:
                return [f"  simplon-dataplane: exit status {code}, {'' if at_rest else 'not '}at rest"] + log.readlines()
        return []

    def wait(self, process):
        """Until all frames have their fate, twice in a row: the slow path may be about to answer the last."""
        calm = 0
        for _ in range(1000):
            time.sleep(0.02)
            try:
                calm = calm + 1 if Counters(self.path("state/counters")).at_rest(self.frames) else 0
            except (OSError, struct.error, ValueError):
                pass  # not there yet
            if calm == 3:
                return True
            if process.poll() is not None:
                return False
        return False

    def compare(self):
        differences = []
        for port in self.inputs:
            differences += compare_frames(port, answers(self.path(f"reference-{port}.pcap"), self.keys),
                                          answers(self.path(f"out-{port}.pcap"), self.keys), ordered=False, times=False)
        counters = Counters(self.path("state/counters"))
        if counters.imbalance() != 0:
            differences.append(f"  conservation: {counters.imbalance()} packets without a fate")
        want, got = reported_counters(self.path("reference-counters")), counters.lines()
        differences += [f"  {name}: simplon-pcap {want.get(name, 0)}, simplon-dataplane {got.get(name, 0)}"
                        for name in sorted(want.keys() | got.keys()) if want.get(name, 0) != got.get(name, 0)]
        return differences

    def __call__(self):
        os.makedirs(self.path("state"), exist_ok=True)
        self.prepare()
        return self.reference() or self.dataplane() or self.compare()


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--dataplane", default=os.path.join(ROOT, "build/dataplane/simplon-dataplane"))
    parser.add_argument("--tool", default=os.path.join(ROOT, "build/dataplane/pcap/simplon-pcap"))
    parser.add_argument("--keep")
    parser.add_argument("--all", action="store_true", dest="every")
    parser.add_argument("-v", action="store_true", dest="verbose")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    cases = [c for c in find_cases(options.names or ([] if options.every else SELECTED)) if c.bursts]
    if not cases:
        print(f"no such case: {' '.join(options.names)}", file=sys.stderr)
        return 2
    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="simplon-golden-", dir=MEMORY) as scratch:
        for case in cases:
            run = Run(options, case, os.path.join(options.keep or scratch, case.name))
            os.makedirs(run.directory, exist_ok=True)
            differences = run()
            if differences:
                failed += 1
                print(f"FAILED {case.name}: {case.title}\n" + "\n".join(differences))
            else:
                passed += 1
                if options.verbose:
                    print(f"ok     {case.name}")
            sys.stdout.flush()
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
