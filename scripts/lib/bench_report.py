#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Writes measured figures into docs/performance.md, between its markers, and draws its plots.

    bench_report.py [FILE]

The text around the markers is written by people. `<!-- machine -->`, `<!-- bars -->`,
`<!-- figures NAME -->` (a table of benchmark NAME) and `<!-- plot NAME -->` begin what is replaced,
up to `<!-- end -->`. Without FILE: of each benchmark the newest results that scripts/bench kept.
"""

import pathlib
import re
import subprocess
import sys

sys.dont_write_bytecode = True
import bench_plots  # noqa: E402
import bench_results as results  # noqa: E402

REPORT = pathlib.Path("docs/performance.md")
BLOCK = re.compile(r"(<!-- (machine|bars|figures|plot)(?: (\S+))? -->\n).*?(<!-- end -->)", re.S)


def collect(path):
    """Machine, measurements and runs, of one file or of the newest run of each benchmark."""
    if path:
        return results.read(path)
    machine, measurements, ran, seen = {}, [], [], set()
    for kept in results.newest_first():
        then, some, runs = results.read(kept)
        machine = machine or then
        if (then.get("cpu"), then.get("cores")) != (machine.get("cpu"), machine.get("cores")):
            continue
        whole = {run["bench"] for run in runs if run["status"] == 0} - seen
        measurements += [m for m in some if m["bench"] in whole]
        ran += [run for run in runs if run["bench"] in whole]
        seen |= whole
    return machine, measurements, ran


NOT_MEASURED = "Not measured on this machine yet."


def table(head, rows):
    if not rows:
        return NOT_MEASURED
    lines = ["| " + " | ".join(head) + " |", "| " + " | ".join("---" for _ in head) + " |"]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines)


def machine_table(machine, ran):
    caches = ", ".join(f"{level} {size}" for level, size in machine["caches"].items())
    others = max((run["others"] for run in ran), default=0)
    return table(
        ["what", "which"],
        [
            ("measured", f"{machine['time']}, commit {machine['commit']}"),
            ("processor", f"{machine['cpu']}, {machine['cores']} cores, {caches}"),
            ("extensions looked at", ", ".join(machine["extensions"]) or "none"),
            ("hypervisor", machine["hypervisor"]),
            ("memory", f"{machine['memory_gib']} GiB, transparent huge pages {machine['huge_pages']}"),
            ("system", f"{machine['system']}, kernel {machine['kernel']}"),
            ("compiler", ", ".join(machine["compiler"])),
            ("libraries", f"DPDK {machine['dpdk']}, intel-ipsec-mb {machine['ipsec_mb']}, "
                          f"gRPC {machine['grpc']}"),
            ("taken by others", f"at most {100 * others:.1f} % of the cores' time in any benchmark"),
        ],
    )  # fmt: skip


def bars_table(measurements):
    rows = []
    for m in measurements:
        if "met" not in m:
            continue
        ratio = f"{m['ratio']:.2f}" if "ratio" in m else ""
        verdict = "met" if m["met"] else "**not met**"
        rows.append((f"{m['bench']} {m['case']}", f"{results.number(m['value'])} {m['metric']}",
                     results.number(m["reference"]) if "reference" in m else "", ratio,
                     results.bar_text(m), verdict))  # fmt: skip
    return table(["case", "measured", "reference", "ratio", "bar", ""], rows)


def figures_table(measurements, name):
    rows = [
        (m["case"], results.number(m["value"]), m["metric"],
         results.number(m["reference"]) if "reference" in m else "",
         f"{m['ratio']:.2f}" if "ratio" in m else "", m["runs"])
        for m in measurements
        if m["bench"] == name
    ]  # fmt: skip
    return table(["case", "median", "", "reference", "ratio", "runs"], rows)


def main():
    if len(sys.argv) > 2:
        print(__doc__, file=sys.stderr)
        return 2
    machine, measurements, ran = collect(sys.argv[1] if len(sys.argv) == 2 else None)
    if not measurements:
        print("bench: there are no results yet; run scripts/bench first", file=sys.stderr)
        return 1

    def fill(match):
        head, kind, name, end = match.groups()
        if kind == "machine":
            text = machine_table(machine, ran)
        elif kind == "bars":
            text = bars_table(measurements)
        elif kind == "figures":
            text = figures_table(measurements, name)
        else:
            picture = bench_plots.draw(name, measurements, REPORT.parent / "performance")
            title = bench_plots.PLOTS[name].title
            text = f"![{title}]({picture.relative_to(REPORT.parent)})" if picture else NOT_MEASURED
        return f"{head}\n{text}\n\n{end}"

    REPORT.write_text(BLOCK.sub(fill, REPORT.read_text(encoding="utf-8")), encoding="utf-8")
    missing = {"pipeline", "ayiya", "publish", "io", "scale", "api"} - {m["bench"] for m in measurements}
    if missing:
        print(f"bench: nothing measured yet of {', '.join(sorted(missing))}", file=sys.stderr)
    print(f"{REPORT}: {len(measurements)} figures")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"bench: {error}")
