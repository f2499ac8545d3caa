# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""The list of test cases: functions marked with @case."""

BOTH_DRIVERS = ("af_packet", "af_xdp")
CASES = []


class Case:
    def __init__(self, name, function, drivers, own_bed):
        self.name = name
        self.function = function
        self.drivers = drivers
        self.own_bed = own_bed


def case(name, drivers=BOTH_DRIVERS, own_bed=False):
    """Registers a test under a name that is a sentence.

    The function gets a running Bed shared with the cases before it; it must leave the configuration
    as it found it. With own_bed=True it gets a function that makes a Bed (arguments as Bed's) for a
    PoP of its own, and is run once per driver in `drivers`.
    """

    def register(function):
        CASES.append(Case(name, function, drivers, own_bed))
        return function

    return register
