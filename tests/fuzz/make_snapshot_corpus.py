#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Writes the first inputs of fuzz_snapshot: one change of each interesting field to an interesting
value, and a few pairs. Run from anywhere; files it does not know are left alone."""

import pathlib
import struct

HEADER, POP, POOLS, SLOTS, UNITS, OUTER = range(6)
WIDTHS = {1: 0, 2: 1, 4: 2, 8: 3}
EDGES = {
    1: [0, 1, 0x7F, 0x80, 0xFF],
    2: [0, 1, 1279, 1481, 0xFFFF],
    4: [0, 1, 1 << 20, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF],
    8: [0, 1, 4096, 1 << 32, (1 << 63), (1 << 64) - 1],
}

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
    "pool_base": (POOLS, 0, 0, 8),
    "pool_mask": (POOLS, 1, 8, 8),
    "pool_unit_count": (POOLS, 2, 16, 4),
    "pool_first": (POOLS, 0, 20, 4),
    "pool_first_delegated": (POOLS, 2, 20, 4),
    "pool_shift": (POOLS, 2, 24, 1),
    "pool_kind": (POOLS, 1, 28, 4),
    "slot_id": (SLOTS, 686, 0, 4),
    "slot_kind": (SLOTS, 686, 4, 1),
    "slot_flags": (SLOTS, 686, 5, 1),
    "slot_mtu": (SLOTS, 686, 6, 2),
    "slot_remote": (SLOTS, 686, 20, 4),
    "slot_local_index": (SLOTS, 686, 24, 1),
    "slot_unused": (SLOTS, 5, 4, 1),
    "slot_cold_index": (SLOTS, 686, 28, 4),
    "unit": (UNITS, 3, 0, 4),
    "outer": (OUTER, 1, 0, 4),
    "pop_address": (POP, 0, 0, 1),
    "local_address": (POP, 0, 16 + 12, 1),
    "local_address_count": (POP, 0, 272, 4),
    "interface_count": (POP, 0, 276, 4),
    "pop_flags": (POP, 0, 280, 4),
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
    # A pool and its size moved together, so that the checks behind the first one are reached.
    grow = change(POOLS, 2, 16, 4, 2048) + change(POOLS, 2, 8, 8, 0xFFFFFFFFFFF80000)
    (folder / "pool-grown").write_bytes(b"\x01" + grow)
    twice = change(SLOTS, 5, 0, 8, 0x05C8000100000009) + change(HEADER, 7, 4, 4, 4)
    (folder / "tunnel-added").write_bytes(b"\x01" + twice)


if __name__ == "__main__":
    main()
