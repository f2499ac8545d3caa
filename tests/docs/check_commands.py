#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Checks that the commands in the documents are commands of the programs.

  check_commands.py --simplonctl PATH --dataplane PATH

Every line of a code block in README.md and docs/ that calls simplonctl is run against a server that
is not there: it may fail to connect, but its words must parse (exit code 2 means they do not). Those
that call simplon-dataplane must use options its --help names. Scripts that are called must exist.
Configurations in docs/examples are good ones, and docs/examples/beat.sh sends what the PoP takes.
"""

import argparse
import glob
import hashlib
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
ANNOTATION = re.compile(r"\s{3,}\S.*$")  # "command      what it does"
USAGE_ERROR = 2
UNKNOWN = 3  # the same of `simplonctl check`, which has the codes of Nagios


def commands():
    """(document, command line) of every line in a plain code block, continuation lines joined."""
    paths = [os.path.join(ROOT, "README.md"), os.path.join(ROOT, "CONTRIBUTING.md")]
    paths += sorted(glob.glob(os.path.join(ROOT, "docs", "*.md")))
    for path in paths:
        with open(path, encoding="utf-8") as source:
            text = source.read()
        for language, block in BLOCK.findall(text):
            if language not in ("", "sh"):
                continue
            for line in re.sub(r"\\\n\s*", "", block).splitlines():
                yield os.path.relpath(path, ROOT), ANNOTATION.sub("", line.split(" #")[0]).strip()


def check_simplonctl(program, words):
    """None, or why the command line is not one of simplonctl's."""
    command = [os.path.abspath(program), "--server", "unix:/nonexistent/simplon.sock", "--timeout", "1s", *words[1:]]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=30,
                            stdin=subprocess.DEVNULL, check=False)  # fmt: skip
    plugin = "check" in words and not {"config", "conservation"} & set(words)
    usage_error = UNKNOWN if plugin else USAGE_ERROR
    return result.stderr.strip() if result.returncode == usage_error else None


def check_dataplane(help_text, words):
    for word in words[1 : words.index("--") if "--" in words else len(words)]:
        if word.startswith("--") and not re.search(rf"^\s+{word}\b", help_text, re.MULTILINE):
            return f"no option {word}"
    return None


def check_script(words):
    path = os.path.join(ROOT, words[0])
    return None if os.access(path, os.X_OK) else "no such script"


def example_errors(program):
    paths = sorted(glob.glob(os.path.join(ROOT, "docs", "examples", "*.txtpb")))
    for path in paths:
        result = subprocess.run([program, "config", "check", path], capture_output=True, text=True,
                                check=False)  # fmt: skip
        if result.returncode != 0:
            yield result.stderr.strip()
    if not paths:
        yield "docs/examples has no configurations"


def beat_of(folder, path):
    """The datagram beat.sh sends with these programs in PATH."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind(("127.0.0.1", 0))
        server.settimeout(10)
        password = os.path.join(folder, "password")
        with open(password, "w", encoding="ascii") as out:
            out.write("example-only-of-T101\n")
        subprocess.run(
            ["/bin/sh", os.path.join(ROOT, "docs", "examples", "beat.sh"), "127.0.0.1",
             "2001:db8:10:1::2", password],
            env={"PATH": path, "BEAT_PORT": str(server.getsockname()[1])}, check=True, timeout=10,
        )  # fmt: skip
        return server.recv(512).decode("ascii")


def beat_errors():
    with tempfile.TemporaryDirectory() as folder:
        bare = os.path.join(folder, "bin")  # without socat
        os.mkdir(bare)
        for name in ("bash", "cat", "cut", "date", "md5sum"):
            os.symlink(shutil.which(name), os.path.join(bare, name))
        for path in [bare] + ([os.environ["PATH"]] if shutil.which("socat") else []):
            beat = beat_of(folder, path)
            words = beat.split(" ")
            text = " ".join(words[:-1])
            digest = hashlib.md5((text + " example-only-of-T101").encode()).hexdigest()
            good = (words[:4] == ["HEARTBEAT", "TUNNEL", "2001:db8:10:1::2", "sender"]
                    and words[5:] == [digest] and abs(int(words[4]) - time.time()) < 30)  # fmt: skip
            if not good:
                yield f"docs/examples/beat.sh sends: {beat}"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--simplonctl", required=True)
    parser.add_argument("--dataplane", required=True)
    options = parser.parse_args()
    help_text = subprocess.run([options.dataplane, "--help"], capture_output=True, text=True,
                               check=True).stdout  # fmt: skip
    checked = 0
    errors = []
    for document, line in commands():
        first = line.split(" ")[0]
        error = None
        if " " not in line and first.startswith("simplon"):
            continue  # a name in a picture
        if first == "simplonctl":
            error = check_simplonctl(options.simplonctl, shlex.split(line))
        elif first == "simplon-dataplane":
            error = check_dataplane(help_text, shlex.split(line))
        elif re.match(r"(\./)?(scripts|tests)/", first):
            error = check_script(shlex.split(line))
        else:
            continue
        checked += 1
        if error:
            errors.append(f"{document}: {line}: {error}")
    errors += example_errors(os.path.abspath(options.simplonctl))
    errors += beat_errors()
    for error in errors:
        print(error)
    print(checked, "commands checked,", len(errors), "faults")
    return 1 if errors or not checked else 0


if __name__ == "__main__":
    sys.exit(main())
