#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Runs simplonctl through every verb against a real simplon-control, failures included.

    run_cli_tests.py --control PROGRAM --cli PROGRAM [--dataplane PROGRAM] [--only WORDS]

Exit codes and, where they are stable, outputs are compared to the letter. Cases that need counters
run with a simplon-dataplane on a null port. Prints "N passed, M failed".
"""

import argparse
import sys
import time
import traceback

import cases_account  # noqa: F401
import cases_check  # noqa: F401
import cases_client_config  # noqa: F401
import cases_config  # noqa: F401
import cases_dataplane  # noqa: F401
import cases_dynamic  # noqa: F401
import cases_dynamic_state  # noqa: F401
import cases_general  # noqa: F401
import cases_import  # noqa: F401
import cases_pool_pop  # noqa: F401
import cases_tunnel  # noqa: F401
import harness


def run_case(programs, function, dataplane):
    pop = harness.Pop(programs, dataplane)
    try:
        pop.apply()
        function(pop)
    finally:
        pop.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--control", required=True)
    parser.add_argument("--cli", required=True)
    parser.add_argument("--dataplane")
    parser.add_argument("--only", default="", help="only cases with these words in their name")
    programs = parser.parse_args()
    passed = failed = skipped = 0
    for name, function, dataplane in harness.CASES:
        if programs.only not in name:
            continue
        if dataplane and not programs.dataplane:
            skipped += 1
            continue
        begin = time.monotonic()
        try:
            run_case(programs, function, dataplane)
        except Exception as error:  # pylint: disable=broad-except
            failed += 1
            print(f"FAILED  {name}")
            if isinstance(error, harness.Failed):
                print(error)
            else:
                traceback.print_exc(file=sys.stdout)
        else:
            passed += 1
            print(f"ok      {name} ({time.monotonic() - begin:.2f} s)")
        sys.stdout.flush()
    if skipped:
        print(f"{skipped} cases skipped: no --dataplane given")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
