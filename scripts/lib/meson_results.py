#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Counts test cases in meson's test log and prints one line per program and a sum.

Meson counts programs; we count what runs inside them. A program may tell in three ways:
  * Catch2's summary ("All tests passed (... in N test cases)" or "test cases: ...");
  * a last line "N passed, M failed", the form every runner of ours prints;
  * neither: the program is one case, judged by its exit code.
The end of what failing programs said is repeated, where whoever reads only the end finds it.
"""

import json
import re
import sys

CATCH_ALL_PASSED = re.compile(r"^All tests passed \(.* in (\d+) test cases?\)", re.M)
CATCH_SUMMARY = re.compile(r"^test cases:(.*)$", re.M)
CATCH_FIELD = re.compile(r"(\d+) (passed|failed as expected|failed|skipped)")
REPEATED_LINES = 30
OWN_SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed$", re.M)


def count_cases(output, succeeded):
    """Returns (passed, failed) of one program."""
    passed = failed = 0
    if match := CATCH_ALL_PASSED.search(output):
        passed = int(match.group(1))
    elif match := CATCH_SUMMARY.search(output):
        fields = {name: int(number) for number, name in CATCH_FIELD.findall(match.group(1))}
        passed = fields.get("passed", 0) + fields.get("failed as expected", 0)
        failed = fields.get("failed", 0)
    elif matches := OWN_SUMMARY.findall(output):
        passed, failed = map(int, matches[-1])
    elif succeeded:
        passed = 1
    if not succeeded and failed == 0:
        failed = 1  # it crashed, timed out, or failed without saying where
    return passed, failed


def main():
    log_path = sys.argv[1]
    total_passed = total_failed = 0
    failures = []
    with open(log_path, encoding="utf-8") as log:
        for line in log:
            test = json.loads(line)
            if test["result"] == "SKIP":
                print(f"  {test['name']}: skipped")
                continue
            succeeded = test["result"] in ("OK", "EXPECTEDFAIL")
            passed, failed = count_cases(test.get("stdout", ""), succeeded)
            total_passed += passed
            total_failed += failed
            print(f"  {test['name']}: {passed} passed, {failed} failed, {test['duration']:.1f} s")
            if failed:
                said = (test.get("stdout", "") + test.get("stderr", "")).splitlines()
                # Runners of ours name each failing case, maybe long before their end.
                named = [line for line in said[:-REPEATED_LINES] if line.startswith("FAILED")]
                failures.append("\n".join([f"FAILED {test['name']}", *named, *said[-REPEATED_LINES:]]))
    for failure in failures:
        print(failure)
    print(f"{total_passed} passed, {total_failed} failed")
    return 1 if total_failed else 0


if __name__ == "__main__":
    sys.exit(main())
