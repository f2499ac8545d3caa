#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Tries what can be tried here of the golden files of 'simplonctl tunnel client-config'.

Shell text parses; the beat scripts are run and what they send is a beat; systemd-networkd reads its
files without a complaint, and systemd-analyze the units. The last two need root and the programs;
without them they are left out, and it is said.
"""

import glob
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "client-config")
NETWORKD = "/lib/systemd/systemd-networkd"
PASSWORD = "it's a 'password' of $5"
COMPLAINT = re.compile(r"^/etc/systemd/network/.+", re.MULTILINE)
# networkd itself, among mounts and links of its own.
RUN_NETWORKD = """
set -e
mount --make-rprivate /
mount -t tmpfs none /etc/systemd/network
mkdir -p /run/systemd
mount -t tmpfs none /run/systemd
mkdir -p /run/systemd/netif/links /run/systemd/netif/leases /run/systemd/netif/lldp
cp "$0"/*.netdev "$0"/*.network /etc/systemd/network/
SYSTEMD_LOG_LEVEL=info SYSTEMD_LOG_TARGET=console timeout 1 "$1" || true
"""


def golden(pattern):
    """(name, text) of what is no refusal."""
    for path in sorted(glob.glob(os.path.join(FOLDER, pattern))):
        with open(path, encoding="ascii") as file:
            text = file.read()
        if not text.startswith("simplonctl:"):
            yield os.path.basename(path), text


def shell_errors():
    for system in ("linux", "openwrt", "freebsd"):
        for name, text in golden(f"{system}-*.txt"):
            result = subprocess.run(["bash", "-n"], input=text, capture_output=True, text=True,
                                    check=False)  # fmt: skip
            if result.returncode != 0 or result.stderr:
                yield f"{name}: {result.stderr.strip()}"


def is_beat(datagram):
    words = datagram.split(" ")
    digest = hashlib.md5(" ".join(words[:5] + [PASSWORD]).encode()).hexdigest()
    return words[:4] == ["HEARTBEAT", "TUNNEL", "2001:db8:10:2::2", "sender"] and words[5:] == [digest]


def beats_of(script, port, server, folder):
    """What the script sends, with no time passing while it sleeps."""
    script = script.replace("/192.0.2.1/3740", f"/127.0.0.1/{port}")
    script = script.replace(":192.0.2.1:3740", f":127.0.0.1:{port}")
    script = re.sub(r"/etc/simplon-T102\.secret|/config/auth/simplon-T102\.secret",
                    os.path.join(folder, "secret"), script)  # fmt: skip
    subprocess.run(["bash", "-c", script], check=True, timeout=20,
                   env={"PATH": folder + ":" + os.environ["PATH"]})  # fmt: skip
    beats = []
    server.setblocking(False)
    while True:
        try:
            beats.append(server.recv(512).decode("ascii"))
        except BlockingIOError:
            return beats


def beat_errors(folder):
    with open(os.path.join(folder, "secret"), "w", encoding="ascii") as file:
        file.write(PASSWORD + "\n")
    with open(os.path.join(folder, "sleep"), "w", encoding="ascii") as file:
        file.write("#!/bin/sh\n")
    os.chmod(os.path.join(folder, "sleep"), 0o755)
    for system, count in (("linux", 3), ("openwrt", 3), ("vyos", 3), ("systemd-networkd", 1)):
        if system == "openwrt" and not shutil.which("socat"):
            print("no socat: the beats of openwrt are not tried")
            continue
        ((name, text),) = golden(f"{system}-heartbeat.txt")
        script = text[text.index("#!/bin") :]
        script = script[: re.search(r"^(EOF|# ----.*)$", script, re.MULTILINE).start()]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 0))
            beats = beats_of(script, server.getsockname()[1], server, folder)
        if len(beats) != count or not all(map(is_beat, beats)):
            yield f"{name}: sends {beats}"


def files_of(text, folder):
    """Writes the files of one golden of systemd-networkd; their paths."""
    paths = []
    for match in re.finditer(r"^# ---- (.+)\n((?:(?!# ---- ).*\n)*)", text, re.MULTILINE):
        name, body = match.groups()
        if "inside interface" in name:
            name, body = "60-lan.network", "[Match]\nName=eth1\n" + body
        if not name.startswith("/etc/systemd/") and name != "60-lan.network":
            continue
        paths.append(os.path.join(folder, os.path.basename(name)))
        with open(paths[-1], "w", encoding="ascii") as file:
            file.write(body)
    return paths


def networkd_errors():
    if os.geteuid() != 0 or not os.access(NETWORKD, os.X_OK) or not shutil.which("unshare"):
        print("not root, or no systemd-networkd: its files are not tried")
        return
    for name, text in golden("systemd-networkd-*.txt"):
        with tempfile.TemporaryDirectory(prefix="simplon-client-config-") as folder:
            files_of(text, folder)
            result = subprocess.run(
                ["unshare", "-m", "-n", "sh", "-c", RUN_NETWORKD, folder, NETWORKD],
                capture_output=True, text=True, check=False, timeout=60,
            )  # fmt: skip
        output = result.stdout + result.stderr
        complaints = COMPLAINT.findall(output)
        if complaints or (name.endswith("-gre.txt") and "simplon" not in output):
            yield f"{name}: {complaints or output}"


def unit_errors():
    if not shutil.which("systemd-analyze"):
        print("no systemd-analyze: units are not tried")
        return
    ((name, text),) = golden("systemd-networkd-heartbeat.txt")
    with tempfile.TemporaryDirectory(prefix="simplon-client-config-") as folder:
        units = [p for p in files_of(text, folder) if p.endswith((".service", ".timer"))]
        for unit in units:
            with open(unit, encoding="ascii") as file:
                body = file.read()
            with open(unit, "w", encoding="ascii") as file:
                file.write(body.replace("/usr/local/sbin/simplon-beat", "/bin/true"))
        result = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True,
                                check=False)  # fmt: skip
        own = [line for line in result.stderr.splitlines() if "simplon-beat" in line]
        if len(units) != 2 or own:
            yield f"{name}: {own or units}"


def main():
    with tempfile.TemporaryDirectory(prefix="simplon-client-config-") as folder:
        errors = [*shell_errors(), *beat_errors(folder), *networkd_errors(), *unit_errors()]
    for error in errors:
        print(error)
    print(len(errors), "faults")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
