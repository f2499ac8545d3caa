# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""What old clients and today's routers speak: TIC, endpoint updates."""

import contextlib
import os
import re
import time

from simplon_e2e import tic, topology, traffic
from simplon_e2e.pop import HTTP_PORT
from simplon_e2e.registry import case
from simplon_e2e.topology import BROKER_IPV4, BROKER_IPV6, POP_IPV4

ACCOUNT, SECRET = "SX1-SIXXS", "the-secret-of-TIC"


@contextlib.contextmanager
def account(bed, name=ACCOUNT, secret=SECRET, **tunnels):
    """An account for one case, made with the CLI as an operator does."""
    secret_file = os.path.join(bed.directory, "account.secret")
    with open(secret_file, "w", encoding="ascii") as file:
        file.write(secret + "\n")
    os.chmod(secret_file, 0o600)
    bed.pop.cli("account", "create", name, "--secret-file", secret_file)
    try:
        yield name
    finally:
        bed.pop.cli("account", "delete", name, "--force")


def own(bed, client, name=ACCOUNT, *options):
    bed.pop.cli("tunnel", "update", f"T{client.tunnel_id}", "--account", name, *options)


@case("a client that speaks only the old dialect logs in over TIC and gets its AYIYA tunnel")
def _(bed):
    home, pop = bed.home, bed.pop
    home.password = home.PASSWORD
    with account(bed):
        pop.create_tunnel(home, "AYIYA", password=home.password)
        own(bed, home)
        try:
            with tic.OldClient(home.namespace) as client:
                client.log_in(ACCOUNT, SECRET)
                listed = client.ask_list("tunnel list")
                assert listed == [f"T{home.tunnel_id} {home.ipv6} ayiya e2e"], listed
                fields = client.tunnel(f"T{home.tunnel_id}")
            expected = {
                "TunnelId": f"T{home.tunnel_id}",
                "Type": "ayiya",
                "IPv6 Endpoint": home.ipv6,
                "IPv6 POP": home.pop_ipv6,
                "IPv6 PrefixLength": "64",
                "Tunnel MTU": str(topology.AYIYA_MTU),
                "POP Id": "e2e",
                "IPv4 Endpoint": "ayiya",
                "IPv4 POP": POP_IPV4,
                "UserState": "enabled",
                "AdminState": "enabled",
                "Password": home.password,
                "Heartbeat_Interval": "60",
            }
            assert {name: fields.get(name) for name in expected} == expected, fields
            home.password = fields["Password"]
            home.start_ayiya(fields["IPv4 POP"])
            traffic.wait_for_ping(bed.host, home.ipv6)
        finally:
            home.stop_tunnel()
            pop.delete_tunnel(home)


@case("TIC answers over IPv4 and IPv6, and a wrong secret, a stranger and a stranger's tunnel are refused")
def _(bed):
    first, second = bed.clients[0], bed.clients[1]
    with account(bed):
        own(bed, first)
        for address in (BROKER_IPV4, BROKER_IPV6):
            with tic.OldClient(bed.host if ":" in address else first.namespace, address) as client:
                client.log_in(ACCOUNT, SECRET)
                listed = client.ask_list("tunnel list")
                assert listed == [f"T{first.tunnel_id} {first.ipv6} {first.ipv4} e2e"], listed
                assert client.say(f"tunnel show T{second.tunnel_id}").startswith("400")
        for name, secret in ((ACCOUNT, "another-secret"), ("NOBODY-SIXXS", SECRET)):
            with tic.OldClient(first.namespace) as client:
                try:
                    client.log_in(name, secret)
                    raise AssertionError(f"{name} logged in with a wrong secret")
                except tic.Refused as refusal:
                    assert str(refusal).startswith("400"), refusal


@case("hammering TIC with wrong secrets is told how long to wait, and nobody else has to")
def _(bed):
    guesser, owner = bed.clients[1], bed.clients[0]
    with account(bed):
        own(bed, owner)
        said = ""
        for attempt in range(12):
            with tic.OldClient(guesser.namespace) as client:
                try:
                    client.log_in(ACCOUNT, f"guess-{attempt}")
                except tic.Refused as refusal:
                    said = str(refusal)
            if "second" in said:
                break
        assert re.search(r"\d+ second", said), said
        with tic.OldClient(owner.namespace) as client:
            client.log_in(ACCOUNT, SECRET)


@case("a PoP out of service says so to who asks for a tunnel, and goes on forwarding")
def _(bed):
    client = bed.clients[0]
    with account(bed):
        own(bed, client)
        bed.pop.cli("pop", "drain", "--message", "moving to new hardware")
        try:
            with tic.OldClient(client.namespace) as old:
                old.log_in(ACCOUNT, SECRET)
                answer = old.say(f"tunnel show T{client.tunnel_id}")
                assert answer.startswith("500 This PoP is unfortunately currently down"), answer
            traffic.expect_ping(bed.host, client.ipv6)
        finally:
            bed.pop.cli("pop", "undrain")
        with tic.OldClient(client.namespace) as old:
            old.log_in(ACCOUNT, SECRET)
            assert old.tunnel(f"T{client.tunnel_id}")["Type"] == "6in4-static"


# ---- Endpoint updates.


def ddclient(bed, namespace, hostname, login, key, forget=True):
    """Runs Debian's ddclient once for the address of eth0; returns its output."""
    folder = os.path.join(bed.directory, "ddclient")
    os.makedirs(folder, exist_ok=True)
    path, cache = os.path.join(folder, "conf"), os.path.join(folder, "cache")
    with open(path, "w", encoding="ascii") as file:
        file.write(
            f"""daemon=0
ssl=no
use=if, if=eth0
protocol=dyndns2
server={BROKER_IPV4}:{HTTP_PORT}
login={login}
password='{key}'
{hostname}
"""
        )
    os.chmod(path, 0o600)
    if forget and os.path.exists(cache):
        os.unlink(cache)
    done = namespace.run(
        ["ddclient", "-foreground", "-daemon=0", "-file", path, "-cache", cache, "-verbose",
         "-debug", "-noquiet", "-pid", ""],
        check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


def answer_of(output):
    """The word the server answered with."""
    found = re.findall(r"RECEIVE:\s+(good|nochg|badauth|nohost|notfqdn|abuse|911)\b", output)
    assert found, output
    return found[-1]


@case("ddclient moves a static tunnel; again it is nochg, and hammering is abuse")
def _(bed):
    client = bed.clients[1]
    ns, old_address, new_address = client.namespace, client.ipv4, f"198.51.100.{240 + client.number}"
    with account(bed):
        own(bed, client)
        key_file = os.path.join(bed.directory, "update.key")
        key = "9f0a4c77d2be49d38ab2f0fd26b1c5e0"
        with open(key_file, "w", encoding="ascii") as file:
            file.write(key)
        os.chmod(key_file, 0o600)
        name = f"T{client.tunnel_id}"
        bed.pop.cli("tunnel", "set-update-key", name, "--update-key-file", key_file)
        revision = bed.pop.revision()
        # The provider gives the home another address; the old one is gone.
        bed.network.router.ip(f"route add {new_address}/32 dev client{client.number}")
        client.stop_tunnel()
        ns.ip("address flush dev eth0")
        ns.ip(f"address add {new_address}/32 dev eth0")
        ns.ip(f"route add {client.ipv4_gateway}/32 dev eth0")
        ns.ip(f"route add default via {client.ipv4_gateway}")
        try:
            client.ipv4 = new_address
            client.start_tunnel(bed.network.use_sit)
            traffic.expect_no_answer(bed.host, client.ipv6)
            begin = time.monotonic()
            output = ddclient(bed, ns, name, name, key)
            assert answer_of(output) == "good", output
            traffic.wait_for_ping(bed.host, client.ipv6)
            print(f"      ddclient started to first packet: {time.monotonic() - begin:.2f} s")
            assert bed.pop.tunnel(client)["remote"] == new_address
            assert bed.pop.revision() == revision + 1
            # By the owner's account as well as by the tunnel's number.
            output = ddclient(bed, ns, name, ACCOUNT, key)
            assert answer_of(output) == "nochg", output
            assert bed.pop.revision() == revision + 1
            assert answer_of(ddclient(bed, ns, name, name, "0" * 32)) == "badauth"
            answers = []
            for _ in range(12):
                answers.append(answer_of(ddclient(bed, ns, name, name, key)))
                if answers[-1] == "abuse":
                    break
            assert answers[-1] == "abuse", answers
            assert key not in open(bed.pop.logs["control"], encoding="utf-8").read()
        finally:
            client.stop_tunnel()
            client.ipv4 = old_address
            ns.ip("address flush dev eth0")
            ns.ip(f"address add {old_address}/30 dev eth0")
            ns.ip(f"route add default via {client.ipv4_gateway}")
            bed.network.router.ip(f"route del {new_address}/32 dev client{client.number}")
            bed.pop.cli("tunnel", "update", name, "--remote", old_address)
            client.start_tunnel(bed.network.use_sit)
