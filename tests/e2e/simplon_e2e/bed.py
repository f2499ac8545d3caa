# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""A network with a running PoP in it, and the checks that every case ends with."""

import os
import shutil
import tempfile

from . import config
from .namespace import Namespace
from .pop import Pop, tail
from .processes import stop_all, wait_until
from .topology import Network


class Bed:
    """Context manager: network, both processes, one configured 6in4 tunnel per client.

    `driver` is the port driver of the PoP; None gives the network and the paths of a PoP that is not
    started, for cases that start it themselves; tunnels=False leaves the clients without devices.
    """

    def __init__(
        self,
        programs,
        driver,
        clients=3,
        ports=None,
        workers=1,
        start=True,
        tunnels=True,
        filler=0,
    ):
        self.programs = programs
        self.driver = driver
        self.client_count = clients
        self.ports = ports
        self.workers = workers
        self.start = start
        self.tunnels = tunnels
        self.filler = filler
        self.directory = None
        self.network = None
        self.pop = None

    def __enter__(self):
        # On a tmpfs where there is one, as the state directory is in production.
        base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.directory = tempfile.mkdtemp(prefix="simplon-e2e-", dir=base)
        try:
            self.network = Network(self.client_count, self.directory, self.ports)
            self.pop = Pop(
                self.programs, self.network, self.driver, self.directory, self.workers
            )
            if self.start:
                self.pop.start()
                self.pop.apply(config.whole(self.network, filler=self.filler))
            if self.tunnels:
                self.network.start_tunnels()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        if self.pop:
            self.pop.close_api()
            self.pop = None
        stop_all()
        if self.network:
            self.network.close()
            self.network = None
        shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def clients(self):
        return self.network.clients

    @property
    def home(self):
        return self.network.home

    @property
    def host(self) -> Namespace:
        return self.network.host

    def logs(self):
        """The ends of all logs, for a failure report."""
        parts = []
        for name in sorted(os.listdir(self.directory)):
            if name.endswith(".log"):
                text = tail(os.path.join(self.directory, name))
                if text:
                    parts.append(f"--- {name}\n{text}")
        return "\n".join(parts)

    def check_conservation(self):
        """rx + originated + fragments_made = tx + consumed + drops + held, exactly, when at rest."""
        last = {}

        def holds():
            nonlocal last
            last = self.pop.conservation()
            return last["settled"] and last["holds"]

        try:
            wait_until(holds, "conservation holds", timeout=5)
        except AssertionError:
            raise AssertionError(f"packets without a fate: {last}") from None
