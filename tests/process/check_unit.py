#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Has systemd look at a unit of ours, with the program of this build in the place of the installed one.

  check_unit.py UNIT PROGRAM

Exit code 77: there is no systemd-analyze here.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

MOST_EXPOSED = 60  # of 100, by systemd-analyze security


def main():
    unit, program = sys.argv[1:]
    if not shutil.which("systemd-analyze"):
        return 77
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, os.path.basename(unit))
        with open(unit, encoding="utf-8") as source, open(path, "w", encoding="utf-8") as out:
            text = re.sub(r"^ExecStart=\S+", f"ExecStart={os.path.abspath(program)}", source.read(),
                          flags=re.MULTILINE)  # fmt: skip
            out.write(text)
        verify = subprocess.run(
            ["systemd-analyze", "verify", "--recursive-errors=no", "--man=no", path], check=False)
        security = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", f"--threshold={MOST_EXPOSED}",
             "--no-pager", path], capture_output=True, text=True, check=False)  # fmt: skip
    print(security.stdout.splitlines()[-1] if security.stdout else security.stderr)
    return 1 if verify.returncode or security.returncode else 0


if __name__ == "__main__":
    sys.exit(main())
