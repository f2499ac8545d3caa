# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Results of benchmarks: where they are kept, what machine they are of, how they read.

A results file has one JSON object per line: {"machine": {...}}, then for each benchmark its
measurements as tests/bench/json_line.h prints them, then {"ran": {...}}.
"""

import json
import os
import pathlib
import platform
import subprocess
import time


def history_folder():
    state = os.environ.get("XDG_STATE_HOME") or os.path.expanduser("~/.local/state")
    return pathlib.Path(state) / "simplon" / "bench"


def _output(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


def _first_line(path, default=""):
    try:
        return pathlib.Path(path).read_text(encoding="utf-8").splitlines()[0].strip()
    except (OSError, IndexError):
        return default


def describe_machine():
    """What a figure is worth nothing without."""
    cpu = dict(line.split(":", 1) for line in _output("lscpu").splitlines() if ":" in line)
    cpu = {key.strip(): value.strip() for key, value in cpu.items()}
    flags = cpu.get("Flags", "").split()
    dirty = "+" if _output("git", "status", "--porcelain", "--untracked-files=no") else ""
    memory = int(_first_line("/proc/meminfo", "MemTotal: 0 kB").split()[1]) / 2**20
    return {
        "time": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": _output("git", "rev-parse", "--short=10", "HEAD") + dirty,
        "cpu": cpu.get("Model name", platform.processor()),
        "cores": os.cpu_count(),
        "extensions": [f for f in ("sha_ni", "avx2", "avx512f", "waitpkg") if f in flags],
        "hypervisor": cpu.get("Hypervisor vendor", "none"),
        "caches": {level: cpu.get(f"{level} cache", "") for level in ("L1d", "L2", "L3")},
        "memory_gib": round(memory, 1),
        "huge_pages": _first_line("/sys/kernel/mm/transparent_hugepage/enabled", "unknown"),
        "kernel": platform.release(),
        "system": _output("sh", "-c", ". /etc/os-release && echo $PRETTY_NAME"),
        "compiler": _output("g++", "--version").splitlines()[:1],
        "dpdk": _output("pkg-config", "--modversion", "libdpdk"),
        "ipsec_mb": _output("dpkg-query", "-f", "${Version}", "-W", "libipsec-mb-dev"),
        "grpc": _output("pkg-config", "--modversion", "grpc++"),
    }


def read(path):
    """The machine, the measurements and what ran, of one file."""
    machine, measurements, ran = {}, [], []
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        entry = json.loads(line)
        if "machine" in entry:
            machine = entry["machine"]
        elif "ran" in entry:
            ran.append(entry["ran"])
        else:
            measurements.append(entry)
    return machine, measurements, ran


def newest_first():
    return sorted(history_folder().glob("*.jsonl"), reverse=True)


def key(measurement):
    return measurement["bench"], measurement["case"], measurement["metric"]


def number(value):
    """Four digits that matter."""
    if value == 0:
        return "0"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}"


def bar_text(measurement):
    """The promise, or nothing."""
    for name in ("at_most", "at_least"):
        if name in measurement:
            return f"{name.replace('_', ' ')} {number(measurement[name])}"
    return ""
