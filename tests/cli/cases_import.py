# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""simplonctl config import."""

import os
import re
import stat

from harness import case, expect

PASSWORD = "f3d47c2de40fb698e1ab15d757a09bfc"
LINKS = """\
pop {
  interfaces { port: "uplink" ipv4_address: "192.0.2.10/24" ipv4_gateway: "192.0.2.1" ipv6_address: "2001:db8:ffff::42/64" }
}
"""
SIXXSD = f"""\
pop
\tset
\t\tdetails 1 pop1 192.0.2.10 2001:db8:ffff::42
\t\tid 1
\tend
\ttunnelprefix add 2001:db8:2ff::/48
\tsubnetprefix add 2001:db8:3000::/40
\tcliacl add ::1
end
tunnel set config 0 T4141 198.51.100.1 up 1480
tunnel set config 2ae T18572 ayiya up 1280 {PASSWORD}
subnet set config 2001:db8:3001::/48 2ae static
pop saveconfig
"""


@case("config import makes a configuration of sixxsd.conf, which config check likes")
def _(pop):
    file = pop.write("sixxsd.conf", SIXXSD)
    links = pop.write("links.txtpb", LINKS)
    text = pop.ok("config", "import", "sixxsd", file, "--base", links)
    expect(text.startswith(f"# Made of {file} by 'simplonctl config import sixxsd'.\n"), text)
    expect("# Holds the passwords of 1 tunnels in clear" in text and PASSWORD in text, text)
    expect("COMPLETE THIS" not in text, text)
    good = pop.write("good.txtpb", text)
    pop.ok("config", "check", good, out=f"{good}: good: 3 pools, 2 tunnels\n")

    out = pop.path("out.txtpb")
    report = pop.ok("config", "import", "sixxsd", file, "--output-file", out)
    expect(report.startswith(f"{out}: 3 pools, 2 tunnels, with passwords; complete"), report)
    expect(stat.S_IMODE(os.stat(out).st_mode) == 0o600, "mode")
    expect("# COMPLETE THIS" in pop.read("out.txtpb"), "marked")
    pop.ok("config", "check", out)

    as_json = pop.json("config", "import", "sixxsd", file, "--base", links)
    expect([t["id"] for t in as_json["tunnels"]] == [4141, 18572], str(as_json))
    strict = pop.json("config", "import", "sixxsd", file, "--base", links, "--strict")
    expect(strict["tunnels"][1]["type"] == "AYIYA", str(strict))
    text = pop.ok("config", "import", "sixxsd", "-", "--base", links, stdin=SIXXSD)
    expect("# Made of <stdin>" in text, text)


@case("what config import cannot take is an error with its line, and nothing is written")
def _(pop):
    file = pop.write("bad.conf", SIXXSD + "tunnel set config 3 T3 ayiya up 1280\nnonsense\nhelp\n")
    last = SIXXSD.count("\n")
    result = pop.fails(
        1, "config", "import", "sixxsd", file, "--output-file", pop.path("none"), out="",
        err=[
            rf"{file}:{last + 3}: warning: 'help' means nothing in a file",
            rf"{file}:{last + 1}: T3: password: .+",
            rf"{file}:{last + 2}: Unknown command: main >> nonsense",
        ],
    )  # fmt: skip
    expect(PASSWORD not in result.err, result.err)
    expect(not os.path.exists(pop.path("none")), "written")
    good = pop.write("sixxsd.conf", SIXXSD)
    for arguments in (
        ["--base", good, "--running"],
        ["--dry-run"],
        ["--apply", "--output-file", "x"],
    ):
        pop.fails(2, "config", "import", "sixxsd", good, *arguments)
    pop.fails(2, "config", "import", "othersd", good)
    pop.fails(1, "config", "import", "sixxsd", good, "--base", good)
    pop.fails(1, "config", "import", "sixxsd", "/nonexistent")
    pop.fails(1, "config", "import", "sixxsd", good, "--apply")


@case("config import applies what it has made, and again without a change")
def _(pop):
    file = pop.write("sixxsd.conf", SIXXSD)
    links = pop.write("links.txtpb", LINKS)
    apply = ["config", "import", "sixxsd", file, "--apply"]
    text = pop.ok(*apply, "--base", links, "--dry-run")
    expect("tunnels/T4141" in text or "T4141" in text, text)
    expect(text.endswith("only validated: nothing changed\n"), text)
    expect(PASSWORD not in text, text)
    pop.ok(*apply, "--base", links, "--comment", "from sixxsd")
    shown = pop.json("tunnel", "show", "T18572")
    expect(shown["slot"] == 0x2AE and shown["has_password"], str(shown))
    expect(shown["delegated_prefixes"] == ["2001:db8:3001::/48"], str(shown))

    # What the file does not know stays.
    pop.ok("tunnel", "update", "T4141", "--description", "kept")
    text = pop.ok(*apply, "--running")
    expect(re.fullmatch(r"unchanged: revision \d+\n", text), text)
    expect(pop.json("tunnel", "show", "T4141")["description"] == "kept", "description")
