# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""The plots of docs/performance.md, drawn by gnuplot as SVG."""

import dataclasses
import re
import subprocess


@dataclasses.dataclass(frozen=True)
class Curve:
    title: str
    case: str  # regular expression with one group: the number on the x axis
    field: str = "value"  # or "reference"
    metric: str = r".*"


@dataclasses.dataclass(frozen=True)
class Plot:
    title: str
    bench: str
    x: str
    y: str
    curves: tuple
    logarithmic_x: bool = False
    logarithmic_y: bool = False


PLOTS = {
    "tunnels": Plot(
        "6in4, 64-byte inner packets: cost by number of tunnels", "pipeline",
        "tunnels", "cycles per packet",
        (
            Curve("encapsulation", r"encap/64/(\d+)"),
            Curve("decapsulation", r"decap/64/(\d+)"),
            Curve("bare loop, encapsulation", r"encap/64/(\d+)", "reference"),
            Curve("bare loop, decapsulation", r"decap/64/(\d+)", "reference"),
        ),
        logarithmic_x=True,
    ),
    "size": Plot(
        "AYIYA, bursts of 32: cost by size of the inner packet", "ayiya",
        "bytes of inner packet", "cycles per packet",
        (
            Curve("receive", r"receive/(\d+)/32", metric="cycles_per_packet"),
            Curve("send", r"send/(\d+)/32", metric="cycles_per_packet"),
            Curve("libipsec-mb, SHA-1 alone", r"receive/(\d+)/32", "reference", "cycles_per_packet"),
        ),
    ),
    "workers": Plot(
        "6in4, 64-byte inner packets: packets per second by number of workers", "scale",
        "workers", "packets per second",
        (
            Curve("forwarded", r"workers-(\d+)/\d+", metric="packets_per_second"),
        ),
    ),
    "publish": Plot(
        "Publishing: seconds by number of tunnels", "publish",
        "tunnels", "seconds",
        (
            Curve("compile", r"compile/(\d+)"),
            Curve("build and seal", r"build/(\d+)"),
            Curve("validate", r"validate/(\d+)"),
        ),
        logarithmic_x=True, logarithmic_y=True,
    ),
}  # fmt: skip


def points(curve, measurements):
    found = {}
    for m in measurements:
        match = re.fullmatch(curve.case, m["case"])
        if match and re.fullmatch(curve.metric, m["metric"]) and curve.field in m:
            found[int(match.group(1))] = m[curve.field]
    return sorted(found.items())


def draw(name, measurements, folder):
    """Writes folder/NAME.svg and returns its path; None: there is nothing to draw."""
    plot = PLOTS[name]
    of_bench = [m for m in measurements if m["bench"] == plot.bench]
    curves = [(curve, points(curve, of_bench)) for curve in plot.curves]
    curves = [(curve, found) for curve, found in curves if found]
    if not curves:
        return None
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.svg"
    script = [
        "set terminal svg size 720,420 font 'sans,12' background '#ffffff'",
        f"set output '{path}'",
        f"set title '{plot.title}'",
        f"set xlabel '{plot.x}'",
        f"set ylabel '{plot.y}'",
        "set key left top",
        "set grid",
        "set format x '%.0f'",
        "set offsets graph 0.02, graph 0.02, graph 0.05, 0",
    ]
    if plot.logarithmic_x:
        script.append("set logscale x")
    script.append("set logscale y" if plot.logarithmic_y else "set yrange [0:*]")
    for index, (_, found) in enumerate(curves):
        script.append(f"$data{index} << EOD")
        script += [f"{x} {y}" for x, y in found]
        script.append("EOD")
    script.append(
        "plot "
        + ", ".join(
            f"$data{index} using 1:2 with linespoints linewidth 2 title '{curve.title}'"
            for index, (curve, _) in enumerate(curves)
        )
    )
    subprocess.run(["gnuplot"], input="\n".join(script) + "\n", text=True, check=True)
    return path
