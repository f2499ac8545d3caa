# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""simplonctl check."""

import re

from harness import case, expect

OK = r"SIMPLON OK - .+ \| online=\d+;.*\n"


@case("check without a dataplane is critical, or what one wants it to be")
def _(pop):
    pop.ok("tunnel", "create", "T1", "--remote", "198.51.100.1")
    result = pop.run("check")
    expect(result.code == 2, str(result))
    expect(result.out.startswith("SIMPLON CRITICAL - no dataplane is connected: "), result.out)
    expect("; small PoP: 0 of 1 online, 0 active | online=0;;;0;1 " in result.out, result.out)
    expect(pop.run("check", "--no-dataplane", "warning").code == 1, "no-dataplane warning")
    expect(re.fullmatch(OK, pop.ok("check", "--no-dataplane", "ok")), "no-dataplane ok")


@case("check without control is critical, a wrong option is unknown")
def _(pop):
    pop.stop_control()
    result = pop.run("check", "-v")
    expect(result.code == 2 and result.err == "", str(result))
    expect(re.fullmatch(r"SIMPLON CRITICAL - .+\n", result.out), result.out)
    for line in (["-o", "many"], ["--nonsense"], ["--port-down", "unknown"], ["-a", "-1"]):
        result = pop.run("check", *line)
        expect(result.code == 3 and result.out == "", str(result))


@case("check judges a PoP at work", dataplane=True)
def _(pop):
    result = pop.run("check")
    expect(result.code == 2 and "no tunnels configured" in result.out, str(result))
    for i in range(1, 61):
        pop.ok("tunnel", "create", f"T{i}", "--remote", f"198.51.100.{i}")
    # Static tunnels are up; nobody uses them.
    result = pop.run("check")
    expect(result.code == 1, str(result))
    expect(
        result.out.startswith(
            "SIMPLON WARNING - too few active (wanted 30); 60 of 60 online, 0 active | "
            "online=60;6:;;0;60 active=0;30:;;0;60 configured=60;5:;1:;0 in_packets=0c "
        ),
        result.out,
    )
    out = pop.ok("check", "-a", "0")
    expect(re.fullmatch(OK, out) and out.startswith("SIMPLON OK - 60 of 60 online, 0 active"), out)
    out = pop.ok("check", "-t", "61", "-v")
    expect(out.startswith("SIMPLON OK - small PoP: 60 of 60 online"), out)
    expect("\ntunnels 60 configured, 0 of them disabled\n" in out, out)
    result = pop.run("check", "-a", "0", "-c", "61")
    expect(result.code == 1 and "too few configured (wanted 61)" in result.out, str(result))
