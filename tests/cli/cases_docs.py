# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Command lines in the documentation are ones the program understands."""

import glob
import os
import re
import shlex

from harness import case, expect

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def documented_lines():
    """(file, words) of each line that begins with simplonctl inside a fenced block."""
    for path in sorted(glob.glob(f"{ROOT}/docs/*.md") + [f"{ROOT}/README.md"]):
        with open(path, encoding="utf-8") as file:
            blocks = re.findall(r"^```.*?\n(.*?)^```", file.read(), re.MULTILINE | re.DOTALL)
        for line in "".join(blocks).splitlines():
            # What follows two blanks or a redirection is not the command's.
            command = re.split(r"   *[^-]|\s[|>#&]|;", line.removeprefix("$ "))[0]
            match = re.fullmatch(r"(?:sudo )?(?:\S*/)?(simplonctl .*)", command)
            if match and "--help" not in command:
                yield path, shlex.split(match[1])[1:]


@case("every command line in the documentation parses")
def _(pop):
    pop.stop_control()
    lines = list(documented_lines())
    expect(len(lines) > 10, f"only {len(lines)} found")
    for path, words in lines:
        result = pop.run("--timeout", "100ms", *words, "-s", "unix:/nonexistent", timeout=10)
        expect(result.code != 2, f"{os.path.relpath(path, ROOT)}: {' '.join(words)}\n{result}")
