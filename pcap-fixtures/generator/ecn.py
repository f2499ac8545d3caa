# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Congestion notification (RFC 6040) and DSCP (RFC 2983), docs/protocols.md 2.3."""

from .case import Case
from .frames import NATIVE, udp6, with_traffic_class
from .tunnels import T1, T2, T5, T6

NOT_ECT, ECT1, ECT0, CE = 0, 1, 2, 3

# RFC 6040 figure 4: (inner, outer) -> inner at the exit, None: dropped. Starred ones are "currently unused": logged.
DECAPSULATION = {
    (NOT_ECT, NOT_ECT): NOT_ECT, (NOT_ECT, ECT0): NOT_ECT, (NOT_ECT, ECT1): NOT_ECT, (NOT_ECT, CE): None,
    (ECT0, NOT_ECT): ECT0, (ECT0, ECT0): ECT0, (ECT0, ECT1): ECT1, (ECT0, CE): CE,
    (ECT1, NOT_ECT): ECT1, (ECT1, ECT0): ECT1, (ECT1, ECT1): ECT1, (ECT1, CE): CE,
    (CE, NOT_ECT): CE, (CE, ECT0): CE, (CE, ECT1): CE, (CE, CE): CE,
}
UNUSED = {(NOT_ECT, ECT0), (NOT_ECT, ECT1), (ECT1, ECT0), (CE, ECT1)}
NUMBERS = {NOT_ECT: [93, 97], ECT0: [94, 95], ECT1: [94, 95], CE: [96]}
NAMES = {NOT_ECT: "not-ect", ECT0: "ect0", ECT1: "ect1", CE: "ce"}


def case(name, *args, **kw):
    return Case("ecn/" + name, *args, **kw)


for number, inner in enumerate((NOT_ECT, ECT1, ECT0, CE), 89):
    c = case(f"encapsulate-{NAMES[inner]}", f"Inner {NAMES[inner]}: copied in normal mode, 00 in compatibility mode", [number])
    c.forward_in(T1, udp6(NATIVE, T1.client, traffic_class=inner))
    c.forward_in(T2, udp6(NATIVE, T2.client, traffic_class=inner))

for inner in (NOT_ECT, ECT0, ECT1, CE):
    c = case(f"decapsulate-{NAMES[inner]}", f"Inner {NAMES[inner]} with every outer, in either mode by the same table",
             NUMBERS[inner])
    for tunnel in (T1, T2):
        for outer in (NOT_ECT, ECT0, ECT1, CE):
            packet = udp6(tunnel.client, NATIVE, traffic_class=inner)
            result = DECAPSULATION[inner, outer]
            if result is None:
                c.drop_client(tunnel, packet, "ecn-invalid", tos=outer)
                continue
            c.forward_out(tunnel, packet, becomes=with_traffic_class(packet, result), tos=outer)
            if (inner, outer) in UNUSED:
                c.count("worker ecn_unusual")

c = case("hairpin", "From tunnel to tunnel a mark on one outer header reaches the next", [89, 90, 91, 92, 94])
for outer in (NOT_ECT, ECT0, CE):
    packet = udp6(T1.client, T2.client, traffic_class=ECT0)
    c.forward_across(T1, T2, packet, becomes=with_traffic_class(packet, DECAPSULATION[ECT0, outer]), tos=outer)
    packet = udp6(T2.client, T1.client, traffic_class=ECT0)
    c.forward_across(T2, T1, packet, becomes=with_traffic_class(packet, DECAPSULATION[ECT0, outer]), tos=outer)

c = case("dscp-pipe", "Pipe: the outer DSCP is the tunnel's, the inner one crosses untouched", [99])
for dscp in (0, 10, 46, 63):
    c.forward_in(T1, udp6(NATIVE, T1.client, traffic_class=dscp << 2))
    c.forward_in(T5, udp6(NATIVE, T5.client, traffic_class=dscp << 2))

c = case("dscp-uniform", "Uniform: the outer DSCP is the inner one", [99])
for dscp in (0, 10, 46, 63):
    c.forward_in(T6, udp6(NATIVE, T6.client, traffic_class=dscp << 2 | ECT0))

c = case("dscp-decapsulate", "At decapsulation the inner DSCP is untouched, whatever the outer one", [99])
for tunnel in (T1, T5, T6):
    for outer, inner in ((0, 46), (46, 0), (63, 10)):
        c.forward_out(tunnel, udp6(tunnel.client, NATIVE, traffic_class=inner << 2), tos=outer << 2)
