# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""What an operator can get wrong: a clear message that says what to do, and a non-zero exit code."""

import os
import socket

from simplon_e2e import config, topology
from simplon_e2e.processes import run_checked
from simplon_e2e.registry import case

AF_PACKET = ("af_packet",)  # the driver does not matter


def expect_refusal(command, namespace, *words, code=None):
    """Runs a command that must fail and say each of `words`."""
    result = run_checked(command, namespace=namespace, check=False, timeout=30)
    output = result.stdout + result.stderr
    assert result.returncode > 0, f"exit code {result.returncode}:\n{output}"
    if code is not None:
        assert result.returncode == code, f"exit code {result.returncode}, not {code}:\n{output}"
    for word in words:
        assert word in output, f"'{word}' is not in:\n{output}"


@case("a port that does not exist is refused by name", AF_PACKET, own_bed=True)
def _(make_bed):
    pop = make_bed(start=False).pop
    command = pop.dataplane_command(ports=["uplink=net_af_packet0,iface=nosuch0"])
    expect_refusal(command, pop.network.pop, "uplink")


@case("more workers than the port has queues is refused with both numbers", AF_PACKET, own_bed=True)
def _(make_bed):
    pop = make_bed(start=False).pop
    expect_refusal(pop.dataplane_command(workers=2), pop.network.pop, "uplink", "queue")


@case("no hugepages is refused with the way out", AF_PACKET, own_bed=True)
def _(make_bed):
    with open("/proc/meminfo", encoding="ascii") as file:
        if "HugePages_Total:       0" not in file.read():
            return  # this machine has them
    pop = make_bed(start=False).pop
    expect_refusal(pop.dataplane_command(hugepages="on"), pop.network.pop, "hugepages")


@case("a file in the way of the dataplane's socket is refused by path", AF_PACKET, own_bed=True)
def _(make_bed):
    pop = make_bed(start=False).pop
    with open(pop.dataplane_socket, "w", encoding="ascii"):
        pass
    expect_refusal(pop.dataplane_command(), pop.network.pop, pop.dataplane_socket)


@case("a second dataplane on the same socket is refused and the first goes on", AF_PACKET)
def _(bed):
    pop = bed.pop
    expect_refusal(
        pop.dataplane_command(ports=["uplink=net_null0"]), pop.network.pop, pop.dataplane_socket
    )
    assert pop.dataplane.running
    pop.cli("pop", "status")


@case("a second control on the same state or socket is refused and the first goes on", AF_PACKET)
def _(bed):
    pop = bed.pop
    expect_refusal(pop.control_command(), pop.network.pop, pop.control_state)
    elsewhere = pop.control_command(state=pop.control_state + "2")
    expect_refusal(elsewhere, pop.network.pop, pop.control_socket)
    assert pop.control.running
    pop.cli("pop", "status")


@case("a socket that nobody serves is taken over by control", AF_PACKET, own_bed=True)
def _(make_bed):
    pop = make_bed(start=False).pop
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(pop.control_socket)
    pop.start()


@case("control without a dataplane serves the API and says what is missing", AF_PACKET, own_bed=True)
def _(make_bed):
    pop = make_bed(start=False).pop
    pop.start_control()
    pop.apply(config.whole(pop.network))
    assert pop.tunnel_count() == len(pop.network.clients)
    result = pop.cli("worker", "show", check=False)
    assert result.returncode == 5, result.stdout + result.stderr
    # Started later, the dataplane gets the configuration.
    pop.start_dataplane()
    pop.wait_for_dataplane()


@case("a state directory that cannot be made is refused by path", AF_PACKET, own_bed=True)
def _(make_bed):
    pop = make_bed(start=False).pop
    blocked = os.path.join(pop.log_directory, "file")
    with open(blocked, "w", encoding="ascii"):
        pass
    pop.control_state = pop.dataplane_state = os.path.join(blocked, "state")
    expect_refusal(pop.control_command(), None, blocked)
    expect_refusal(pop.dataplane_command(), pop.network.pop, blocked)


@case("bad configurations are refused with file, line, field and reason, and change nothing", AF_PACKET)
def _(bed):
    pop, network = bed.pop, bed.network
    first = network.clients[0]
    good = config.pop_text() + config.pools_text()
    bad_tunnel = [
        (dict(mtu=1279), "mtu"),
        (dict(mtu=1481), "mtu"),
        (dict(remote=""), "remote"),
        (dict(remote="198.51.100.300"), "remote"),
        (dict(slot=1 << 20), "slot"),
        (dict(delegated_prefixes=["2001:db8:4000::/35"]), "delegated_prefixes"),
        (dict(delegated_prefixes=["2001:db8:4000::1/48"]), "delegated_prefixes"),
        (dict(ttl=256), "ttl"),
        (dict(dscp=64), "dscp"),
        (dict(no_such_field=1), "no_such_field"),
    ]
    texts = [(good + config.tunnel_text(first, **more), word) for more, word in bad_tunnel]
    twice = config.tunnel_text(first) + config.tunnel_text(network.clients[1], id=first.tunnel_id)
    texts.append((good + twice, "id"))
    overlap = f'pools {{ name: "again" kind: ROUTED prefix: "{topology.LINK_POOL}" }}\n'
    texts.append((good + overlap, "prefix"))

    before = pop.revision()
    path = os.path.join(pop.log_directory, "bad.txtpb")
    for text, word in texts:
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        line = len(text.splitlines())
        for verb in ("check", "apply"):
            command = pop.cli_command("config", verb, path)
            expect_refusal(command, None, f"{path}:{line}:", word, code=1)
    assert pop.revision() == before


@case("the CLI's exit codes tell what went wrong", AF_PACKET)
def _(bed):
    pop = bed.pop
    for code, arguments in (
        (0, ["tunnel", "show", f"T{bed.clients[0].tunnel_id}"]),
        (2, ["tunnel", "show"]),
        (2, ["no-such-noun"]),
        (3, ["tunnel", "show", "T999999"]),
        (4, ["tunnel", "create", f"T{bed.clients[0].tunnel_id}", "--remote", "203.0.113.9"]),
    ):
        result = pop.cli(*arguments, check=False)
        assert result.returncode == code, (
            f"{arguments}: exit code {result.returncode}, not {code}\n{result.stdout}{result.stderr}"
        )
    absent = pop.cli("pop", "status", check=False, socket=pop.control_socket + ".absent")
    assert absent.returncode == 5, absent.stdout + absent.stderr
    assert absent.stderr.strip(), "no message"
