# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Who may send where (docs/protocols.md 3)."""

from .case import Case, hop
from .frames import NATIVE, echo6, ethernet, udp6
from .tunnels import LINK, POP_ADDRESS, T1, T2, T3, T4, T5, T8, T9


def case(name, *args, **kw):
    return Case("forwarding/" + name, *args, **kw)


c = case("hairpin", "A packet from one tunnel into another is forwarded once, with one hop, and counted on both", [33])
c.forward_across(T1, T2, udp6(T1.client, T2.client))
c.forward_across(T1, T2, udp6("2001:db8:1000::5", "2001:db8:1001::7"))
c.forward_across(T2, T1, udp6(T2.routed(1), T1.routed(1)))
c.forward_across(T1, T5, udp6(T1.client, T5.client))
c.forward_across(T5, T3, udp6(T5.client, T3.client))

c = case("hairpin-shared-remote", "Between two tunnels behind one address a packet goes back to that address", [33])
c.forward_across(T8, T9, udp6(T8.client, T9.client))

c = case("hairpin-hop-limit", "From tunnel to tunnel the hop limit ends a packet like anywhere else", [3, 33, 62])
c.refuse_client(T1, udp6(T1.client, T2.client, hop_limit=1), "hop-limit-exceeded", 3, 0)
c.forward_across(T1, T2, udp6(T1.client, T2.client, hop_limit=2))

c = case("same-tunnel", "Back into the tunnel it came from is code 3 and nothing is sent there", [33],
         note="RFC 4443 3.1: on a point-to-point link such a packet would play ping-pong.")
for destination in ("2001:db8:1000::9", T1.routed(9), T1.client, "2001:db8:2000:1000::1"):
    c.refuse_client(T1, udp6("2001:db8:1000::5", destination), "same-in-out", 1, 3)

c = case("uplink-spoof", "A packet from the uplink with a source of ours is dropped silently", [34])
for source in (T1.client, T1.near, T1.routed(1), "2001:db8:1000::5", T4.client, f"{LINK}:77::2", "2001:db8:1009::1",
               POP_ADDRESS, "2001:db8:ffff::1"):
    c.drop_net(udp6(source, T2.client), "tunnel-source-from-uplink")

c = case("uplink-spoof-to-pop", "Nor does the PoP itself answer such a source", [34],
         note="An answer would go into the tunnel whose address was forged.")
for destination in (T1.near, T2.near, POP_ADDRESS, "2001:db8:ffff::1"):
    for source in (T1.client, "2001:db8:1000::5", POP_ADDRESS):
        c.drop_net(echo6(source, destination), "tunnel-source-from-uplink")

c = case("uplink-source-invalid", "Sources that cannot be a host's are dropped silently", [34, 60])
for source in ("::", "::1", "ff02::1", "ff0e::1", "::198.51.100.1", "::ffff:198.51.100.1"):
    c.drop_net(udp6(source, T1.client), "source-invalid")

c = case("uplink-link-local", "A link-local source from the uplink is not forwarded", [20])
c.drop_net(udp6("fe80::1", T1.client), "link-local-transit")

c = case("neither-end", "An address in a link /64 other than ::1 and ::2 gets code 3", [35, 63])
for destination in (T1.link(0), T1.link(3), f"{LINK}:1:ffff:ffff:ffff:ffff"):
    c.refuse_net(udp6(NATIVE, destination), "destination-not-endpoint", 1, 3, T1.near)
c.refuse_client(T2, udp6(T2.client, T1.link(3)), "destination-not-endpoint", 1, 3)
c.refuse_client(T1, udp6(T1.client, T1.link(3)), "destination-not-endpoint", 1, 3)

c = case("nobodys", "A unit of a pool that belongs to nobody gets code 3 and never leaves by the default route", [36, 62, 63])
for destination in (f"{LINK}:b::2", f"{LINK}:7ffe::1", f"{LINK}:800b::1", "2001:db8:1009::1", "2001:db8:2000:200::1"):
    c.refuse_net(udp6(NATIVE, destination), "no-such-endpoint", 1, 3, POP_ADDRESS)
    c.refuse_client(T1, udp6(T1.client, destination), "no-such-endpoint", 1, 3)

c = case("not-ours", "What comes from the uplink for somebody else is dropped: the PoP is no transit router", [])
c.drop_net(udp6(NATIVE, "2001:db8:bbbb::1"), "not-routed-here")
c.drop_net(udp6(NATIVE, "2001:db8:ffff::77"), "not-routed-here")
c.drop_net(udp6(NATIVE, "ff0e::1"), "multicast")
c.drop_net(udp6(NATIVE, "ff02::1"), "multicast")

c = case("between-uplink-hosts", "From a tunnel to a host on the uplink's own link", [14], arguments=[
    "--neighbor wan0:2001:db8:ffff::77=02:00:5e:00:00:77"])
packet = udp6(T1.client, "2001:db8:ffff::77")
c.receive(c.from_client(T1, packet))
c.send(ethernet("02:00:5e:00:00:77", c.topology.link6.mac, hop(packet)))
c.count_in(T1, packet)

c = case("to-gateway", "From a tunnel to the uplink's gateway itself", [14])
c.forward_out(T1, udp6(T1.client, "2001:db8:ffff::fe"))
