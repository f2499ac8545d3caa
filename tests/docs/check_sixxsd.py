#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Checks docs/protocols.md §12 against the console: its commands, and the table of its errors."""

import os
import re
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as source:
        return source.read()


def main():
    text = read("docs", "protocols.md")
    section = text[text.index("## 12 Management console"):]  # fmt: skip
    faults = []

    commands = section[section.index("### 12.3 ") : section.index("### 12.4 ")]
    for path in re.findall(r'^X\(\w+,\s+"([^"]+)"', read("control", "sixxsd", "commands.def"), re.M):
        menu, name = path.rsplit(" ", 1)
        if menu == "cmd":
            continue
        found = any(
            f"`{menu} " in line and re.search(rf"\b{name}\b", line)
            for line in commands.splitlines()
        )
        if not found:
            faults.append(f"§12.3 does not have '{path}'")

    shown = re.search(r"<!-- table sixxsd_errors -->\n(.*?)<!-- end -->", section, re.S).group(1)
    wanted = "| counter | reasons |\n| --- | --- |\n"
    for name, reasons in re.findall(
        r'^X\(\d+,\s+"([^"]+)",\s+"([^"]*)"\)', read("control", "sixxsd", "error_names.def"), re.M
    ):
        wanted += f"| {name} | {', '.join(f'`{r}`' for r in reasons.split()) or '-'} |\n"
    if shown != wanted:
        faults.append("§12.7 is not the table of error_names.def")

    for fault in faults:
        print("docs/protocols.md:", fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
