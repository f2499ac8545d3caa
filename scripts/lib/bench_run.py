#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Runs benchmark programs one after another, keeps what they print and shows it.

Called by scripts/bench, which has built them. Exit status 1: a benchmark failed. A bar that is not
met is said, and fails nothing: machines differ.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import bench_results as results  # noqa: E402


def parse_arguments():
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("--build-dir", required=True)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--no-history", action="store_true")
    own, options = sys.argv[1:], []
    if "--" in own:
        at = own.index("--")
        own, options = own[:at], own[at + 1 :]
    parser.add_argument("names", nargs="+")
    return parser.parse_args(own), options


def command_of(name, build_dir):
    script = pathlib.Path("tests/bench") / f"bench_{name}"
    if os.access(script, os.X_OK):
        return [str(script), "--build-dir", build_dir]
    return [f"{build_dir}/tests/bench/bench_{name}"]


class OtherLoad:
    """The share of all cores' time that neither idled nor went to our children."""

    def __init__(self):
        self.begin = self._now()

    def share(self):
        busy, total, ours = (after - before for before, after in zip(self.begin, self._now()))
        return max(0.0, busy - ours) / total if total else 0.0

    @staticmethod
    def _now():
        fields = [int(f) for f in results._first_line("/proc/stat").split()[1:9]]
        tick = os.sysconf("SC_CLK_TCK")
        idle = fields[3] + fields[4]
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return (sum(fields) - idle) / tick, sum(fields) / tick, usage.ru_utime + usage.ru_stime


class Printer:
    def __init__(self, as_json, before):
        self.as_json = as_json
        self.before = before
        self.met = self.missed = 0

    def note(self, entry):
        if self.as_json:
            print(json.dumps(entry), flush=True)

    def measurement(self, m):
        if "met" in m:
            self.met += m["met"]
            self.missed += not m["met"]
        if self.as_json:
            self.note(m)
            return
        text = f"{m['bench']:<9} {m['case']:<34} {results.number(m['value']):>11} {m['metric']:<17}"
        if "ratio" in m:
            text += f" {m['ratio']:>6.2f} x {results.number(m['reference'])}"
        if bar := results.bar_text(m):
            text += f"  {'met' if m['met'] else 'NOT MET'}: {bar}"
        last = self.before.get(results.key(m))
        if last:
            text += f"  ({100 * (m['value'] / last - 1):+.0f} % since)"
        print(text, flush=True)

    def end(self):
        if not self.as_json and self.met + self.missed:
            print(f"bars: {self.met} met, {self.missed} not met")


def values_before(machine):
    """The newest kept figure of each case on a machine like this one."""
    values = {}
    for path in results.newest_first():
        then, measurements, _ = results.read(path)
        if (then.get("cpu"), then.get("cores")) != (machine["cpu"], machine["cores"]):
            continue
        for m in measurements:
            values.setdefault(results.key(m), m["value"])
    return values


def run_one(name, command, printer, keep):
    start, load = time.monotonic(), OtherLoad()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        for line in program.stdout:
            try:
                measurement = json.loads(line)
            except json.JSONDecodeError:
                print(line, end="", file=sys.stderr)
                continue
            keep(measurement)
            printer.measurement(measurement)
    ran = {
        "bench": name,
        "seconds": round(time.monotonic() - start, 1),
        "others": round(load.share(), 3),
        "status": program.returncode,
    }
    keep({"ran": ran})
    printer.note({"ran": ran})
    if not printer.as_json:
        print(f"{name}: {ran['seconds']} s, others took {100 * ran['others']:.1f} % of all cores")
    if program.returncode != 0:
        print(f"bench: {name} ended with status {program.returncode}", file=sys.stderr)
    return program.returncode == 0


def main():
    arguments, options = parse_arguments()
    if "--help" in options or "-h" in options:
        for name in arguments.names:
            subprocess.run(command_of(name, arguments.build_dir) + ["--help"], check=False)
        return 0
    machine = results.describe_machine()
    kept = None
    printer = Printer(arguments.json, values_before(machine))
    if not arguments.no_history:
        folder = results.history_folder()
        folder.mkdir(parents=True, exist_ok=True)
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        kept = open(folder / f"{stamp}-{machine['commit']}.jsonl", "w", encoding="utf-8")

    def keep(entry):
        if kept:
            print(json.dumps(entry), file=kept, flush=True)

    keep({"machine": machine})
    printer.note({"machine": machine})
    fine = True
    for name in arguments.names:
        command = command_of(name, arguments.build_dir) + ["--json"] + options
        fine = run_one(name, command, printer, keep) and fine
    printer.end()
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
