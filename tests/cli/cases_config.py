# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""simplonctl config."""

import json
import os
import re
import time

from harness import CONFIG, case, expect, expect_lines, expect_text

T1 = 'tunnels { id: 1 slot: 5 type: PROTO41 remote: "198.51.100.1" }\n'
T2 = 'tunnels { id: 2 slot: 6 type: PROTO41 remote: "198.51.100.2" mtu: 1400 }\n'


@case("config check judges a file without a server, each fault with file, line and column")
def _(pop):
    pop.stop_control()
    good = pop.write("good.txtpb", CONFIG + T1)
    pop.ok("config", "check", good, out=f"{good}: good: 3 pools, 1 tunnels\n")
    pop.ok("config", "check", "-", stdin=CONFIG, out="<stdin>: good: 3 pools, 0 tunnels\n")
    expect(pop.json("config", "check", good) == {"field_violations": []}, "json")

    bad = pop.write(
        "bad.txtpb",
        CONFIG + T1 + 'tunnels { id: 1 slot: 6 type: PROTO41\n  mtu: 1500 remote: "x" }\n',
    )
    first = CONFIG.count("\n") + 2
    result = pop.fails(
        1, "config", "check", bad, out="",
        err=[
            rf"{bad}:{first}:11: tunnels\[1\]\.id: .+ \[DUPLICATE_ID\]",
            rf"{bad}:{first + 1}:13: tunnels\[1\]\.remote: .+ \[BAD_ADDRESS\]",
            rf"{bad}:{first + 1}:3: tunnels\[1\]\.mtu: .+ \[MTU_OUT_OF_RANGE\]",
        ],
    )  # fmt: skip
    report = pop.fails(1, "-o", "json", "config", "check", bad)
    fields = json.loads(report.out)["field_violations"]
    expect([f["reason"] for f in fields]
           == re.findall(r"\[(\w+)\]$", result.err, re.MULTILINE), str(fields))  # fmt: skip
    expect(fields[0]["description"].startswith(f"{bad}:{first}:11: "), str(fields))

    for text, pattern in (
        ("pop { nmae: 'x' }", r'.+:1:\d+: .*"nmae".* \[UNKNOWN_FIELD\]'),
        ("pop {", r".+:1:6: .+ \[SYNTAX_ERROR\]"),
    ):
        pop.fails(1, "config", "check", pop.write("bad.txtpb", text), err=pattern)
    pop.fails(1, "config", "check", pop.write("bad.json", '{"pop": {"nmae": "x"}}'),
              err=r"\S+bad.json: pop\.nmae: .+ \[UNKNOWN_FIELD\]")  # fmt: skip


@case("a configuration that is no file, or too large, is refused")
def _(pop):
    pop.fails(1, "config", "check", "/nonexistent",
              err="simplonctl: /nonexistent: cannot open: No such file or directory")  # fmt: skip
    pop.fails(1, "config", "apply", pop.folder, err=r"simplonctl: .+: is not a regular file")
    pop.fails(1, "config", "check", "/dev/zero", err=r"simplonctl: .+: is not a regular file")
    os.mkfifo(pop.path("fifo"))
    pop.fails(1, "config", "check", pop.path("fifo"), err=r"simplonctl: .+: is not a regular file")
    with open(pop.path("huge.txtpb"), "wb") as file:
        file.truncate((256 << 20) + 1)
    pop.fails(1, "config", "check", pop.path("huge.txtpb"),
              err=r"simplonctl: .+: is larger than 256 MiB.*")  # fmt: skip


@case("config apply replaces everything, and twice the same makes no revision")
def _(pop):
    file = pop.write("new.txtpb", CONFIG + T1 + T2)
    result = pop.fails(0, "config", "apply", file, "--comment", "two tunnels",
                       out="revision 2: 2 created, 0 updated, 0 deleted\n")  # fmt: skip
    expect_lines(result.err, [r"simplonctl: stored, but not in force: DISCONNECTED.*"])
    pop.ok("config", "apply", file, out="unchanged: revision 2\n")
    pop.ok("config", "apply", "-", stdin=CONFIG + T2.replace("1400", "1300"),
           out="revision 3: 0 created, 1 updated, 1 deleted\n")  # fmt: skip
    reply = pop.json("config", "apply", file)
    expect(reply["revision"] == "4" and len(reply["diff"]["changes"]) == 2, str(reply))


@case("config diff and apply --dry-run show the changes and make none")
def _(pop):
    pop.apply(CONFIG + T1 + T2)
    file = pop.write(
        "new.txtpb",
        CONFIG.replace('"test"', '"other"') + T2.replace("1400", "1300")
        + 'tunnels { id: 3 slot: 8 type: PROTO41 remote: "198.51.100.3" }\n',
    )  # fmt: skip
    diff = (
        "~ pop: name test -> other\n"
        "- tunnels/T1: deleted\n"
        "~ tunnels/T2: mtu 1400 -> 1300\n"
        "+ tunnels/T3: created, slot 8, remote 198.51.100.3\n"
        "1 created, 2 updated, 1 deleted\n"
    )
    pop.ok("config", "diff", file, out=diff)
    pop.fails(0, "config", "apply", file, "--dry-run", err=[],
              out=diff + "only validated: nothing changed\n")  # fmt: skip
    out = pop.ok("config", "diff", file, "--max-changes", "1")
    expect_text(out, "~ pop: name test -> other\n... (--max-changes shows more)\n"
                "1 created, 2 updated, 1 deleted\n")  # fmt: skip
    expect(pop.json("pop", "show")["name"] == "test", "the dry run changed something")
    pop.ok("config", "apply", file)
    pop.ok("config", "diff", "--from", "2", "--to", "3", out=diff)
    pop.ok("config", "diff", out=diff)
    pop.ok("config", "diff", file, out="0 created, 0 updated, 0 deleted\n")
    pop.fails(3, "config", "diff", "--from", "99", err=r"simplonctl: .+ \[REVISION_NOT_FOUND\]")
    pop.fails(2, "config", "diff", file, "--to", "2", err="simplonctl: FILE and --to exclude.+")


@case("config apply of a faulty file is refused before the server sees it")
def _(pop):
    file = pop.write("bad.txtpb", CONFIG + T1.replace("198.51.100.1", "192.0.2.10"))
    for arguments in (["apply"], ["apply", "--dry-run"], ["diff"]):
        pop.fails(1, "config", arguments[0], file, *arguments[1:],
                  err=rf"{file}:\d+:\d+: tunnels\[0\]\.remote: .+ \[\w+\]")  # fmt: skip
    expect(pop.json("config", "history")["revisions"][0]["number"] == "1", "a revision was made")


@case("config apply on a base revision that is not current any more is a conflict")
def _(pop):
    file = pop.write("new.txtpb", CONFIG + T1)
    pop.fails(4, "config", "apply", file, "--base-revision", "7",
              err=r"simplonctl: .+ \[BASE_REVISION_MISMATCH\]")  # fmt: skip
    pop.ok("config", "apply", file, "--base-revision", "1")


@case("config apply --confirm-within rolls back unless config confirm comes in time")
def _(pop):
    file = pop.write("new.txtpb", CONFIG + T1)
    result = pop.fails(0, "config", "apply", file, "--confirm-within", "60s")
    expect_lines(result.out, [
        r"revision 2: 1 created, 0 updated, 0 deleted",
        r"rolled back at \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC unless 'simplonctl config confirm' "
        r"comes before",
    ])  # fmt: skip
    pop.fails(4, "tunnel", "create", "--remote", "198.51.100.9",
              err=r"simplonctl: .+ \[CONFIRMATION_PENDING\]")  # fmt: skip
    expect("\nunconfirmed   revision 2 is rolled back at " in pop.ok("pop", "status"), "status")
    expect("unconfirmed" in pop.ok("config", "history"), "history")
    pop.ok("config", "confirm", "2", out="revision 2 confirmed\n")
    pop.fails(4, "config", "confirm", err=r"simplonctl: .+ \[NOTHING_TO_CONFIRM\]")

    pop.ok("config", "apply", pop.write("other.txtpb", CONFIG), "--confirm-within", "1s")
    pop.fails(3, "tunnel", "show", "T1")
    deadline = time.monotonic() + 10
    while pop.run("tunnel", "show", "T1").code != 0:
        expect(time.monotonic() < deadline, "not rolled back")
        time.sleep(0.1)
    newest = pop.json("config", "history", "--limit", "1")["revisions"][0]
    expect(newest["number"] == "4" and newest["rollback_to"] == "2", str(newest))
    pop.fails(1, "config", "apply", pop.write("other.txtpb", CONFIG), "--confirm-within", "0s",
              err=r"simplonctl: confirm_timeout: .+")  # fmt: skip


@case("config show gives what config apply takes, in each format")
def _(pop):
    pop.apply(CONFIG + T1 + T2)
    text = pop.ok("config", "show")
    expect(text.startswith("pop {\n") and 'tunnels { id: 1 slot: 5 ' in text, text)
    for arguments, name in ((["-o", "json"], "a.json"), ([], "a.txtpb")):
        out = pop.ok(*arguments, "config", "show")
        file = pop.write(name, out)
        pop.ok("config", "check", file)
        pop.ok("config", "apply", file, out="unchanged: revision 2\n")
        target = pop.path("written-" + name)
        pop.ok(*arguments, "config", "show", "--output-file", target, out="")
        expect_text(pop.read("written-" + name), out)
    yaml = pop.ok("-o", "yaml", "config", "show")
    expect(yaml.startswith("pop:\n  name: test\n"), yaml)
    pop.fails(1, "config", "show", "--output-file", "/nonexistent/x",
              err=r"simplonctl: /nonexistent/x: cannot write: .+")  # fmt: skip
    old = pop.ok("config", "show", "--revision", "1")
    expect("tunnels" not in old, old)
    pop.fails(3, "config", "show", "--revision", "9", err=r"simplonctl: .+ \[REVISION_NOT_FOUND\]")
    expect(not [f for f in os.listdir(pop.folder) if ".new-" in f], "temporary file left")


@case("config history, show-revision and rollback")
def _(pop):
    pop.ok("tunnel", "create", "T1", "--remote", "198.51.100.1", "--comment", "first")
    pop.ok("tunnel", "update", "T1", "--mtu", "1300", "--comment", "smaller")
    heads, *rows = pop.ok("config", "history").splitlines()
    expect(heads.split() == [
        "REVISION", "TIME-UTC", "METHOD", "CREATED", "UPDATED", "DELETED", "STATE", "COMMENT",
    ], heads)  # fmt: skip
    time_pattern = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    expect_lines("\n".join(rows), [
        rf" +3  {time_pattern}  UpdateTunnel +0 +1 +0  committed  smaller",
        rf" +2  {time_pattern}  CreateTunnel +1 +0 +0  committed  first",
        rf" +1  {time_pattern}  ApplyConfig +4 +0 +0  committed  -",
    ])  # fmt: skip
    expect(len(pop.ok("config", "history", "--limit", "1").splitlines()) == 2, "limit")
    out = pop.ok("config", "show-revision", "3")
    expect("\nmethod            UpdateTunnel\n" in out, out)
    expect(out.endswith(
        "\n\n~ tunnels/T1: mtu 0 -> 1300\n0 created, 1 updated, 0 deleted\n"), out)  # fmt: skip
    revision = pop.json("config", "show-revision", "3")
    expect(revision["changes"][0]["paths"] == ["mtu"], str(revision))
    pop.fails(3, "config", "show-revision", "9", err=r"simplonctl: .+ \[REVISION_NOT_FOUND\]")

    pop.ok("config", "rollback", "--dry-run",
           out="~ tunnels/T1: mtu 1300 -> 0\n0 created, 1 updated, 0 deleted\n"
           "only validated: nothing changed\n")  # fmt: skip
    pop.ok("config", "rollback", out="revision 4: 0 created, 1 updated, 0 deleted\n")
    pop.ok("config", "rollback", "1", "--comment", "back", "--base-revision", "4",
           out="revision 5: 0 created, 0 updated, 1 deleted\n")  # fmt: skip
    pop.fails(3, "tunnel", "show", "T1")
    pop.fails(3, "config", "rollback", "9", err=r"simplonctl: .+ \[REVISION_NOT_FOUND\]")
    pop.fails(4, "config", "rollback", "3", "--base-revision", "1",
              err=r"simplonctl: .+ \[BASE_REVISION_MISMATCH\]")  # fmt: skip


@case("10,000 tunnels are applied, listed and shown")
def _(pop):
    count = 10000
    text = CONFIG + "".join(
        f'tunnels {{ id: {i + 1} slot: {i} type: PROTO41 remote: "10.0.{i >> 8}.{i & 255}" }}\n'
        for i in range(count)
    )
    pop.ok("config", "apply", pop.write("large.txtpb", text),
           out=f"revision 2: {count} created, 0 updated, 0 deleted\n")  # fmt: skip
    expect(len(pop.ok("--no-headers", "tunnel", "list").splitlines()) == count, "tunnel list")
    expect(len(pop.json("tunnel", "list")["tunnels"]) == count, "json")
    pop.ok("config", "apply", pop.write("again.txtpb", pop.ok("config", "show")),
           out="unchanged: revision 2\n")  # fmt: skip
