# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Network namespaces without names.

A namespace lives as long as this process holds its descriptor or a process of ours runs in it, so
nothing is left behind however we end, two runs cannot clash, and no mount is needed (it works in a
bare chroot). `nsenter --net=/proc/PID/fd/N` enters one by hand.
"""

import ctypes
import os
import subprocess

from .processes import Process, run_checked

CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result, what):
    if result != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{what}: {os.strerror(error)}")


def enter(descriptor):
    """Moves the calling thread into the namespace."""
    _check(_libc.setns(descriptor, CLONE_NEWNET), "setns")


class Namespace:
    """One network namespace, `name` being only for people. Loopback is up."""

    def __init__(self, name):
        self.name = name
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            _check(_libc.unshare(CLONE_NEWNET), "unshare")
            self.descriptor = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
            enter(home)
        finally:
            os.close(home)
        # No address autoconfiguration surprises, no duplicate address detection delays.
        for where in ("all", "default"):
            self.sysctl(f"net.ipv6.conf.{where}.accept_dad", 0)
            self.sysctl(f"net.ipv6.conf.{where}.accept_ra", 0)
            self.sysctl(f"net.ipv6.conf.{where}.router_solicitations", 0)
        self.ip("link set lo up")

    def close(self):
        os.close(self.descriptor)

    @property
    def path(self):
        """A path that other processes can open while this process runs."""
        return f"/proc/{os.getpid()}/fd/{self.descriptor}"

    def run(self, command, **options):
        """Runs a command in the namespace; see run_checked."""
        return run_checked(command, namespace=self, **options)

    def spawn(self, command, **options):
        """Starts a long-running process in the namespace."""
        return Process(command, namespace=self, **options)

    def ip(self, arguments):
        return self.run(["ip", *arguments.split()]).stdout

    def sysctl(self, name, value):
        def write():
            with open(f"/proc/sys/{name.replace('.', '/')}", "w", encoding="ascii") as file:
                file.write(str(value))

        self.call(write)

    def call(self, function, *arguments):
        """Runs a Python function in the namespace, in this process: for opening sockets."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
        try:
            enter(self.descriptor)
            return function(*arguments)
        finally:
            enter(home)
            os.close(home)


def connect(left, left_interface, right, right_interface, mtu=1500):
    """Connects two namespaces by a veth pair, up, with every offload off.

    With transmit checksum offload on, a veth carries packets whose checksum nobody has computed;
    our poll-mode drivers would see (and forward) them like that. With segmentation or receive
    offload they would see packets larger than the MTU.
    """
    left.ip(
        f"link add {left_interface} mtu {mtu} type veth"
        f" peer name {right_interface} mtu {mtu} netns {right.path}"
    )
    for namespace, interface in ((left, left_interface), (right, right_interface)):
        features = "tx off tso off gso off gro off".split()
        namespace.run(["ethtool", "-K", interface, *features])
        namespace.ip(f"link set {interface} up")


def namespaces_possible():
    """None, or why network namespaces cannot be made here."""
    try:
        Namespace("probe").close()
        return None
    except (OSError, subprocess.CalledProcessError) as error:
        return str(error)
