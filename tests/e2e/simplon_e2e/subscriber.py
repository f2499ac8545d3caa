# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""simplon-client on one host, as a subscriber runs it."""

import os

from .topology import BROKER_IPV4, BROKER_NAME, HOST_IPV6, make_tun_node

DEVICE = "subscriber6"


class Subscriber:
    """One host with simplon-client: its settings, its start."""

    def __init__(self, bed, client, name, secret, **settings):
        self.bed = bed
        self.client = client
        self.namespace = client.namespace
        self.folder = os.path.join(bed.directory, f"subscriber{client.number}")
        os.makedirs(self.folder, exist_ok=True)
        self.settings = {
            "username": name,
            "password": secret,
            "server": BROKER_IPV4,
            "ca_file": bed.pop.certificate.file,
            "tls_name": BROKER_NAME,
            "interface": DEVICE,
            "ping_target": HOST_IPV6,
            **settings,
        }
        self.state_directory = os.path.join(self.folder, "state")
        self.config_file = os.path.join(self.folder, "simplon-client.conf")
        self.log_file = os.path.join(self.folder, "client.log")
        self.process = None
        make_tun_node()

    def write_settings(self):
        with open(self.config_file, "w", encoding="ascii") as file:
            for name, value in self.settings.items():
                file.write(f"{name} = {value}\n")
        os.chmod(self.config_file, 0o600)

    def command(self, *words):
        program = self.bed.programs.client
        return [program, "--config", self.config_file, "--state-dir", self.state_directory, *words]

    def run(self, *words, check=True):
        self.write_settings()
        return self.namespace.run(self.command(*words), check=check, timeout=120)

    def start(self, *words):
        self.write_settings()
        self.process = self.namespace.spawn(self.command("start", *words), log_path=self.log_file)

    def log(self):
        with open(self.log_file, encoding="utf-8", errors="replace") as file:
            return file.read()

    def device_there(self):
        return self.namespace.run(["ip", "link", "show", self.settings["interface"]], check=False).returncode == 0

    def stop(self):
        if self.process is not None and self.process.running:
            code = self.process.stop()
            assert code == 0, f"simplon-client ended with {code}: {self.log()[-2000:]}"
        self.process = None
