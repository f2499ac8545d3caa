# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""The PoP under test: both processes as an operator runs them, and the CLI."""

import json
import os
import time

from .certificate import Certificate
from .processes import CommandFailed, Process, run_checked, wait_until
from .reflection import ReflectionClient

TIC_PORT = 3874
HTTP_PORT = 8080
HTTPS_PORT = 8443
CONSOLE_PORT = 42003


class Programs:
    """Where the programs are in a build folder."""

    NAMES = {
        "dataplane": "simplon-dataplane",
        "control": "simplon-control",
        "cli": "simplonctl",
        "client": "simplon-client",
    }

    def __init__(self, build_dir):
        self.build_dir = build_dir
        for attribute, name in self.NAMES.items():
            setattr(self, attribute, self._find(build_dir, name))

    @property
    def client_path(self):
        """Not among what the demo builds."""
        return self._find(self.build_dir, "client-path-tool")

    @staticmethod
    def _find(build_dir, name):
        for folder, _, files in os.walk(build_dir):
            if name in files and os.access(os.path.join(folder, name), os.X_OK):
                return os.path.abspath(os.path.join(folder, name))
        raise FileNotFoundError(f"{name} is not in {build_dir}: run scripts/build")


class Pop:
    """Dataplane and control, with their state under `directory`."""

    def __init__(self, programs, network, driver, directory, workers=1):
        self.programs = programs
        self.network = network
        self.driver = driver  # "af_packet" or "af_xdp"
        self.workers = workers
        # af_packet spreads flows over as many queues as it is told to; af_xdp has one on a veth.
        self.device_options = f",qpairs={workers}" if workers > 1 else ""
        self.dataplane_state = os.path.join(directory, "dataplane")
        self.control_state = os.path.join(directory, "control")
        self.dataplane_socket = os.path.join(directory, "dataplane.sock")
        self.control_socket = os.path.join(directory, "control.sock")
        self.log_directory = directory
        self.extra_ports = []  # more arguments of --port
        self.certificate = Certificate(directory)
        os.makedirs(self.dataplane_state, exist_ok=True)
        os.makedirs(self.control_state, exist_ok=True)
        self.dataplane = None
        self.control = None
        self._api = None

    @property
    def logs(self):
        return {
            name: os.path.join(self.log_directory, f"{name}.log")
            for name in ("dataplane", "control")
        }

    def dataplane_command(self, ports=None, workers=None, hugepages="off"):
        """`ports` are arguments of --port; by default all ports of the network, with our driver."""
        if ports is None:
            ports = [
                f"{name}=net_{self.driver}{index},iface={name}{self.device_options}"
                for index, name in enumerate(self.network.ports)
            ] + self.extra_ports
        return [
            self.programs.dataplane,
            *(word for port in ports for word in ("--port", port)),
            "--workers", workers or self.workers,
            "--state-dir", self.dataplane_state,
            "--socket", self.dataplane_socket,
            "--hugepages", hugepages,
        ]  # fmt: skip

    def start_dataplane(self, wait=True):
        if self.driver == "af_xdp":
            # After kill -9 the XDP program of the dead process is still attached.
            for port in self.network.ports:
                self.network.pop.ip(f"link set dev {port} xdp off")
        log_path = self.logs["dataplane"]
        earlier_lives = os.path.getsize(log_path) if os.path.exists(log_path) else 0
        self.dataplane = self.network.pop.spawn(self.dataplane_command(), log_path=log_path)

        def said_ready():
            # Not the socket: one of a killed process may lie there, and connecting to it would take
            # control's place.
            with open(log_path, "rb") as log:
                log.seek(earlier_lives)
                return b"event=ready" in log.read()

        if wait:
            self._wait_for(self.dataplane, said_ready)

    def control_command(self, state=None):
        return [
            self.programs.control,
            "--state-dir", state or self.control_state,
            "--dataplane-socket", self.dataplane_socket,
            "--listen", f"unix:{self.control_socket}",
            "--tic-listen", f"[::]:{TIC_PORT}",
            "--http-listen", f"[::]:{HTTP_PORT}",
            "--https-listen", f"[::]:{HTTPS_PORT}",
            "--console-listen", f"[::]:{CONSOLE_PORT}",
            "--tls-certificate", self.certificate.file,
            "--tls-key", self.certificate.key_file,
        ]  # fmt: skip

    def start_control(self, wait=True):
        self.close_api()
        self.control = self.network.pop.spawn(
            self.control_command(), log_path=self.logs["control"]
        )
        if wait:
            self._wait_for(
                self.control, lambda: self.cli("pop", "status", check=False).returncode == 0
            )

    def start(self):
        self.start_dataplane()
        self.start_control()

    def close_api(self):
        if self._api is not None:
            self._api.close()
            self._api = None

    def stop(self):
        """Orderly end of both; fails if either does not exit with 0."""
        for process in (self.control, self.dataplane):
            if process is not None and process.running:
                code = process.stop()
                assert code == 0, f"{process.name} ended with exit code {code}"

    def _wait_for(self, process, condition, timeout=20):
        def ready():
            if not process.running:
                raise CommandFailed(
                    f"{process.name} ended with exit code {process.returncode}:\n"
                    + tail(process.log_path)
                )
            return condition()

        wait_until(ready, f"{process.name} is ready", timeout)

    def wait_for_dataplane(self, timeout=10):
        """Until control has connected to the dataplane and published to it."""

        def connected():
            snapshot = self.call("StatusService", "GetSnapshot")
            return snapshot["publish"]["state"] == "ACTIVE"

        wait_until(connected, "control has published to the dataplane", timeout)

    # The CLI.

    def cli_command(self, *arguments, socket=None):
        address = f"unix:{socket or self.control_socket}"
        return [self.programs.cli, "--server", address, *arguments]

    def cli(self, *arguments, check=True, stdin="", timeout=60, socket=None):
        command = self.cli_command(*arguments, socket=socket)
        return run_checked(command, check=check, stdin=stdin, timeout=timeout)

    def query(self, *arguments):
        """What a command prints with -o json."""
        return json.loads(self.cli("-o", "json", *arguments).stdout)

    def _write_config(self, text):
        path = os.path.join(self.log_directory, "apply.txtpb")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def apply(self, text):
        self.cli("config", "apply", self._write_config(text))

    def start_apply(self, text):
        """Apply in the background; the process's exit code says whether it was acknowledged."""
        return Process(self.cli_command("config", "apply", self._write_config(text)))

    def tunnel_counters(self, client):
        """Packets and inner bytes of a client's tunnel, both directions, once they are at rest."""
        self.wait_for_rest()
        shown = self.query("counters", f"T{client.tunnel_id}")
        names = ("in_packets", "in_bytes", "out_packets", "out_bytes")
        return {name: int(shown.get(name, 0)) for name in names}

    def drops(self):
        """Dropped packets by reason."""
        shown = self.query("drops")
        return {drop["reason"]: int(drop["packets"]) for drop in shown.get("drops", [])}

    # The API, for what is asked often.

    def call(self, service, method, request=None):
        if self._api is None:
            self._api = ReflectionClient(f"unix:{self.control_socket}")
        return self._api.call(f"simplon.v1.{service}", method, request)

    def counters(self):
        """Every worker counter, summed over workers and slow path."""
        reply = self.call("CounterService", "GetPopCounters")
        return {counter["name"]: int(counter["value"]) for counter in reply["counters"]}

    def counter(self, name):
        self.wait_for_rest()
        return self.counters()[name]

    def frames(self):
        """(received, sent) frames."""
        counters = self.counters()
        return counters["rx_packets"], counters["tx_packets"]

    def conservation(self):
        return self.call("CounterService", "GetConservation")

    def wait_for_rest(self, quiet=0.1, timeout=5):
        """Until no frame has moved for `quiet` seconds."""
        deadline = time.monotonic() + timeout
        last, since = self.frames(), time.monotonic()
        while time.monotonic() < deadline:
            time.sleep(0.02)
            now = self.frames()
            if now != last:
                last, since = now, time.monotonic()
            elif time.monotonic() - since >= quiet:
                return
        raise AssertionError(f"frames still move after {timeout} s: {last}")

    def revision(self):
        return int(self.call("ConfigService", "ListRevisions", {"page_size": 1})["revisions"][0]["number"])

    def tunnel(self, client):
        return self.call("TunnelService", "GetTunnel", {"name": client.name})

    def create_tunnel(self, client, type_name, **fields):
        """A tunnel for the client with a learned endpoint (or by `fields` another)."""
        tunnel = {
            "id": client.tunnel_id,
            "slot": client.slot,
            "type": type_name,
            "delegated_prefixes": [str(client.delegated_prefix)],
            **fields,
        }
        return self.call("TunnelService", "CreateTunnel", {"tunnel": tunnel})

    def delete_tunnel(self, client):
        self.call("TunnelService", "DeleteTunnel", {"name": client.name, "allow_missing": True})

    def state(self, client):
        return self.call("TunnelStateService", "GetTunnelState", {"name": client.name})

    def errors(self, client):
        """Errors of the client's tunnel: reason -> TunnelError."""
        reply = self.call("TunnelStateService", "ListTunnelErrors", {"name": client.name})
        return {error["reason"]: error for error in reply["errors"]}

    def error_count(self, client, reason):
        return int(self.errors(client).get(reason, {}).get("count", 0))

    def wait_for_state(self, client, oper_state, timeout=10):
        def reached():
            state = self.state(client)
            return state if state["oper_state"] == oper_state else None

        return wait_until(reached, f"{client.name} is {oper_state}", timeout)

    def watch(self, *arguments):
        """A running `simplonctl watch`; its output is in the file `log_path` of what is returned."""
        path = os.path.join(self.log_directory, f"watch-{time.monotonic_ns()}.txt")
        return Process(self.cli_command("-o", "json", "watch", *arguments), log_path=path)

    def tunnel_count(self):
        return int(self.call("TunnelService", "ListTunnels", {"page_size": 1})["total_size"])


def tail(path, lines=30):
    """The last lines of a log."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-lines:])
    except OSError as error:
        return f"({error})\n"
