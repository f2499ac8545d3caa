# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""simplonctl pool and pop."""

from harness import case, expect, expect_text

POOLS = """\
POOL    KIND       PREFIX              UNIT-LENGTH  FIRST-SLOT  UNITS  USED  USED-%
homes   DELEGATED  2001:db8:3000::/40           48           -    256     1     0.4
link    LINK       2001:db8:1::/48              64           0  65536     1     0.0
routed  ROUTED     2001:db8:2::/48              64           0  65536     1     0.0
"""


@case("pool list shows how full the pools are")
def _(pop):
    pop.ok("tunnel", "create", "T1", "--remote", "198.51.100.1",
           "--delegated-prefix", "2001:db8:3001::/48")  # fmt: skip
    pop.ok("pool", "list", out=POOLS)
    listed = pop.json("pool", "list", "--filter", "kind=DELEGATED")
    expect([p["pool"]["name"] for p in listed["pools"]] == ["homes"], str(listed))
    expect(listed["pools"][0]["units_used"] == 1, str(listed))


@case("pool create, show, update and delete")
def _(pop):
    pop.ok(
        "pool", "create", "offices", "--kind", "delegated", "--prefix", "2001:db8:4000::/44",
        "--unit-length", "56", "--comment", "for offices",
        out="pool offices created (revision 2)\n",
    )  # fmt: skip
    shown = pop.json("pool", "show", "offices")
    expect(shown["units"] == 4096 and shown["pool"]["kind"] == "DELEGATED", str(shown))
    out = pop.ok("pool", "show", "pools/offices")
    expect(out.startswith("name         offices\nkind         DELEGATED\n"), out)
    pop.ok("pool", "update", "offices", "--prefix", "2001:db8:4000::/43",
           out="pool offices updated (revision 3)\n")  # fmt: skip
    etag = pop.json("pool", "show", "offices")["pool"]["etag"]
    pop.fails(4, "pool", "delete", "offices", "--etag", "x", err=r"simplonctl: .+ETAG_MISMATCH\]")
    pop.ok("pool", "delete", "offices", "--etag", etag, out="pool offices deleted (revision 4)\n")
    pop.fails(3, "pool", "show", "offices", err=r"simplonctl: .+ \[POOL_NOT_FOUND\]")
    pop.fails(3, "pool", "delete", "offices", err=r"simplonctl: .+ \[POOL_NOT_FOUND\]")
    pop.ok("pool", "delete", "offices", "--allow-missing")


@case("a pool that overlaps, exists or is in use is refused")
def _(pop):
    pop.fails(
        1, "pool", "create", "more", "--kind", "link", "--prefix", "2001:db8:1:8000::/52",
        err=r"simplonctl: pool\..+ \[OVERLAP\]",
    )  # fmt: skip
    pop.fails(
        1, "pool", "create", "more", "--kind", "link", "--prefix", "2001:db8:5::1/48",
        err=r"simplonctl: pool\.prefix: .+ \[HOST_BITS_SET\]",
    )  # fmt: skip
    pop.fails(
        4, "pool", "create", "link", "--kind", "link", "--prefix", "2001:db8:5::/48",
        err=r"simplonctl: .+ \[POOL_EXISTS\]",
    )  # fmt: skip
    pop.ok("tunnel", "create", "T1", "--remote", "198.51.100.1")
    pop.fails(4, "pool", "delete", "link", err=r"simplonctl: .*tunnels/T1.+ \[IN_USE\]")
    pop.fails(2, "pool", "update", "link", err=r"simplonctl: nothing to change.*")
    pop.ok("pool", "create", "more", "--kind", "link", "--prefix", "2001:db8:5::/48",
           "--first-slot", "65536", "--validate-only",
           out="pool more created (only validated: nothing changed)\n")  # fmt: skip
    pop.fails(3, "pool", "show", "more")


@case("pop status is one screen about control, dataplane and configuration")
def _(pop):
    pop.ok("tunnel", "create", "T1", "--remote", "198.51.100.1", "--admin-state", "disabled")
    fields = dict(line.split("  ", 1) for line in pop.ok("pop", "status").splitlines())
    fields = {name: value.strip() for name, value in fields.items()}
    expect(list(fields) == [
        "pop", "control", "dataplane", "revision", "service", "publish", "in force", "tunnels",
        "pools", "accounts", "from clients", "to clients", "drops",
    ], str(fields))  # fmt: skip
    expect(fields["pop"] == "test", str(fields))
    expect(fields["dataplane"].startswith("not connected"), str(fields))
    expect(fields["revision"].startswith("2, since 20"), str(fields))
    expect(fields["publish"].startswith("DISCONNECTED"), str(fields))
    expect(fields["in force"] == "nothing", str(fields))
    expect(fields["tunnels"] == "1: 0 enabled, 1 disabled; 0 online, 0 active", str(fields))
    expect(fields["from clients"] == "0 packets, 0 bytes", str(fields))
    status = pop.json("pop", "status")
    expect(status["tunnels"] == 1 and status["dataplane_connected"] is False, str(status))


@case("pop show and update cover every setting")
def _(pop):
    pop.ok(
        "pop", "update", "--name", "ams01", "--ipv4-address", "192.0.2.11",
        "--ipv4-address", "192.0.2.12", "--icmp-errors-per-second", "500",
        "--icmp-errors-per-second-per-tunnel", "10", "--icmpv4-protocol-unreachable", "true",
        "--icmpv6-source-policy", "true", "--ignore-icmpv4-echo", "true",
        out="pop updated (revision 2)\n",
    )  # fmt: skip
    shown = pop.json("pop", "show")
    expect(shown["name"] == "ams01", str(shown))
    expect(shown["ipv4_addresses"] == ["192.0.2.11", "192.0.2.12"], str(shown))
    expect(shown["icmp_errors_per_second"] == 500, str(shown))
    expect(shown["icmp_errors_per_second_per_tunnel"] == 10, str(shown))
    for name in ("icmpv4_protocol_unreachable", "icmpv6_source_policy", "ignore_icmpv4_echo"):
        expect(shown[name] is True, str(shown))
    expect(shown["interfaces"][0]["port"] == "uplink", str(shown))
    pop.ok("pop", "update", "--no-ipv4-addresses", "--ignore-icmpv4-echo", "false")
    expect(pop.json("pop", "show")["ipv4_addresses"] == [], "not taken away")
    pop.ok("pop", "update", "--interface", "port=uplink,ipv4_address=192.0.2.20/24,mtu=1400",
           "--interface", "port=second,vlan=7,ipv4_address=203.0.113.1/24")  # fmt: skip
    interfaces = pop.json("pop", "show")["interfaces"]
    expect([i["port"] for i in interfaces] == ["uplink", "second"], str(interfaces))
    expect(interfaces[0]["mtu"] == 1400 and interfaces[1]["vlan"] == 7, str(interfaces))
    out = pop.ok("pop", "show")
    expect('\ninterfaces ' in out and "ams01" in out, out)


@case("settings that do not fit are refused with field and reason")
def _(pop):
    pop.fails(
        1, "pop", "update", "--interface", "port=uplink,ipv4_address=192.0.2.10",
        err=r"simplonctl: pop\.interfaces\[0\]\.ipv4_address: .+",
    )  # fmt: skip
    pop.fails(1, "pop", "update", "--name", "No Name", err=r"simplonctl: pop\.name: .+BAD_NAME\]")
    pop.fails(2, "pop", "update", err=r"simplonctl: nothing to change.*")
    pop.fails(4, "pop", "update", "--name", "x", "--etag", "old", err=r"simplonctl: .+MISMATCH\]")
    pop.ok("pop", "update", "--name", "x", "--validate-only",
           out="pop updated (only validated: nothing changed)\n")  # fmt: skip
    expect_text(pop.json("pop", "show")["name"], "test")
