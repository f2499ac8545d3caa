#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors

"""Runs a program of tests/gate under callgrind and compares instructions with the file of limits."""

import argparse
import pathlib
import re
import subprocess
import sys
import tempfile


def read_limits(path, program):
    limits = {}
    for line in path.read_text().splitlines():
        words = line.split('#')[0].split()
        if words and words[0] == program:
            limits[words[1]] = int(words[2])
    return limits


def count(program, scratch):
    """Instructions per unit by case, as the program's dumps have them."""
    command = ['valgrind', '--tool=callgrind', '--instr-atstart=no', '--vgdb=no',
               f'--callgrind-out-file={scratch}/out', '--combine-dumps=no', str(program)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f'{" ".join(command)} failed:\n{done.stdout}{done.stderr}')
    counts = {}
    for number, case in enumerate(done.stdout.splitlines(), 1):
        name, units = case.split()
        dump = pathlib.Path(scratch, f'out.{number}').read_text(errors='replace')
        counts[name] = int(re.search(r'^totals: (\d+)', dump, re.M)[1]) / int(units)
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('program', type=pathlib.Path)
    parser.add_argument('--limits', type=pathlib.Path,
                        default=pathlib.Path(__file__).with_name('limits.txt'))
    args = parser.parse_args()

    limits = read_limits(args.limits, args.program.name)
    with tempfile.TemporaryDirectory() as scratch:
        counts = count(args.program, scratch)
    failures = []
    for case in sorted(limits.keys() | counts.keys()):
        if case not in counts:
            failures.append(f'{case}: has a limit, but was not counted')
        elif case not in limits:
            failures.append(f'{case}: {counts[case]:.1f} instructions, but no limit in {args.limits}')
        else:
            over = counts[case] > limits[case]
            print(f'{case:<24} {counts[case]:8.1f} instructions, limit {limits[case]}'
                  f'{"   EXCEEDED" if over else ""}')
            if over:
                failures.append(f'{case}: {counts[case]:.1f} instructions per packet exceed the limit '
                                f'of {limits[case]} in {args.limits}')
    for failure in failures:
        print('FAIL', failure)
    return 1 if failures else 0


if __name__ == '__main__':
    sys.exit(main())
