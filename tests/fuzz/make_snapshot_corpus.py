#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Writes the first inputs of fuzz_snapshot: one change of each interesting field to an interesting
value, and a few pairs. Run from anywhere; files it does not know are left alone."""

import pathlib
import struct

# In the order in which the builder writes them.
HEADER, POP, POOLS, SLOTS, UNITS, OUTER, COLD, PASSWORDS, REFUSED = range(9)
WIDTHS = {1: 0, 2: 1, 4: 2, 8: 3}
EDGES = {
    1: [0, 1, 0x7F, 0x80, 0xFF],
    2: [0, 1, 1279, 1481, 0xFFFF],
    4: [0, 1, 1 << 20, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF],
    8: [0, 1, 4096, 1 << 32, (1 << 63), (1 << 64) - 1],
}

# Slots of the base, kEveryTypeConfig, and its pools.
PROTO41, HEARTBEAT, AYIYA, DYNAMIC, GRE, GRE6, IPV6 = range(1, 8)
ROUTED4, SUBNETS4, LINK, ROUTED, SUBNETS = range(5)

# name: (section, element, offset, width). Elements of the header are of 8 bytes.
FIELDS = {
    "abi": (HEADER, 0, 8, 2),
    "header_size": (HEADER, 0, 16, 4),
    "required_flags": (HEADER, 0, 20, 4),
    "total_size": (HEADER, 0, 24, 8),
    "generation": (HEADER, 0, 32, 8),
    "slot_capacity": (HEADER, 0, 56, 4),
    "tunnel_count": (HEADER, 0, 60, 4),
    "section_count": (HEADER, 0, 64, 4),
    "section_type": (HEADER, 0, 72, 4),
    "section_element_size": (HEADER, 0, 76, 4),
    "section_offset": (HEADER, 0, 80, 8),
    "section_size": (HEADER, 0, 88, 8),
    "slots_offset": (HEADER, 0, 72 + 2 * 32 + 8, 8),
    "slots_size": (HEADER, 0, 72 + 2 * 32 + 16, 8),
    "outer_size": (HEADER, 0, 72 + 4 * 32 + 16, 8),
    "cold_size": (HEADER, 0, 72 + 5 * 32 + 16, 8),
    "cold_offset": (HEADER, 0, 72 + 5 * 32 + 8, 8),
    "passwords_size": (HEADER, 0, 72 + 6 * 32 + 16, 8),
    "passwords_element_size": (HEADER, 0, 72 + 6 * 32 + 4, 4),
    "refused_size": (HEADER, 0, 72 + 7 * 32 + 16, 8),
    "pool_base": (POOLS, LINK, 0, 8),
    "pool_mask": (POOLS, ROUTED, 8, 8),
    "pool_unit_count": (POOLS, SUBNETS, 16, 4),
    "pool_first": (POOLS, LINK, 20, 4),
    "pool_first_delegated": (POOLS, SUBNETS, 20, 4),
    "pool_shift": (POOLS, SUBNETS, 24, 1),
    "pool_kind": (POOLS, ROUTED, 28, 4),
    "pool4_base": (POOLS, SUBNETS4, 0, 8),
    "pool4_mask": (POOLS, SUBNETS4, 8, 8),
    "pool4_unit_count": (POOLS, ROUTED4, 16, 4),
    "pool4_first": (POOLS, ROUTED4, 20, 4),
    "pool4_first_delegated": (POOLS, SUBNETS4, 20, 4),
    "pool4_shift": (POOLS, ROUTED4, 24, 1),
    "pool4_kind": (POOLS, ROUTED4, 28, 4),
    "slot_id": (SLOTS, PROTO41, 0, 4),
    "slot_kind": (SLOTS, PROTO41, 4, 1),
    "slot_kind_dynamic": (SLOTS, DYNAMIC, 4, 1),
    "slot_flags": (SLOTS, GRE, 5, 1),
    "slot_mtu": (SLOTS, AYIYA, 6, 2),
    "slot_remote": (SLOTS, PROTO41, 20, 4),
    "slot_remote_ipv6": (SLOTS, IPV6, 8, 8),
    "slot_remote_dynamic": (SLOTS, HEARTBEAT, 20, 4),
    "slot_local_index": (SLOTS, GRE6, 24, 1),
    "slot_incarnation": (SLOTS, DYNAMIC, 27, 1),
    "slot_unused": (SLOTS, 9, 4, 1),
    "slot_cold_index": (SLOTS, HEARTBEAT, 28, 4),
    "slot_cold_index_static": (SLOTS, GRE, 28, 4),
    "slot_secret": (SLOTS, HEARTBEAT, 32, 8),
    "slot_gre_key": (SLOTS, GRE6, 52, 4),
    "slot_beat_timeout": (SLOTS, AYIYA, 56, 2),
    "slot_encapsulation_limit": (SLOTS, IPV6, 58, 1),
    "slot_options": (SLOTS, DYNAMIC, 59, 1),
    "unit": (UNITS, 3, 0, 4),
    "unit_ipv4": (UNITS, 1, 0, 4),
    "outer": (OUTER, 1, 0, 4),
    "cold_slot": (COLD, 0, 0, 4),
    "cold_password_offset": (COLD, 0, 4, 4),
    "cold_previous_offset": (COLD, 2, 8, 4),
    "cold_password_length": (COLD, 0, 12, 1),
    "cold_previous_length": (COLD, 2, 13, 1),
    "cold_previous_sha1": (COLD, 0, 16, 8),
    "password": (PASSWORDS, 3, 0, 1),
    "refused": (REFUSED, 1, 0, 8),
    "pop_address": (POP, 0, 0, 1),
    "local_address": (POP, 0, 16 + 12, 1),
    "local_address_ipv6": (POP, 0, 16 + 3 * 16, 8),
    "local_address_count": (POP, 0, 272, 4),
    "interface_count": (POP, 0, 276, 4),
    "pop_flags": (POP, 0, 280, 4),
    "local_ipv4_index": (POP, 0, 292, 1),
    "interface_port": (POP, 0, 304 + 15, 1),
    "interface_vlan": (POP, 0, 304 + 16, 2),
    "interface_mtu": (POP, 0, 304 + 18, 2),
    "interface_ipv4_length": (POP, 0, 304 + 20, 1),
    "interface_ipv6_length": (POP, 0, 304 + 21, 1),
    "interface_flags": (POP, 0, 304 + 22, 1),
}


def change(section, element, offset, width, value):
    return struct.pack("<BBHHQ", section, WIDTHS[width], element, offset, value)


def main():
    folder = pathlib.Path(__file__).parent / "corpus" / "snapshot"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "unchanged").write_bytes(b"\x01")
    (folder / "not-a-snapshot").write_bytes(b"\x00SIMPLONS")
    (folder / "zeros").write_bytes(bytes(8193))
    for name, field in FIELDS.items():
        parts = [b"\x01" + change(*field, value) for value in EDGES[field[3]]]
        for number, data in enumerate(parts):
            (folder / f"{name}-{number}").write_bytes(data)
    # Changes that belong together, so that the checks behind the first one are reached.
    grow = change(POOLS, SUBNETS, 16, 4, 2048) + change(POOLS, SUBNETS, 8, 8, 0xFFFFFFFFFFF80000)
    (folder / "pool-grown").write_bytes(b"\x01" + grow)
    twice = change(SLOTS, 9, 0, 8, 0x05C8000100000009) + change(HEADER, 7, 4, 4, 9)
    (folder / "tunnel-added").write_bytes(b"\x01" + twice)
    shared = change(SLOTS, HEARTBEAT, 28, 4, 2) + change(COLD, 2, 0, 4, HEARTBEAT)
    (folder / "cold-shared").write_bytes(b"\x01" + shared)
    swapped = (change(SLOTS, HEARTBEAT, 28, 4, 2) + change(COLD, 2, 0, 4, HEARTBEAT) +
               change(SLOTS, DYNAMIC, 28, 4, 0) + change(COLD, 0, 0, 4, DYNAMIC))
    (folder / "cold-swapped").write_bytes(b"\x01" + swapped)


if __name__ == "__main__":
    main()
