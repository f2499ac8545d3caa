#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Checks tests/conformance/cases.tsv against the tree.

  check_cases.py            check; exit status 1 if a case names a test that does not exist
  check_cases.py --list     check, and print every case with its state
  check_cases.py --update   write the golden cases' own `conformance:` lines into cases.tsv first

A case's status holds one or more references, separated by "; ":

  golden:AREA/CASE          a directory of pcap-fixtures/
  unit:FILE[#TEXT]          a test source that exists (and holds TEXT, a part of a test's name)
  e2e:FILE[#TEXT]           the same for a script of tests/e2e/
  later:WHY                 not in this release, or not all of it when other references stand beside it
  pending                   belongs to this release, no test names it yet
"""

import collections
import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CASES = os.path.join(ROOT, "tests", "conformance", "cases.tsv")
FIXTURES = os.path.join(ROOT, "pcap-fixtures")
COUNT = 164
GROUPS = "ABCDEFGHIJK"
CLAIM = re.compile(r"^\W*conformance:\s*([0-9][0-9, -]*)", re.IGNORECASE | re.MULTILINE)


def golden_claims():
    """Number -> sorted golden cases whose description has it on a `conformance:` line."""
    claims = collections.defaultdict(set)
    for directory, _, files in os.walk(FIXTURES):
        for name in files:
            if name.endswith((".pcap", ".pcapng", ".py", ".pyc")):
                continue
            path = os.path.join(directory, name)
            try:
                with open(path, encoding="utf-8") as source:
                    text = source.read()
            except UnicodeDecodeError:
                continue
            for match in CLAIM.finditer(text):
                for part in re.split(r"[ ,]+", match.group(1).strip()):
                    if not part:
                        continue
                    first, _, last = part.partition("-")
                    for number in range(int(first), int(last or first) + 1):
                        claims[number].add(os.path.relpath(directory, FIXTURES))
    return {number: sorted(cases) for number, cases in claims.items()}


def read_cases():
    """(header line, rows) of cases.tsv; a row is [number, group, title, reference, status]."""
    with open(CASES, encoding="utf-8") as source:
        lines = source.read().splitlines()
    return lines[0], [line.split("\t") for line in lines[1:] if line]


def update(rows, claims):
    """Puts the golden references of the fixtures into the rows; `pending` goes when a test is there."""
    for row in rows:
        kept = [r for r in row[4].split("; ") if not r.startswith("golden:") and r != "pending"]
        row[4] = "; ".join([f"golden:{case}" for case in claims.get(int(row[0]), [])] + kept)
        row[4] = row[4] or "pending"


def reference_error(reference):
    """Why a reference of the status column is wrong, or None."""
    kind, _, rest = reference.partition(":")
    if reference == "pending" or (kind == "later" and rest):
        return None
    if kind == "golden":
        return None if os.path.isdir(os.path.join(FIXTURES, rest)) else "no such directory in pcap-fixtures/"
    if kind not in ("unit", "e2e"):
        return "not golden:, unit:, e2e:, later: or pending"
    path, _, text = rest.partition("#")
    full = os.path.join(ROOT, path)
    if not os.path.isfile(full):
        return f"no file {path}"
    if text:
        with open(full, encoding="utf-8") as source:
            if text not in source.read():
                return f"{path} holds no {text!r}"
    return None


def state(status):
    """covered, partly, later or pending."""
    references = status.split("; ")
    tests = [r for r in references if r.split(":")[0] in ("golden", "unit", "e2e")]
    if tests:
        return "partly" if len(tests) < len(references) else "covered"
    return "pending" if "pending" in references else "later"


def main():
    header, rows = read_cases()
    claims = golden_claims()
    if "--update" in sys.argv[1:]:
        update(rows, claims)
        with open(CASES, "w", encoding="utf-8") as out:
            out.write(header + "\n" + "".join("\t".join(row) + "\n" for row in rows))

    errors = []
    if header != "number\tgroup\ttitle\treference\tstatus":
        errors.append("cases.tsv: the first line is not the column names")
    for line, row in enumerate(rows, start=2):
        if len(row) != 5:
            errors.append(f"cases.tsv:{line}: {len(row)} columns instead of 5")
            continue
        if row[1] not in GROUPS or not row[2]:
            errors.append(f"cases.tsv:{line}: no such group {row[1]!r}, or no title")
        for reference in row[4].split("; "):
            error = reference_error(reference)
            if error:
                errors.append(f"cases.tsv:{line}: case {row[0]}: {reference}: {error}")
    numbers = [row[0] for row in rows]
    if numbers != [str(n) for n in range(1, COUNT + 1)]:
        errors.append(f"cases.tsv: the numbers are not 1 to {COUNT}, each once and in order")
    for number in claims:
        if not 1 <= number <= COUNT:
            errors.append(f"pcap-fixtures/{claims[number][0]}: no conformance case {number}")
    if errors:
        print("\n".join(errors))
        return 1

    states = {int(row[0]): state(row[4]) for row in rows}
    if "--list" in sys.argv[1:]:
        for row in rows:
            print(f"{row[0]:>3} {row[1]} {states[int(row[0])]:8} {row[2]}")
    print("group  covered  partly  pending  later")
    for group in GROUPS:
        tally = collections.Counter(states[int(row[0])] for row in rows if row[1] == group)
        print(f"{group:5}  {tally['covered']:7}  {tally['partly']:6}  {tally['pending']:7}  {tally['later']:5}")
    tally = collections.Counter(states.values())
    print(f"all    {tally['covered']:7}  {tally['partly']:6}  {tally['pending']:7}  {tally['later']:5}")
    print("covered:", " ".join(str(n) for n in sorted(states) if states[n] == "covered"))
    listed = {int(r[0]): r[4] for r in rows}
    unlisted = sorted(n for n, cases in claims.items() if any(f"golden:{c}" not in listed[n] for c in cases))
    if unlisted:
        print("golden cases claim these, cases.tsv does not say so yet (run --update):",
              " ".join(map(str, unlisted)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
