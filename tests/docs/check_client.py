#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Checks that docs/client.md, the examples and simplon-client agree.

  check_client.py --client PATH

Every key the program knows has a row in the document, every command and option of its --help is in it, the
commands in it parse, and the example files are good ones.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
EXAMPLES = os.path.join(ROOT, "docs", "examples")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def run(program, *arguments):
    return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=30,
                          stdin=subprocess.DEVNULL, check=False)  # fmt: skip


def keys_of(program, line):
    """The keys that the error about an unknown one names."""
    with tempfile.NamedTemporaryFile("w", suffix=".conf") as out:
        out.write(line)
        out.flush()
        error = run(program, "--config", out.name, "advertise").stderr
    return re.search(r"the keys are (.*)", error).group(1).split(", ")


def errors_of(program, text):
    own = text[text.index("## 2 "):text.index("## 3 ")]
    aiccu = text[text.index("## 6 "):text.index("## 7 ")]
    for part, line in ((own, "nonsense = 1\n"), (aiccu, "nonsense 1\n")):
        for key in keys_of(program, line):
            if not re.search(rf"^\| `{key}` \|", part, re.MULTILINE):
                yield f"docs/client.md has no row for the key {key}"
        documented = re.findall(r"^\| `(\w+)` \|", part, re.MULTILINE)
        for key in documented:
            if key not in keys_of(program, line):
                yield f"docs/client.md has a row for {key}, which is no key"

    commands = re.findall(r"^  (\w+) ", run(program, "--help").stdout.split("Subcommands:")[1], re.MULTILINE)
    for command in commands:
        if f"`{command}" not in text:
            yield f"docs/client.md does not name the command {command}"
        for option in re.findall(r"(--[\w-]+)", run(program, command, "--help").stdout):
            if option != "--help" and option not in text:
                yield f"docs/client.md does not name {option} of {command}"

    blocks = [block for language, block in BLOCK.findall(text) if not language]
    for line in "\n".join(blocks).splitlines():
        words = shlex.split(line)
        if words[:1] != ["simplon-client"]:
            continue
        if run(program, *words[1:], "--help").returncode != 0 or words[1] not in commands:
            yield f"docs/client.md: {line}: not a command"

    own_file = run(program, "--config", os.path.join(EXAMPLES, "simplon-client.conf"), "advertise")
    if own_file.returncode != 0:
        yield own_file.stderr.strip()
    old_file = run(program, "--config", os.path.join(EXAMPLES, "aiccu.conf"), "advertise")
    if "there are no subnets" not in old_file.stderr:
        yield old_file.stderr.strip()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--client", required=True)
    program = os.path.abspath(parser.parse_args().client)
    with open(os.path.join(ROOT, "docs", "client.md"), encoding="utf-8") as source:
        text = source.read()
    errors = list(errors_of(program, text))
    for error in errors:
        print(error)
    print(len(errors), "faults")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
