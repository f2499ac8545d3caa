# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""simplonctl tunnel."""

import json

from harness import case, expect, expect_lines, expect_text

NOT_IN_FORCE = r"simplonctl: stored, but not in force: DISCONNECTED(: .*)?"
LIST = """\
TUNNEL  SLOT  TYPE     STATE     REMOTE         MTU  LINK-PREFIX          DELEGATED              DESCRIPTION
T1         0  proto41  enabled   198.51.100.1  auto  2001:db8:1::/64      -                      -
T2         7  proto41  disabled  198.51.100.2  1280  2001:db8:1:7::/64    2001:db8:3001::/48 +1  Jane Doe, 3rd flo...
T18572   686  proto41  enabled   198.51.100.2  auto  2001:db8:1:2ae::/64  -                      -
"""


def create_three(pop):
    pop.ok("tunnel", "create", "T1", "--remote", "198.51.100.1")
    pop.ok(
        "tunnel", "create", "T2", "--remote", "198.51.100.2", "--slot", "7", "--mtu", "1280",
        "--admin-state", "disabled", "--delegated-prefix", "2001:db8:3001::/48",
        "--delegated-prefix", "2001:db8:3002::/48", "--description", "Jane Doe, 3rd floor, left door",
    )  # fmt: skip
    pop.ok("tunnel", "create", "T18572", "--remote", "198.51.100.2", "--slot", "0x2ae")


@case("tunnel create says which slot and prefixes the tunnel got, and that nothing forwards yet")
def _(pop):
    result = pop.fails(0, "tunnel", "create", "T7", "--remote", "198.51.100.7")
    expect_text(
        result.out,
        "T7 created: slot 0, link 2001:db8:1::/64, routed 2001:db8:2::/64 (revision 2)\n",
    )
    expect_lines(result.err, [NOT_IN_FORCE])
    # Without a T-number, one more than the highest.
    out = pop.ok("tunnel", "create", "--remote", "198.51.100.8")
    expect(out.startswith("T8 created: slot 1, "), out)


@case("tunnel create takes every field")
def _(pop):
    pop.ok("account", "create", "ann", "--generate-secret")
    shown = json.loads(
        pop.ok(
            "-o", "json", "tunnel", "create", "T9", "--remote", "198.51.100.9", "--slot", "9",
            "--local", "192.0.2.10", "--admin-state", "disabled", "--mtu", "1400",
            "--mtu-mode", "static", "--ttl", "99", "--ecn", "normal", "--dscp-mode", "uniform",
            "--dscp", "46", "--delegated-prefix", "2001:db8:3009::/48", "--description", "a \"b\"",
            "--account", "ann",
        )  # fmt: skip
    )
    expected = dict(
        password="", previous_password="", has_password=False, has_previous_password=False,
        beat_timeout_seconds=0, gre_checksum=False, gre_sequence=False, encapsulation_limit=0,
        ipv4_prefixes=[], routed_ipv4_prefix="",
        id=9, slot=9, type="PROTO41", admin_state="DISABLED", remote="198.51.100.9",
        local="192.0.2.10", mtu=1400, mtu_mode="STATIC", ttl=99, ecn_mode="NORMAL",
        dscp_mode="UNIFORM", dscp=46, delegated_prefixes=["2001:db8:3009::/48"],
        description='a "b"', link_prefix="2001:db8:1:9::/64", routed_prefix="2001:db8:2:9::/64",
        name="tunnels/T9", account="ann", update_key="", has_update_key=False,
        tic_type="TIC_TYPE_UNSPECIFIED",
    )  # fmt: skip
    etag = shown.pop("etag")
    expect(shown.pop("replay_mode") in ("REPLAY_MODE_UNSPECIFIED", "ENDPOINT"), f"{shown}")
    expect(shown == expected, f"{shown}")
    again = pop.json("tunnel", "show", "T9")
    again.pop("replay_mode")
    expect(again == {**expected, "etag": etag}, "show differs")


@case("tunnel create --validate-only checks and changes nothing")
def _(pop):
    result = pop.fails(
        0, "tunnel", "create", "T7", "--remote", "198.51.100.7", "--validate-only", err=[],
        out="T7 created: slot 0, link 2001:db8:1::/64, routed 2001:db8:2::/64"
        " (only validated: nothing changed)\n",
    )  # fmt: skip
    expect(result.code == 0, str(result))
    pop.fails(3, "tunnel", "show", "T7")
    pop.fails(
        1, "tunnel", "create", "T7", "--remote", "198.51.100.7", "--mtu", "1500", "--validate-only",
        err=r"simplonctl: tunnel\.mtu: .*1480.* \[MTU_OUT_OF_RANGE\]",
    )  # fmt: skip


@case("tunnel create needs a remote for types that do not learn it")
def _(pop):
    for arguments, word in (([], "proto41"), (["--type", "gre"], "gre"),
                            (["--type", "ipv6-tunnel"], "ipv6-tunnel")):  # fmt: skip
        pop.fails(2, "tunnel", "create", "T7", *arguments,
                  err=f"simplonctl: --remote is required for the type {word}")
    pop.fails(3, "tunnel", "show", "T7")


@case("each fault of a tunnel is a line with field and reason, and nothing is created")
def _(pop):
    pop.fails(
        1, "tunnel", "create", "T7", "--remote", "198.51.100.300", "--mtu", "1000", "--ttl", "256",
        out="",
        err=[
            r"simplonctl: tunnel\.remote: .+ \[BAD_ADDRESS\]",
            r"simplonctl: tunnel\.mtu: .+ \[MTU_OUT_OF_RANGE\]",
            r"simplonctl: tunnel\.ttl: .+ \[OUT_OF_RANGE\]",
        ],
    )  # fmt: skip
    pop.fails(3, "tunnel", "show", "T7")


@case("a tunnel that exists, a slot or prefix that is taken, are refused")
def _(pop):
    create_three(pop)
    pop.fails(
        4, "tunnel", "create", "T1", "--remote", "198.51.100.9",
        err=r"simplonctl: .*tunnels/T1 .*exists.* \[TUNNEL_EXISTS\]",
    )  # fmt: skip
    pop.fails(
        1, "tunnel", "create", "T3", "--remote", "198.51.100.9", "--slot", "7",
        err=r"simplonctl: tunnel\.slot: .+ \[SLOT_TAKEN\]",
    )  # fmt: skip
    pop.fails(
        1, "tunnel", "create", "T3", "--remote", "198.51.100.9",
        "--delegated-prefix", "2001:db8:3002::/48",
        err=r"simplonctl: tunnel\.delegated_prefixes\[0\]: .+ \[PREFIX_TAKEN\]",
    )  # fmt: skip


@case("tunnel list is a table, without heads where they are not wanted")
def _(pop):
    create_three(pop)
    pop.ok("tunnel", "list", out=LIST)
    heads, *rows = LIST.splitlines(keepends=True)
    expect(all(len(line) <= 121 for line in rows), "a row is wider than 120 columns")
    without = pop.ok("--no-headers", "tunnel", "list")
    expect([line.split() for line in without.splitlines()] == [r.split() for r in rows], without)


@case("tunnel list filters, sorts, limits and finds by address")
def _(pop):
    create_three(pop)

    def names(*arguments):
        out = pop.ok("--no-headers", "tunnel", "list", *arguments)
        return [line.split()[0] for line in out.splitlines()]

    for arguments, expected in (
        (["--filter", "admin_state=DISABLED"], ["T2"]),
        (["--filter", "remote=\"198.51.100.2\" AND NOT id=2"], ["T18572"]),
        (["--filter", "description:floor"], ["T2"]),
        (["--filter", "mtu=1300"], []),
        (["--order-by", "slot desc"], ["T18572", "T2", "T1"]),
        (["--order-by", "slot desc", "--limit", "2"], ["T18572", "T2"]),
        (["198.51.100.2"], ["T2", "T18572"]),
        (["2001:db8:3001::1"], ["T2"]),
        (["2001:db8:1:2ae::/64"], ["T18572"]),
        (["T1"], ["T1"]),
    ):
        found = names(*arguments)
        expect(found == expected, f"{arguments}: {found}, not {expected}")
    pop.fails(3, "tunnel", "list", "198.51.100.77", err=r"simplonctl: .+ \[TUNNEL_NOT_FOUND\]")
    pop.fails(1, "tunnel", "list", "--filter", "colour=red", err=r"simplonctl: filter: .+colour.+")
    pop.fails(1, "tunnel", "list", "--filter", "mtu=", err=r"simplonctl: filter: .+")
    pop.fails(1, "tunnel", "list", "--order-by", "colour", err=r"simplonctl: order_by: .+")
    pop.fails(2, "tunnel", "list", "T1", "--filter", "mtu=1280", err=r"simplonctl: --filter .+")


@case("tunnel list -o json and yaml are one document with all pages")
def _(pop):
    create_three(pop)
    listed = pop.json("tunnel", "list")
    expect([t["id"] for t in listed["tunnels"]] == [1, 2, 18572], str(listed))
    expect(listed["total_size"] == 3, str(listed))
    yaml = pop.ok("-o", "yaml", "tunnel", "list", "--limit", "1")
    expect(yaml.startswith("tunnels:\n  - id: 1\n    type: PROTO41\n"), yaml)
    for line in ('remote: "198.51.100.1"', "slot: 0", "delegated_prefixes: []"):
        expect(f"\n    {line}\n" in yaml, yaml)


@case("a tunnel is shown by T-number, by any address or prefix of it, and by its remote")
def _(pop):
    create_three(pop)
    wanted = pop.ok("tunnel", "show", "T2")
    expect(wanted.startswith("id                  2\nslot                7\ntype "), wanted)
    expect("\ndelegated_prefixes  2001:db8:3001::/48\n                    2001:db8:3002" in wanted, wanted)
    for name in (
        "2", "t2", "tunnels/T2", "2001:db8:1:7::1", "2001:db8:1:7::2", "2001:db8:1:7::/64",
        "2001:db8:2:7:1234::1", "2001:db8:2:7::/64", "2001:db8:3001:9::9", "2001:db8:3002::/48",
    ):  # fmt: skip
        pop.ok("tunnel", "show", name, out=wanted)
    pop.ok("tunnel", "show", "198.51.100.1", out=pop.ok("tunnel", "show", "T1"))
    pop.fails(
        1, "tunnel", "show", "198.51.100.2",
        err=r"simplonctl: 198\.51\.100\.2: names more than one tunnel \(T2, T18572\); see .+",
    )  # fmt: skip
    pop.fails(3, "tunnel", "show", "T3", err=r"simplonctl: .*tunnels/T3.* \[TUNNEL_NOT_FOUND\]")
    pop.fails(3, "tunnel", "show", "2001:db8:1:99::2", err=r"simplonctl: .+ \[TUNNEL_NOT_FOUND\]")
    pop.fails(1, "tunnel", "show", "not-a-name", err=r"simplonctl: .+")


@case("tunnel update changes what is given and nothing else")
def _(pop):
    create_three(pop)
    pop.ok(
        "tunnel", "update", "2001:db8:1:7::2", "--remote", "198.51.100.99", "--mtu", "0",
        out="T2 updated: remote 198.51.100.99 mtu 0 (revision 5)\n",
    )  # fmt: skip
    shown = pop.json("tunnel", "show", "T2")
    expect(shown["remote"] == "198.51.100.99" and shown["mtu"] == 0, str(shown))
    expect(shown["admin_state"] == "DISABLED" and len(shown["delegated_prefixes"]) == 2, str(shown))
    pop.ok("tunnel", "update", "T2", "--delegated-prefix", "2001:db8:3005::/48")
    expect(pop.json("tunnel", "show", "T2")["delegated_prefixes"] == ["2001:db8:3005::/48"], "list")
    pop.ok("tunnel", "update", "T2", "--no-delegated-prefixes", "--description", "")
    shown = pop.json("tunnel", "show", "T2")
    expect(shown["delegated_prefixes"] == [] and shown["description"] == "", str(shown))
    pop.fails(2, "tunnel", "update", "T2", err=["simplonctl: nothing to change.*"])
    pop.fails(3, "tunnel", "update", "T3", "--mtu", "1280", err=r"simplonctl: .+NOT_FOUND\]")
    pop.fails(1, "tunnel", "update", "T2", "--mtu", "9000", err=r"simplonctl: tunnel\.mtu: .+")


@case("an etag that is not the tunnel's any more is a conflict")
def _(pop):
    create_three(pop)
    etag = pop.json("tunnel", "show", "T1")["etag"]
    pop.ok("tunnel", "update", "T1", "--mtu", "1300", "--etag", etag)
    for arguments in (
        ["update", "T1", "--mtu", "1310"], ["disable", "T1"], ["enable", "T1"], ["delete", "T1"],
    ):  # fmt: skip
        pop.fails(4, "tunnel", *arguments, "--etag", etag, err=r"simplonctl: .+ \[ETAG_MISMATCH\]")
    pop.fails(2, "tunnel", "delete", "T1", "T2", "--etag", etag, err=r"simplonctl: --etag .+")
    expect(pop.json("tunnel", "show", "T1")["mtu"] == 1300, "changed in spite of the etag")


@case("tunnel disable and enable work on one or several, all or none")
def _(pop):
    create_three(pop)

    def states():
        return [t["admin_state"] for t in pop.json("tunnel", "list")["tunnels"]]

    pop.ok("tunnel", "disable", "T1", out="T1 disabled (revision 5)\n")
    expect(states() == ["DISABLED", "DISABLED", "ENABLED"], str(states()))
    pop.ok("tunnel", "enable", "T1", "tunnels/T2", out="T1, T2 enabled (revision 6)\n")
    expect(states() == ["ENABLED"] * 3, str(states()))
    pop.fails(3, "tunnel", "disable", "T1", "T3", err=r"simplonctl: .+ \[TUNNEL_NOT_FOUND\]")
    expect(states() == ["ENABLED"] * 3, str(states()))
    pop.ok("tunnel", "disable", "T1", "T2", "--validate-only")
    expect(states() == ["ENABLED"] * 3, str(states()))
    expect(pop.json("tunnel", "disable", "T1")["admin_state"] == "DISABLED", "json")


@case("tunnel delete deletes one or several, all or none")
def _(pop):
    create_three(pop)
    pop.fails(3, "tunnel", "delete", "T1", "T3", err=r"simplonctl: .+ \[TUNNEL_NOT_FOUND\]")
    pop.ok("tunnel", "delete", "T1", "--validate-only")
    pop.ok("tunnel", "show", "T1")
    pop.ok("tunnel", "delete", "2001:db8:1::2", out="T1 deleted (revision 5)\n")
    pop.fails(3, "tunnel", "delete", "T1", err=r"simplonctl: .+ \[TUNNEL_NOT_FOUND\]")
    pop.ok("tunnel", "delete", "T1", "--allow-missing")
    expect(pop.json("tunnel", "delete", "T2", "T18572") == {}, "json")
    pop.ok("tunnel", "list",
           out="TUNNEL  SLOT  TYPE  STATE  REMOTE  MTU  LINK-PREFIX  DELEGATED  DESCRIPTION\n")  # fmt: skip


@case("what a description holds cannot drive the terminal")
def _(pop):
    pop.ok("tunnel", "create", "T1", "--remote", "198.51.100.1", "--description", "x\x1b[2Jy\u20ac")
    for arguments in (["list"], ["show", "T1"]):
        out = pop.ok("tunnel", *arguments)
        expect("x\\x1b[2Jy\u20ac" in out and "\x1b" not in out, out)
