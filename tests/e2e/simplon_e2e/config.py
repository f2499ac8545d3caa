# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Configuration files (text format of simplon.v1.Config) for the network of topology.py."""

from . import topology


def _field(name, value):
    if isinstance(value, str) and not value.isupper():
        return f'{name}: "{value}"'
    return f"{name}: {value}"  # numbers and enumerators


def _message(name, fields):
    parts = []
    for key, value in fields.items():
        for element in value if isinstance(value, list) else [value]:
            parts.append(_field(key, element))
    return f"{name} {{ {' '.join(parts)} }}\n"


_INTERFACE_FIELDS = {
    "ipv4": {
        "ipv4_address": f"{topology.POP_IPV4}/30",
        "ipv4_gateway": topology.POP_IPV4_GATEWAY,
    },
    "ipv6": {
        "ipv6_address": f"{topology.POP_IPV6}/64",
        "ipv6_gateway": topology.POP_IPV6_GATEWAY,
    },
}


def pop_text(ports=None, name="e2e", **more):
    parts = [_field("name", name)]
    for port, families in (ports or topology.ONE_PORT).items():
        fields = {"port": port}
        for family in families:
            fields.update(_INTERFACE_FIELDS[family])
        parts.append(_message("interfaces", fields).strip())
    parts += [_field(key, value) for key, value in more.items()]
    return f"pop {{ {' '.join(parts)} }}\n"


def pools_text():
    return (
        _message("pools", {"name": "link", "kind": "LINK", "prefix": str(topology.LINK_POOL)})
        + _message(
            "pools", {"name": "routed", "kind": "ROUTED", "prefix": str(topology.ROUTED_POOL)}
        )
        + _message(
            "pools",
            {
                "name": "delegated",
                "kind": "DELEGATED",
                "prefix": str(topology.DELEGATED_POOL),
                "unit_length": 48,
            },
        )
    )


def tunnel_text(client, **more):
    fields = {
        "id": client.tunnel_id,
        "slot": client.slot,
        "type": "PROTO41",
        "remote": client.ipv4,
        "delegated_prefixes": [str(client.delegated_prefix)],
    }
    fields.update(more)
    return _message("tunnels", fields)


def filler_tunnels_text(count, first_slot=1000):
    """Tunnels to nowhere, each with its own remote in 10.0.0.0/8, to make the table large."""
    lines = []
    for slot in range(first_slot, first_slot + count):
        remote = f"10.{slot >> 16 & 255}.{slot >> 8 & 255}.{slot & 255}"
        lines.append(
            f'tunnels {{ id: {100000 + slot} slot: {slot} type: PROTO41 remote: "{remote}" }}\n'
        )
    return "".join(lines)


def whole(network, tunnels=None, filler=0, **pop_settings):
    """The configuration in which every client (or those given) has its tunnel."""
    text = pop_text(network.ports, **pop_settings) + pools_text()
    for client in network.clients if tunnels is None else tunnels:
        text += tunnel_text(client)
    return text + filler_tunnels_text(filler)
