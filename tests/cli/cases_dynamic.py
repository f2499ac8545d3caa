# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Types of tunnels besides static 6in4, their passwords, and what they need of pools and the PoP."""

import glob
import json
import os
import re

from harness import CONFIG, case, expect, expect_lines

SECRET = "correct-horse-battery-staple"
OTHER = "tr0ub4dor-and-three-more"


def password_file(pop, text=SECRET + "\n", name="secret"):
    path = pop.write(name, text)
    os.chmod(path, 0o600)
    return path


def create_ayiya(pop, name="T5", *more):
    pop.ok("tunnel", "create", name, "--type", "ayiya", "--password-file", password_file(pop), *more)


@case("tunnel create takes every type with its fields")
def _(pop):
    pop.ok("pool", "create", "v4", "--kind", "delegated", "--prefix", "203.0.113.0/24",
           "--unit-length", "29")  # fmt: skip
    secret = ("--password-file", password_file(pop))

    def create(*arguments):
        return json.loads(pop.ok("-o", "json", "tunnel", "create", *arguments))

    shown = create("T1", "--type", "heartbeat", *secret, "--beat-timeout", "5m",
                   "--replay-mode", "strict")  # fmt: skip
    expect(shown["type"] == "HEARTBEAT" and shown["beat_timeout_seconds"] == 300, str(shown))
    expect(shown["replay_mode"] == "STRICT" and shown["has_password"], str(shown))
    shown = create("T2", "--type", "AYIYA", *secret, "--ipv4-prefix", "203.0.113.8/29")
    expect(shown["type"] == "AYIYA" and shown["ipv4_prefixes"] == ["203.0.113.8/29"], str(shown))
    for number, word in ((3, "dynamic"), (4, "dynamic-endpoint")):
        shown = create(f"T{number}", "--type", word, *secret)
        expect(shown["type"] == "DYNAMIC_ENDPOINT", str(shown))
    shown = create("T5", "--type", "gre", "--remote", "198.51.100.5", "--gre-key", "0x2a",
                   "--gre-checksum", "--gre-sequence", "true")  # fmt: skip
    expect(shown["gre_key"] == 42 and shown["gre_checksum"] and shown["gre_sequence"], str(shown))
    pop.ok("pop", "update", "--tunnel-ipv6-address", "2001:db8:ffff::2")
    shown = create("T6", "--type", "ipv6-tunnel", "--remote", "2001:db8:77::1",
                   "--encapsulation-limit", "4")  # fmt: skip
    expect(shown["type"] == "IPV6_TUNNEL" and shown["encapsulation_limit"] == 4, str(shown))
    types = [line.split()[2] for line in pop.ok("--no-headers", "tunnel", "list").splitlines()]
    expect(types == ["heartbeat", "ayiya", "dynamic", "dynamic", "gre", "ipv6-tunnel"], str(types))
    text = pop.ok("tunnel", "show", "T2")
    expect(re.search(r"\nhas_password +true\n", text), text)
    expect(re.search(r"\nipv4_prefixes +203\.0\.113\.8/29\n", text), text)
    expect("gre" not in text and SECRET not in text, text)
    text = pop.ok("tunnel", "show", "T5")
    expect(re.search(r"\ngre_key +42\n", text) and "password" not in text, text)


@case("fields that do not go with the type are refused, each with its reason")
def _(pop):
    for arguments, pattern in (
        (["--type", "ayiya"], r"tunnel\.password: .+"),
        (["--type", "heartbeat", "--password-file", password_file(pop, "short\n")],
         r"tunnel\.password: .+"),
        (["--type", "ayiya", "--remote", "198.51.100.1", "--generate-password"],
         r"tunnel\.remote: .+"),
        (["--type", "gre", "--remote", "not-an-address"], r"tunnel\.remote: .+"),
        (["--type", "ipv6-tunnel", "--remote", "198.51.100.1"], r"tunnel\.remote: .+"),
        (["--remote", "198.51.100.1", "--gre-key", "7"], r"tunnel\.gre_key: .+"),
        (["--type", "ayiya", "--generate-password", "--beat-timeout", "5s"],
         r"tunnel\.beat_timeout_seconds: .+"),
        (["--remote", "198.51.100.1", "--generate-password"], r"tunnel\.password: .+"),
    ):  # fmt: skip
        result = pop.fails(1, "tunnel", "create", "T7", *arguments, out="")
        expect(re.search("simplonctl: " + pattern, result.err), str(result))
        expect("short" not in result.err.replace("shorter", ""), str(result))
    pop.fails(3, "tunnel", "show", "T7")
    pop.fails(2, "tunnel", "create", "T7", "--type", "ayiya", "--generate-password",
              "--password-file", "-", stdin=SECRET)  # fmt: skip


@case("a password comes from a file, from standard input, or is made and shown once")
def _(pop):
    pop.ok("tunnel", "create", "T1", "--type", "ayiya", "--password-file", "-", stdin=SECRET + "\n")
    pop.fails(1, "tunnel", "create", "T2", "--type", "ayiya", "--password-file", "-", stdin="\n",
              err="simplonctl: standard input: holds no password")  # fmt: skip
    loose = pop.write("loose", SECRET)
    os.chmod(loose, 0o644)
    result = pop.run("tunnel", "create", "T2", "--type", "ayiya", "--password-file", loose)
    expect(result.code == 0 and "others may read this password" in result.err, str(result))
    lines = pop.ok("tunnel", "create", "T3", "--type", "dynamic", "--generate-password")
    expect_lines(lines, [r"T3 created: slot 2, .+", r"password  [0-9a-f]{32}"])
    made = pop.json("tunnel", "create", "T4", "--type", "heartbeat", "--generate-password")
    expect(re.fullmatch("[0-9a-f]{32}", made["password"]), str(made))
    only = pop.ok("tunnel", "create", "T5", "--type", "ayiya", "--generate-password",
                  "--validate-only")  # fmt: skip
    expect("password" not in only, only)
    changed = pop.ok("tunnel", "update", "T4", "--password-file", password_file(pop))
    expect(changed.startswith("T4 updated: password (revision "), changed)
    pop.ok("tunnel", "update", "T4", "--password", OTHER)


@case("tunnel update changes types and their fields")
def _(pop):
    create_ayiya(pop)
    out = pop.ok("tunnel", "update", "T5", "--type", "dynamic", "--beat-timeout", "60")
    expect(out.startswith("T5 updated: type DYNAMIC_ENDPOINT beat_timeout_seconds 60 ("), out)
    expect(pop.json("tunnel", "show", "T5")["has_password"], "the password is lost")
    pop.ok("tunnel", "create", "T6", "--type", "gre", "--remote", "198.51.100.6", "--gre-key", "7",
           "--gre-checksum")  # fmt: skip
    pop.ok("tunnel", "update", "T6", "--no-gre-key", "--gre-checksum", "false")
    shown = pop.json("tunnel", "show", "T6")
    expect("gre_key" not in shown and not shown["gre_checksum"], str(shown))
    pop.fails(2, "tunnel", "update", "T6", "--gre-key", "7", "--no-gre-key")
    # A static tunnel has no password.
    pop.ok("tunnel", "update", "T5", "--type", "proto41", "--remote", "198.51.100.5",
           "--beat-timeout", "0")  # fmt: skip
    expect(not pop.json("tunnel", "show", "T5")["has_password"], "the password stays")
    pop.fails(1, "tunnel", "update", "T5", "--type", "ayiya", "--remote", "",
              err=r"simplonctl: tunnel\.password: .+")  # fmt: skip


@case("a password changes over in a rotation, which has an end")
def _(pop):
    create_ayiya(pop)
    lines = pop.ok("tunnel", "rotate-password", "T5").splitlines()
    expect(len(lines) == 3 and re.fullmatch(r"T5 has a new password \(revision \d+\)", lines[0]),
           str(lines))  # fmt: skip
    expect(re.fullmatch(r"password  \S{16,132}", lines[1]), str(lines))
    expect(lines[2] == "the old one stays valid until 'simplonctl tunnel end-rotation T5'", str(lines))
    shown = pop.json("tunnel", "show", "T5")
    expect(shown["has_password"] and shown["has_previous_password"], str(shown))
    pop.fails(4, "tunnel", "rotate-password", "T5", err=r"simplonctl: .+ \[\w+\]")
    out = pop.ok("tunnel", "rotate-password", "T5", "--force", "--password-file",
                 password_file(pop, OTHER))  # fmt: skip
    expect(OTHER not in out and "password  " not in out, out)
    expect_lines(pop.ok("tunnel", "end-rotation", "T5"),
                 [r"T5: only the current password is valid \(revision \d+\)"])  # fmt: skip
    expect(not pop.json("tunnel", "show", "T5")["has_previous_password"], "it has not ended")
    made = pop.json("tunnel", "rotate-password", "T5")
    expect(len(made["password"]) >= 16 and made["tunnel"]["has_previous_password"], str(made))
    expect(not made["tunnel"]["password"], str(made))
    pop.fails(4, "tunnel", "end-rotation", "T5", "--etag", "old", err=r"simplonctl: .+MISMATCH\]")
    pop.fails(3, "tunnel", "rotate-password", "T9", err=r"simplonctl: .+ \[TUNNEL_NOT_FOUND\]")
    pop.ok("tunnel", "create", "T1", "--remote", "198.51.100.1")
    pop.fails(4, "tunnel", "rotate-password", "T1", err=r"simplonctl: .+")
    pop.fails(1, "tunnel", "rotate-password", "T5", "--force", "--password", "short",
              err=r"simplonctl: password: .+")  # fmt: skip


@case("no listing, history, diff, event or log holds a password")
def _(pop):
    watching = pop.spawn("-o", "json", "watch", "--initial-state")
    watching.wait_for("sync")
    create_ayiya(pop)
    pop.ok("tunnel", "update", "T5", "--password-file", password_file(pop, OTHER))
    made = pop.json("tunnel", "rotate-password", "T5")["password"]
    pop.ok("tunnel", "update", "T5", "--mtu", "1300")
    seen = [
        pop.ok(*arguments)
        for arguments in (
            ["tunnel", "list"], ["tunnel", "show", "T5"], ["-o", "json", "tunnel", "list"],
            ["-o", "yaml", "tunnel", "show", "T5"], ["-o", "csv", "tunnel", "list"],
            ["config", "show"], ["-o", "json", "config", "show"], ["config", "save", "-"],
            ["config", "diff", "--from", "1", "--to", "4"], ["-o", "json", "config", "history"],
            *(["-o", "json", "config", "show-revision", str(n)] for n in range(2, 6)),
        )
    ]  # fmt: skip
    seen.append(pop.ok("config", "diff", pop.write("old.txtpb", CONFIG)))
    watching.wait_for('"1300"' if '"1300"' in watching.out else "1300")
    watching.end(2)
    seen.append(watching.out)
    for name in glob.glob(pop.path("*.log")):
        seen.append(pop.read(os.path.basename(name)))
    for text in seen:
        for secret in (SECRET, OTHER, made):
            expect(secret not in text, text)
    expect(os.stat(pop.path("control/simplon.db")).st_mode & 0o077 == 0, "the database is readable")


@case("config save keeps passwords only where it is told to, and to a file of its owner's")
def _(pop):
    create_ayiya(pop)
    plain = pop.path("plain.txtpb")
    expect_lines(pop.ok("config", "save", plain),
                 [re.escape(plain) + r": revision 2, 3 pools, 1 tunnels, without passwords"])  # fmt: skip
    expect(SECRET not in pop.read("plain.txtpb"), "a password")
    secret = pop.path("full.txtpb")
    expect_lines(pop.ok("config", "save", secret, "--with-secrets"),
                 [re.escape(secret) + r": revision 2, 3 pools, 1 tunnels, with passwords"])  # fmt: skip
    expect(SECRET in pop.read("full.txtpb"), pop.read("full.txtpb"))
    expect(os.stat(secret).st_mode & 0o777 == 0o600, "mode")
    os.chmod(secret, 0o640)
    pop.fails(1, "config", "save", secret, "--with-secrets", err=r"simplonctl: .+others may read it.+")
    expect(SECRET in pop.ok("config", "save", "-", "--with-secrets"), "a pipe")
    pop.ok("config", "save", pop.path("full.json"), "--with-secrets")
    expect(json.loads(pop.read("full.json"))["tunnels"][0]["password"] == SECRET, "json")
    good = pop.ok("config", "check", plain)
    expect("1 tunnels, 1 of them without a password: good where the server has it" in good, good)
    expect(pop.ok("config", "check", secret).endswith(": good: 3 pools, 1 tunnels\n"), "check")
    # Applied again neither changes anything; and the one with passwords can begin from nothing.
    for path in (plain, secret, pop.path("full.json")):
        expect("unchanged" in pop.ok("config", "apply", path), path)
    pop.ok("tunnel", "delete", "T5")
    pop.fails(1, "config", "apply", plain, err=r"simplonctl: .*tunnels\[0\]\.password: .+")
    pop.ok("config", "apply", secret)
    expect(pop.json("tunnel", "show", "T5")["has_password"], "the password is not back")


@case("pools of IPv4, and the PoP's settings for dynamic tunnels")
def _(pop):
    pop.ok("pool", "create", "v4", "--kind", "delegated", "--prefix", "203.0.113.0/24")
    line = pop.ok("--no-headers", "pool", "list", "--filter", "name=v4").split()
    expect(line[:5] == ["v4", "DELEGATED", "203.0.113.0/24", "32", "-"], str(line))
    pop.ok("pool", "create", "v4r", "--kind", "routed", "--prefix", "198.18.0.0/16")
    pop.ok("tunnel", "create", "T1", "--type", "gre", "--remote", "198.51.100.1", "--slot", "7")
    expect(pop.json("tunnel", "show", "T1")["routed_ipv4_prefix"] == "198.18.0.7/32", "routed")
    pop.ok("pop", "update", "--tunnel-ipv6-address", "2001:db8:ffff::2", "--other-pop-address",
           "192.0.2.65", "--other-pop-address", "2001:db8:9::1", "--allow-private-endpoints", "true",
           "--ayiya-udp-checksum", "true")  # fmt: skip
    shown = pop.json("pop", "show")
    expect(shown["ipv6_addresses"] == ["2001:db8:ffff::2"], str(shown))
    expect(shown["other_pop_addresses"] == ["192.0.2.65", "2001:db8:9::1"], str(shown))
    expect(shown["allow_private_endpoints"] and shown["ayiya_udp_checksum"], str(shown))
    pop.ok("pop", "update", "--no-tunnel-ipv6-addresses", "--no-other-pop-addresses",
           "--allow-private-endpoints", "false")  # fmt: skip
    shown = pop.json("pop", "show")
    expect(not shown["ipv6_addresses"] and not shown["other_pop_addresses"], str(shown))
    pop.fails(2, "pop", "update", "--other-pop-address", "192.0.2.65", "--no-other-pop-addresses")
    pop.fails(1, "pop", "update", "--other-pop-address", "everywhere",
              err=r"simplonctl: pop\.other_pop_addresses\[0\]: .+")  # fmt: skip
