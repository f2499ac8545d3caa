#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Measures the time from CreateTunnel to the first packet through the new tunnel. As root.

    measure_create_latency.py [--build-dir DIR] [--tunnels N] [--runs N] [--driver DRIVER] [--json]
"""

import argparse
import json
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from simplon_e2e.bed import Bed  # noqa: E402
from simplon_e2e.latency import measure_create_latency  # noqa: E402
from simplon_e2e.pop import Programs  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build-dir", default="build")
    parser.add_argument("--tunnels", type=int, default=10_000, help="in the table beforehand")
    parser.add_argument("--runs", type=int, default=101)
    parser.add_argument("--driver", default="af_packet")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    programs = Programs(arguments.build_dir)
    with Bed(programs, arguments.driver, filler=arguments.tunnels, tunnels=False) as bed:
        median, slowest = measure_create_latency(bed, arguments.runs)
    if arguments.json:
        for name, value in (("median", median), ("slowest", slowest)):
            print(json.dumps({
                "bench": "create_latency", "case": f"{name}/{arguments.tunnels}",
                "metric": "seconds", "value": round(value, 6), "runs": arguments.runs,
            }))  # fmt: skip
    else:
        print(
            f"{arguments.tunnels} tunnels, {arguments.runs} runs: call to first packet: "
            f"median {median * 1e3:.2f} ms, slowest {slowest * 1e3:.2f} ms"
        )


if __name__ == "__main__":
    main()
