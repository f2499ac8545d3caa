#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Checks that docs/counters.md lists exactly what dataplane/state/*.def define.

  check_counters.py            check; exit status 1 and a list where they differ
  check_counters.py --update   rewrite the tables from the .def files, keeping the hand-written last column
"""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DOCUMENT = os.path.join(ROOT, "docs", "counters.md")
MACRO = re.compile(r"^X\((\w+),(.*?)\)\s*$", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r'"((?:[^"\\]|\\.)*)"|([^,\s][^,]*)')
ANSWERS = {
    "kNone": "-",
    "kNoRoute": "1/0",
    "kAdminProhibited": "1/1",
    "kAddress": "1/3",
    "kPort": "1/4",
    "kSourcePolicy": "1/5, if enabled",
    "kHopLimit": "3/0",
    "kTooBig": "2/0",
    "kEncapLimit": "4/0",
}


def entries(name):
    """The macro arguments of each line of dataplane/state/NAME.def, unquoted."""
    with open(os.path.join(ROOT, "dataplane", "state", name + ".def"), encoding="utf-8") as source:
        text = "\n".join(line for line in source.read().splitlines() if not line.startswith("//"))
    text = re.sub(r'"\s*\n\s*"', "", text)  # adjacent string literals are one
    return [
        [plain.strip() or quoted for quoted, plain in FIELD.findall(match.group(2))]
        for match in MACRO.finditer(text)
    ]


def rows(kind):
    """(name, generated columns) of the table of that kind, in order."""
    if kind == "worker_counters":
        return [(e[0], [e[1][1:].lower(), e[2]]) for e in entries(kind)]
    if kind == "punt_classes":
        return [(e[0], [e[1], e[2], e[3]]) for e in entries(kind)]
    category = kind.split(":")[1]
    return [
        (e[0], [ANSWERS[e[2]], e[3]])
        for e in entries("drop_reasons")
        if e[1] == "k" + category
    ]


def hand_written(text):
    """Name -> last column of the tables in the document."""
    return {
        match.group(1): match.group(2).strip()
        for match in re.finditer(r"^\| `([a-z0-9_-]+)` \|.*\| ([^|]*) \|$", text, re.MULTILINE)
    }


def render(text):
    """The document with every marked table rewritten."""
    notes = hand_written(text)

    def table(match):
        kind = match.group(2)
        lines = match.group(3).strip("\n").split("\n")[:2]
        for name, columns in rows(kind):
            lines.append(f"| `{name}` | " + " | ".join(columns) + f" | {notes.get(name, '')} |")
        return match.group(1) + "\n" + "\n".join(lines) + "\n" + match.group(4)

    return re.sub(
        r"(<!-- table ([A-Za-z_:]+) -->)\n(.*?)(<!-- end -->)", table, text, flags=re.DOTALL
    )


def main():
    with open(DOCUMENT, encoding="utf-8") as source:
        text = source.read()
    categories = {e[1][1:] for e in entries("drop_reasons")}
    missing = [c for c in sorted(categories) if f"<!-- table drop_reasons:{c} -->" not in text]
    if missing:
        print("docs/counters.md has no table for the drop categories", ", ".join(missing))
        return 1
    wanted = render(text)
    if "--update" in sys.argv[1:]:
        with open(DOCUMENT, "w", encoding="utf-8") as out:
            out.write(wanted)
        return 0
    if wanted != text:
        have, want = set(text.splitlines()), set(wanted.splitlines())
        for line in sorted(want - have):
            print("+", line)
        for line in sorted(have - want):
            print("-", line)
        print("docs/counters.md does not match dataplane/state/*.def: run", sys.argv[0], "--update")
        return 1
    empty = sorted(name for name, note in hand_written(text).items() if not note)
    print(len(hand_written(text)), "counters, reasons and punt classes documented")
    if empty:
        print("no advice yet for:", " ".join(empty))
    return 0


if __name__ == "__main__":
    sys.exit(main())
