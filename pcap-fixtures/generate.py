#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Writes the golden cases of this directory.

  generate.py [--check] [AREA[/CASE] ...]

Without names it writes all of them and removes cases that are no longer generated. --check writes
nothing and fails if a file differs from what would be written.
"""

import filecmp
import importlib
import os
import shutil
import sys
import tempfile

ROOT = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, ROOT)

from generator import configs  # noqa: E402
from generator.case import Case  # noqa: E402

AREAS = ("encapsulation", "decapsulation", "forwarding", "mtu", "icmpv6", "ecn", "neighbors", "link", "resolution",
         "fragments", "topology", "heartbeat", "ayiya", "gre", "ipv6_tunnel", "inner_ipv4",
         "routability", "attribution", "threats", "replays")


def differences(left, right):
    """Relative paths of files that are not the same in both trees."""
    def files(root):
        return {os.path.relpath(os.path.join(d, name), root) for d, _, names in os.walk(root) for name in names}

    names = files(left) | files(right)
    return sorted(name for name in names
                  if not (os.path.exists(os.path.join(left, name)) and os.path.exists(os.path.join(right, name)) and
                          filecmp.cmp(os.path.join(left, name), os.path.join(right, name), shallow=False)))


def main():
    arguments = [a for a in sys.argv[1:] if a != "--check"]
    if any(a.startswith("-") for a in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    for area in AREAS:
        importlib.import_module(f"generator.{area}")
    chosen = {name: case for name, case in Case.registry.items()
              if not arguments or any(name == a or name.startswith(a + "/") for a in arguments)}
    if not chosen:
        print(f"no such case: {' '.join(arguments)}", file=sys.stderr)
        return 2

    if "--check" in sys.argv:
        with tempfile.TemporaryDirectory() as fresh:
            configs.write(os.path.join(fresh, "configs"))
            for case in chosen.values():
                case.write(fresh)
            parts = ["configs", *(AREAS if not arguments else chosen)]
            wrong = [os.path.join(part, name) for part in parts
                     for name in differences(os.path.join(fresh, part), os.path.join(ROOT, part))]
        for name in wrong:
            print(f"not as generated: {name}")
        print(f"{len(chosen)} cases, {len(wrong)} files differ")
        return 1 if wrong else 0

    if not arguments:
        for part in ("configs", *AREAS):
            shutil.rmtree(os.path.join(ROOT, part), ignore_errors=True)
    configs.write(os.path.join(ROOT, "configs"))
    for case in chosen.values():
        case.write(ROOT)
    print(f"{len(chosen)} cases written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
