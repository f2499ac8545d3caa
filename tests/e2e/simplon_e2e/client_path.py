# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""simplon-client's data path by itself: a device in a namespace, and what it says of itself."""

import os
import re
import signal

from .processes import wait_until
from .topology import POP_IPV4, make_tun_node

DEVICE = "simplon"


class ClientPath:
    """A running client-path-tool in a namespace, for the tunnel of `owner`."""

    def __init__(self, bed, owner, kind, namespace=None, device=DEVICE, wait=True, prefix=(), **options):
        make_tun_node()
        self.bed = bed
        self.device = device
        self.namespace = namespace or owner.namespace
        self.log_path = bed.network.log_path(f"path-{owner.number}.log")
        self.skip = os.path.getsize(self.log_path) if os.path.exists(self.log_path) else 0
        fields = {
            "type": kind,
            "device": device,
            "client": owner.ipv6,
            "pop-inside": owner.pop_ipv6,
            "pop": POP_IPV4,
            "interval": 5,
            **{name.replace("_", "-"): value for name, value in options.items()},
        }
        if kind != "static":
            fields["password-file"] = owner.password_file
        words = [*prefix, bed.programs.client_path]
        for name, value in fields.items():
            words += [f"--{name}"] if value is True else [f"--{name}", value]
        self.process = self.namespace.spawn(words, log_path=self.log_path)
        if wait:
            self.wait_for("up ", "the path is up")

    def text(self):
        with open(self.log_path, encoding="utf-8") as log:
            log.seek(self.skip)
            return log.read()

    def wait_for(self, words, what):
        def seen():
            text = self.text()
            if words in text:
                return text
            assert self.process.running, f"ended with {self.process.returncode}:\n{text}"
            return None

        return wait_until(seen, what)

    def outcome(self):
        """What it said when it ended."""
        wait_until(lambda: not self.process.running, "the path gives up")
        return self.text()

    def health(self):
        """How it fares, as a dictionary."""
        count = self.text().count("health ")
        self.process.signal(signal.SIGUSR1)
        wait_until(lambda: self.text().count("health ") > count, "the path says how it fares")
        line = [line for line in self.text().splitlines() if line.startswith("health ")][-1]
        numbers = {name: int(value) for name, value in re.findall(r"(\w+)=(\d+) ", line)}
        return {**numbers, "problem": line.partition("problem=")[2]}

    def stop(self):
        """Ends it in order; nothing may be left."""
        if not self.process.running:
            return
        assert self.process.stop() == 0, self.text()
        left = self.namespace.run(["ip", "link", "show", self.device], check=False)
        assert left.returncode != 0, left.stdout

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.running:
            self.process.stop()


def statistics(namespace, device=DEVICE):
    """Packets received and sent, as the kernel counts them."""
    words = namespace.run(["cat", "/proc/net/dev"]).stdout
    numbers = re.search(rf"^\s*{device}:\s*(.*)$", words, re.M)[1].split()
    return int(numbers[1]), int(numbers[9])
