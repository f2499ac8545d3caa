# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""simplonctl account; owners and update keys of tunnels; what the PoP tells subscribers."""

import glob
import os
import re

from harness import case, expect, expect_lines

SECRET = "secret-of-ann-0123"
KEY = "update-key-of-T1-0123"


def secret_file(pop, text=SECRET + "\n", name="secret"):
    path = pop.write(name, text)
    os.chmod(path, 0o600)
    return path


@case("account create, list, show, update and delete")
def _(pop):
    pop.ok("account", "create", "ann@example.net", "--secret-file", secret_file(pop),
           "--description", "pays", out="account ann@example.net created (revision 2)\n")  # fmt: skip
    made = pop.ok("account", "create", "bob", "--generate-secret", "--clear-text", "refused")
    expect_lines(made, [r"account bob created \(revision 3\)", r"secret  [0-9a-f]{32}"])
    without = pop.run("account", "create", "zoe", "--validate-only")
    expect(without.code == 0 and without.err == "", str(without))
    without = pop.run("account", "create", "zoe")
    expect(without.code == 0 and "account set-secret zoe" in without.err, str(without))
    pop.ok("account", "list", out="""\
ACCOUNT          STATE    SECRET  CLEAR-TEXT  TUNNELS  DESCRIPTION
ann@example.net  enabled  set     by-policy         0  pays
bob              enabled  set     refused           0  -
zoe              enabled  none    by-policy         0  -
""")  # fmt: skip
    expect(len(pop.json("account", "list", "--limit", "2")["accounts"]) == 2, "limit")
    shown = pop.json("account", "show", "bob")
    expect(shown["has_secret"] and shown["clear_text"] == "CLEAR_TEXT_REFUSED", str(shown))
    expect("secret_md5" not in pop.ok("account", "show", "bob"), "field of the secret")
    pop.ok("account", "update", "bob", "--state", "disabled", "--clear-text", "by-policy",
           out="account bob updated (revision 5)\n")  # fmt: skip
    shown = pop.json("account", "show", "accounts/bob")
    expect(shown["state"] == "DISABLED" and shown["has_secret"], str(shown))
    pop.fails(2, "account", "update", "bob", err=r"simplonctl: nothing to change.*")
    pop.fails(4, "account", "update", "bob", "--description", "x", "--etag", "old",
              err=r"simplonctl: .+ETAG_MISMATCH\]")  # fmt: skip
    pop.fails(4, "account", "create", "bob", err=r"simplonctl: .+ \[ACCOUNT_EXISTS\]")
    pop.fails(1, "account", "create", "a b", err=r"simplonctl: account\.name: .+\[BAD_NAME\]")
    pop.fails(1, "account", "create", "x", "--secret", "short",
              err=r"simplonctl: account\.secret: .+\[BAD_SECRET\]")  # fmt: skip
    pop.ok("account", "delete", "zoe", out="account zoe deleted (revision 6)\n")
    pop.fails(3, "account", "show", "zoe", err=r"simplonctl: .+ \[ACCOUNT_NOT_FOUND\]")
    pop.fails(3, "account", "delete", "zoe", err=r"simplonctl: .+ \[ACCOUNT_NOT_FOUND\]")
    pop.ok("account", "delete", "zoe", "--allow-missing")


@case("an account owns tunnels, and a deleted one none")
def _(pop):
    pop.ok("account", "create", "ann+1@example.net", "--secret-file", secret_file(pop))
    pop.ok("tunnel", "create", "T1", "--remote", "198.51.100.1", "--account", "ann+1@example.net")
    pop.ok("tunnel", "create", "T2", "--type", "dynamic", "--generate-password",
           "--tic-type", "heartbeat")  # fmt: skip
    expect(pop.json("tunnel", "show", "T2")["tic_type"] == "TIC_HEARTBEAT", "tic_type")
    expect("account" not in pop.ok("tunnel", "show", "T2"), "an account nobody gave")
    pop.ok("tunnel", "update", "T2", "--account", "ann+1@example.net")
    table = pop.ok("--no-headers", "account", "tunnels", "ann+1@example.net")
    expect([line.split()[0] for line in table.splitlines()] == ["T1", "T2"], table)
    pop.fails(3, "account", "tunnels", "bob", err=r"simplonctl: .+ \[ACCOUNT_NOT_FOUND\]")
    pop.fails(1, "tunnel", "update", "T1", "--account", "bob",
              err=r"simplonctl: tunnel\.account: .+\[UNKNOWN_ACCOUNT\]")  # fmt: skip
    pop.fails(1, "tunnel", "update", "T1", "--tic-type", "heartbeat",
              err=r"simplonctl: tunnel\.tic_type: .+\[NOT_FOR_TYPE\]")  # fmt: skip
    pop.fails(4, "account", "delete", "ann+1@example.net", err=r"simplonctl: .*2 tunnels.+\[IN_USE\]")
    pop.ok("tunnel", "update", "T2", "--account", "")
    pop.ok("account", "delete", "ann+1@example.net", "--force")
    expect(pop.json("tunnel", "show", "T1")["account"] == "", "still owned")


@case("set-secret and set-update-key make one or take one, and tell it once")
def _(pop):
    pop.ok("account", "create", "ann", "--secret-file", secret_file(pop))
    pop.ok("tunnel", "create", "T1", "--remote", "198.51.100.1", "--account", "ann")
    lines = pop.ok("account", "set-secret", "ann")
    expect_lines(lines, [r"account ann has a new secret \(revision 4\)", r"secret  [0-9a-f]{32}"])
    pop.ok("account", "set-secret", "ann", "--secret-file", "-", stdin=SECRET,
           out="account ann has a new secret (revision 5)\n")  # fmt: skip
    pop.fails(3, "account", "set-secret", "bob", err=r"simplonctl: .+ \[ACCOUNT_NOT_FOUND\]")
    lines = pop.ok("tunnel", "set-update-key", "T1")
    expect_lines(lines, [r"T1 has a new update key \(revision 6\)", r"update key  [0-9a-f]{32}"])
    pop.ok("tunnel", "set-update-key", "T1", "--update-key-file", secret_file(pop, KEY, "key"),
           out="T1 has a new update key (revision 7)\n")  # fmt: skip
    expect(pop.json("tunnel", "show", "T1")["has_update_key"], "has_update_key")
    pop.fails(2, "tunnel", "set-update-key", "T1", "--remove", "--update-key", KEY)
    pop.fails(1, "tunnel", "set-update-key", "T1", "--update-key", "short",
              err=r"simplonctl: update_key: .+\[BAD_SECRET\]")  # fmt: skip

    saved = pop.path("full.txtpb")
    pop.ok("config", "save", saved, "--with-secrets")
    seen = [
        pop.ok(*arguments)
        for arguments in (
            ["account", "list"], ["-o", "json", "account", "list"], ["-o", "yaml", "account", "show", "ann"],
            ["-o", "csv", "account", "list"], ["tunnel", "show", "T1"], ["-o", "json", "tunnel", "show", "T1"],
            ["config", "show"], ["-o", "json", "config", "show"], ["config", "save", "-"],
            ["config", "diff", "--from", "1", "--to", "7"],
            *(["config", "show-revision", str(n)] for n in range(2, 8)),
            *(["-o", "json", "config", "show-revision", str(n)] for n in range(2, 8)),
        )
    ]  # fmt: skip
    seen += [pop.read(os.path.basename(name)) for name in glob.glob(pop.path("*.log"))]
    md5 = re.search(r'secret_md5: "([0-9a-f]{32})"', pop.read("full.txtpb")).group(1)
    for text in seen:
        for secret in (SECRET, KEY, md5):
            expect(secret not in text, text)
    expect(SECRET not in pop.read("full.txtpb") and KEY in pop.read("full.txtpb"), "the backup")
    pop.ok("tunnel", "set-update-key", "T1", "--remove")
    expect(not pop.json("tunnel", "show", "T1")["has_update_key"], "the key is still there")
    pop.ok("account", "delete", "ann", "--force")
    pop.ok("config", "apply", saved)
    expect(pop.json("tunnel", "show", "T1")["has_update_key"], "not restored")
    expect(pop.json("account", "show", "ann")["has_secret"], "not restored")


@case("pop drain and undrain, and what status says")
def _(pop):
    expect(re.search(r"\nservice +in service\n", pop.ok("pop", "status")), "status")
    pop.ok("pop", "drain", "--message", "back at noon", out="pop draining (revision 2)\n")
    expect(re.search(r"\nservice +draining: .+; 'back at noon'\n", pop.ok("pop", "status")), "status")
    pop.ok("pop", "drain", "--out-of-service", out="pop out of service (revision 3)\n")
    shown = pop.json("pop", "show")
    expect(shown["service_state"] == "OUT_OF_SERVICE", str(shown))
    expect(shown["service_message"] == "back at noon", str(shown))
    pop.ok("pop", "undrain", out="pop in service (revision 4)\n")
    status = pop.json("pop", "status")
    expect(status["service_state"] == "IN_SERVICE" and status["service_message"] == "", str(status))
    pop.fails(1, "pop", "drain", "--message", "x" * 201,
              err=r"simplonctl: pop\.service_message: .+\[TOO_LONG\]")  # fmt: skip


@case("pop update sets what subscribers are told, and who may do what, field by field")
def _(pop):
    pop.ok("pop", "update", "--city", "Amsterdam", "--country", "nl", "--isp-asn", "64496",
           "--info-url", "https://pop.example/", "--number", "3",
           "--peer-pop", "number=7,name=bern,ipv4_address=198.51.100.7",
           "--tic-clear-text", "refused", "--tic-md5-challenge", "with-tls",
           "--tic-max-failures", "3", "--update-max-unchanged", "4",
           "--console-address", "127.0.0.1", "--console-address", "::1")  # fmt: skip
    pop.ok("pop", "update", "--city", "Utrecht", "--tic-clear-challenge", "refused")
    shown = pop.json("pop", "show")
    details = shown["details"]
    expect(details["city"] == "Utrecht" and details["country"] == "nl", str(shown))
    expect(details["isp_asn"] == 64496, str(shown))
    expect(shown["peer_pops"][0]["name"] == "bern" and shown["number"] == 3, str(shown))
    tic = shown["tic"]
    expect(tic["clear_text"] == "CLEAR_TEXT_REFUSED" and tic["max_failures"] == 3, str(tic))
    expect(tic["md5_challenge"] == "CHALLENGE_WITH_TLS", str(tic))
    expect(tic["clear_challenge"] == "CHALLENGE_REFUSED", str(tic))
    expect(shown["endpoint_update"]["max_unchanged"] == 4, str(shown))
    expect(shown["console"]["allowed_addresses"] == ["127.0.0.1", "::1"], str(shown))
    expect("Utrecht" in pop.ok("pop", "show"), "details")
    pop.ok("pop", "update", "--no-console-addresses", "--no-peer-pops")
    shown = pop.json("pop", "show")
    expect(not shown["peer_pops"] and not shown.get("console"), str(shown))
    pop.fails(1, "pop", "update", "--country", "nld", err=r"simplonctl: pop\.details\.country: .+")
    pop.fails(1, "pop", "update", "--console-address", "10.0.0.0/8",
              err=r"simplonctl: pop\.console\.allowed_addresses\[0\]: .+")  # fmt: skip
    pop.fails(2, "pop", "update", "--peer-pop", "details=x")
