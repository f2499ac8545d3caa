#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Runs the golden cases of pcap-fixtures/ through simplon-pcap.

  run_goldens.py [--tool BINARY] [--keep DIR] [-v] [AREA[/CASE] ...]

  --tool BINARY  simplon-pcap (default: build/dataplane/pcap/simplon-pcap)
  --keep DIR     leave what the tool wrote there
  -v             a line for each case

A case passes if every frame is the expected one, byte for byte and at its time, every counter too, and the
conservation law holds; what the PoP has learned and told about dynamic tunnels too, where the case says so. Then the
same frames are run once more in bursts of 64 at one instant: the same frames must
come out, in whatever order. The last line is "N passed, M failed".
"""

import argparse
import os
import subprocess
import sys
import tempfile

from golden import REPORTS, ROOT, check_counters, check_report, compare_frames, find_cases, read_pcap

BURST = ["--burst", "64", "--speed", "0"]


def run_tool(tool, case, directory, extra=()):
    """Runs one case; returns differences as lines."""
    counters = os.path.join(directory, "counters")
    command = [tool, "--config", case.config, "--counters", counters, *case.arguments, *extra]
    reports = {} if extra else {kind: os.path.join(directory, kind) for kind in REPORTS}
    for kind, path in reports.items():
        command += [f"--{kind}", path]
    outputs = {}
    for port, path in case.files("in").items():
        outputs[port] = os.path.join(directory, f"out-{port}.pcap")
        command += ["--in", f"{port}={path}", "--out", f"{port}={outputs[port]}"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    if result.returncode != 0:
        return [f"  simplon-pcap ended with status {result.returncode}: {result.stderr.strip()}",
                "  " + " ".join(command)]
    differences = []
    for port, path in case.files("out").items():
        differences += compare_frames(port, read_pcap(path), read_pcap(outputs[port]), ordered=not extra,
                                      times=not extra)
    with open(counters, encoding="utf-8") as source:
        differences += check_counters(case, source.read())
    for kind, path in reports.items():
        with open(path, encoding="utf-8") as source:
            differences += check_report(case, kind, source.read())
    if differences:
        differences.append("  " + " ".join(command + ["--explain"]))
    return differences


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--tool", default=os.path.join(ROOT, "build/dataplane/pcap/simplon-pcap"))
    parser.add_argument("--keep")
    parser.add_argument("-v", action="store_true", dest="verbose")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    cases = find_cases(options.names)
    if not cases:
        print(f"no such case: {' '.join(options.names)}", file=sys.stderr)
        return 2

    passed = failed = 0
    with tempfile.TemporaryDirectory(prefix="simplon-golden-") as scratch:
        for case in cases:
            directory = os.path.join(options.keep or scratch, case.name)
            problems = []
            for label, extra in (("one by one", ()), ("in bursts", BURST)):
                if extra and not case.bursts:
                    continue
                where = os.path.join(directory, label.replace(" ", "-"))
                os.makedirs(where, exist_ok=True)
                differences = run_tool(options.tool, case, where, extra)
                if differences:
                    problems += [f" {label}:"] + differences
                    break
            if problems:
                failed += 1
                print(f"FAILED {case.name}: {case.title}\n" + "\n".join(problems))
            else:
                passed += 1
                if options.verbose:
                    print(f"ok     {case.name}: {case.title}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
