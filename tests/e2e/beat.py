#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Sends heartbeats, one at once and one per interval, each from a new socket as AICCU does.

    beat.py --pop ADDRESS --identity IPV6 --password-file FILE [--interval SECONDS] [--count N]
"""

import argparse
import os
import socket
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

from simplon_e2e import wire  # noqa: E402


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pop", required=True)
    parser.add_argument("--identity", required=True)
    parser.add_argument("--password-file", required=True)
    parser.add_argument("--interval", type=float, default=60)
    parser.add_argument("--count", type=int, default=0, help="end after so many; 0: never")
    arguments = parser.parse_args()
    with open(arguments.password_file, encoding="ascii") as file:
        password = file.read().strip()
    family = socket.AF_INET6 if ":" in arguments.pop else socket.AF_INET
    sent = 0
    while True:
        with socket.socket(family, socket.SOCK_DGRAM) as outer:
            outer.sendto(wire.beat(arguments.identity, password), (arguments.pop, wire.BEAT_PORT))
        sent += 1
        if sent == arguments.count:
            return
        time.sleep(arguments.interval)


if __name__ == "__main__":
    main()
