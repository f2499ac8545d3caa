# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""What served the original daemon: its configuration file, its console, its collector, its backend."""

import os
import time

from simplon_e2e import config, console, topology, traffic
from simplon_e2e.processes import run_checked
from simplon_e2e.registry import case
from simplon_e2e.topology import POP_IPV4

FILLER = 8192
FIRST_FILLER_SLOT = 1000
SUBNETS = 2000  # among them
FIRST_SUBNET = 64



def pushed_lines(first, count):
    """What a backend of the original pushes: tunnels, and subnets for some, line by line."""
    lines = []
    for slot in range(first, first + count):
        kind = ("ayiya", "heartbeat", f"10.{slot >> 16 & 255}.{slot >> 8 & 255}.{slot & 255}")[slot % 3]
        password = "" if kind[0] == "1" else f" {slot:032x}"
        lines.append(f"tunnel set config {slot:x} T{100000 + slot} {kind} up 1280{password}")
        if slot - first < SUBNETS:
            subnet = topology.unit(topology.DELEGATED_POOL, FIRST_SUBNET + slot - first, 48)
            lines.append(f"subnet set config {subnet} {slot:x} static")
    return lines


@case("a backend pushes 8,192 tunnels through the console again and again: no packet lost, one revision",
      drivers=("af_packet",), own_bed=True)  # fmt: skip
def _(make_bed):
    bed = make_bed(clients=2)
    backend = bed.host
    bed.network.host.ip("address add 198.18.9.2/24 dev eth0")
    bed.network.router.ip("address add 198.18.9.1/24 dev host")
    backend.ip("route add default via 198.18.9.1")
    lines = pushed_lines(FIRST_FILLER_SLOT, FILLER)
    with console.Console(backend) as refused:
        assert not refused.banner.startswith("200"), refused.banner
    bed.pop.cli("pop", "update", "--console-address", "198.18.9.2")
    streams = [
        traffic.Stream(bed.host, client.ipv6, bed.directory, 0.01) for client in bed.clients
    ]
    seconds = []
    revision = bed.pop.revision()
    for lockstep in (False, False, True):
        with console.Console(backend) as backend_session:
            assert backend_session.banner.startswith("200 "), backend_session.banner
            begin = time.monotonic()
            if lockstep:
                replies = [backend_session.say(line) for line in lines]
            else:
                replies = backend_session.push(lines)
            backend_session.ask("pop saveconfig")
            seconds.append(time.monotonic() - begin)
        time.sleep(1)
        refused = [reply for reply in replies if reply[0] != 200]
        assert not refused, refused[:3]
        if len(seconds) == 1:
            made = bed.pop.revision()
            assert made - revision <= 3, (revision, made)  # one a second at most
            revision = made
        assert bed.pop.revision() == revision
        assert bed.pop.tunnel_count() == FILLER + 2
    for stream in streams:
        stream.stop()
        assert stream.sent > 100 and stream.lost == 0, (stream.sent, stream.lost)
    lost = sum(stream.lost for stream in streams)
    sent = sum(stream.sent for stream in streams)
    print(f"      pushes took {', '.join(f'{s:.2f}' for s in seconds)} s; {lost} of {sent} pings lost")
    bed.check_conservation()


@case("the statistics collector resets its own view and no other reader notices",
      drivers=("af_packet",))  # fmt: skip
def _(bed):
    pop, client = bed.pop, bed.clients[0]
    collector, other = bed.clients[1].namespace, bed.clients[2].namespace
    addresses = [bed.clients[1].ipv4, bed.clients[2].ipv4]
    pop.cli("pop", "update", *(w for a in addresses for w in ("--console-address", a)))

    def stats(namespace, command="tunnel stats"):
        with console.Console(namespace) as session:
            lines = session.ask(command)
        return {line.split()[0]: [float(word) for word in line.split()[1:]] for line in lines}

    try:
        name = f"T{client.tunnel_id}"
        traffic.expect_ping(bed.host, client.ipv6, count=10)
        pop.wait_for_rest()
        whole = pop.tunnel_counters(client)
        first = stats(collector, "tunnel stats RESET")[name]
        assert first[2] == whole["in_packets"] and first[3] == whole["out_packets"], (first, whole)
        assert name not in stats(collector), "nothing came since the reset"
        assert stats(other)[name] == first, "another reader of the console"
        assert pop.tunnel_counters(client) == whole, "the API"
        traffic.expect_ping(bed.host, client.ipv6, count=7)
        pop.wait_for_rest()
        again = stats(collector, "tunnel stats RESET")[name]
        assert again[2] == 7 and again[3] == 7, again
        # Across a restart of control nothing is counted twice or lost.
        assert pop.control.stop() == 0
        pop.start_control()
        pop.wait_for_dataplane()
        assert name not in stats(collector)
    finally:
        pop.cli("pop", "update", "--no-console-addresses")


@case("the original's configuration file is imported and its tunnels carry packets",
      drivers=("af_packet",), own_bed=True)  # fmt: skip
def _(make_bed):
    bed = make_bed(clients=2)
    static, beating = bed.clients
    password = bed.home.PASSWORD
    original = os.path.join(bed.directory, "sixxsd.conf")
    with open(original, "w", encoding="ascii") as file:
        file.write(f"""# written by the original daemon
pop
  set
    id 1
    details 1 e2e {POP_IPV4} {topology.POP_IPV6}
    details 2 other 203.0.113.200 2001:db8:77::1
  end
  tunnelprefix add 2001:db8:1000::/48
  subnetprefix add 2001:db8:4000::/40
  cliacl
    reset
    add 127.0.0.1
  end
end
tunnel
  set
    config {static.slot:x} T{static.tunnel_id} {static.ipv4} up 1480
    config {beating.slot:x} T{beating.tunnel_id} dynamic up 1280 {password}
  end
end
subnet set config {static.delegated_prefix} {static.slot:x} static
""")
    base = os.path.join(bed.directory, "base.txtpb")
    with open(base, "w", encoding="ascii") as file:
        file.write(config.pop_text(bed.network.ports))
    imported = os.path.join(bed.directory, "imported.txtpb")
    bed.pop.cli("config", "import", "sixxsd", original, "--base", base, "--output-file", imported)
    bed.pop.cli("config", "apply", imported)
    traffic.wait_for_ping(bed.host, static.ipv6)
    traffic.expect_ping(bed.host, static.delegated_ipv6)
    shown = bed.pop.tunnel(beating)
    assert shown["type"] == "DYNAMIC_ENDPOINT" and shown["has_password"], shown
    # A line that means nothing here is an error with its place, and nothing comes of the file.
    with open(original, "a", encoding="ascii") as file:
        file.write("tunnel set colour 1 blue\n")
    refused = run_checked(bed.pop.cli_command("config", "import", "sixxsd", original), check=False)
    lines = len(open(original, encoding="ascii").readlines())
    assert refused.returncode == 1 and f"sixxsd.conf:{lines}" in refused.stderr, refused
