# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""A real simplon-control (and, where wanted, simplon-dataplane) and the real simplonctl."""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time

CASES = []

# One tunnel PoP in documentation addresses.
CONFIG = """\
pop {
  name: "test"
  interfaces { port: "uplink" ipv4_address: "192.0.2.10/24" ipv4_gateway: "192.0.2.1" }
  ipv6_address: "2001:db8:ffff::1"
}
pools { name: "link" kind: LINK prefix: "2001:db8:1::/48" }
pools { name: "routed" kind: ROUTED prefix: "2001:db8:2::/48" }
pools { name: "homes" kind: DELEGATED prefix: "2001:db8:3000::/40" unit_length: 48 }
"""


def case(name, dataplane=False):
    """Registers a test; it gets a PoP with CONFIG applied."""

    def register(function):
        CASES.append((name, function, dataplane))
        return function

    return register


class Result:
    def __init__(self, command, finished):
        self.command = command
        self.code = finished.returncode
        self.out = finished.stdout
        self.err = finished.stderr

    def __str__(self):
        return f"$ {' '.join(self.command)}\n{self.out}{self.err}(exit code {self.code})"


class Failed(AssertionError):
    pass


class Running:
    """A simplonctl that goes on; what it prints is collected as it comes."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
            env=environment,
        )  # fmt: skip
        self.out = ""
        self.err = ""
        self._threads = [
            threading.Thread(target=self._collect, args=(name,), daemon=True)
            for name in ("out", "err")
        ]
        for thread in self._threads:
            thread.start()

    def _collect(self, name):
        for line in getattr(self.process, "std" + name):
            setattr(self, name, getattr(self, name) + line)

    def wait_for(self, text, times=1, timeout=30):
        deadline = time.monotonic() + timeout
        while self.out.count(text) < times:
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.process.kill()
                raise Failed(f"'{text}' does not come: {self.out}{self.err}")
            time.sleep(0.02)

    def end(self, with_signal=None, timeout=30):
        """Exit code, standard output and standard error."""
        if with_signal is not None:
            self.process.send_signal(with_signal)
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise Failed(f"does not end: {self.out}{self.err}") from None
        for thread in self._threads:
            thread.join()
        return self.process.returncode, self.out, self.err


class Pop:
    """Processes with their state in a folder of their own."""

    def __init__(self, programs, with_dataplane):
        self.programs = programs
        self.folder = tempfile.mkdtemp(prefix="simplon-cli-test-")
        self.socket = os.path.join(self.folder, "admin.sock")
        self.control = None
        self.dataplane = None
        try:
            if with_dataplane:
                self.start_dataplane()
            self.start_control()
        except BaseException:
            self.close()
            raise

    def path(self, name):
        return os.path.join(self.folder, name)

    def write(self, name, text):
        with open(self.path(name), "w", encoding="utf-8") as file:
            file.write(text)
        return self.path(name)

    def read(self, name):
        with open(self.path(name), encoding="utf-8") as file:
            return file.read()

    def _start(self, name, command):
        with open(self.path(name + ".log"), "ab") as log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )

    def start_dataplane(self, port="net_null0,no-rx=1"):
        os.makedirs(self.path("dataplane"), exist_ok=True)
        command = [
            self.programs.dataplane,
            "--port", f"uplink={port}",
            "--workers", "1",
            "--state-dir", self.path("dataplane"),
            "--socket", self.path("dataplane.sock"),
            "--",
            "--no-huge", "-m", "128", "--no-pci", "--no-shconf", "--no-telemetry",
        ]  # fmt: skip
        self.dataplane = self._start("dataplane", command)
        self._wait("dataplane", self.dataplane, lambda: os.path.exists(self.path("dataplane.sock")))

    def start_control(self):
        os.makedirs(self.path("control"), exist_ok=True)
        command = [
            self.programs.control,
            "--state-dir", self.path("control"),
            "--dataplane-socket", self.path("dataplane.sock"),
            "--listen", f"unix:{self.socket}",
        ]  # fmt: skip
        self.control = self._start("control", command)

        def ready():
            status = self.run("-o", "json", "pop", "status")
            return status.code == 0 and (
                self.dataplane is None or json.loads(status.out)["dataplane_connected"]
            )

        self._wait("control", self.control, ready)

    def _wait(self, name, process, condition, timeout=30):
        deadline = time.monotonic() + timeout
        while not condition():
            if process.poll() is not None:
                raise Failed(f"{name} ended with {process.returncode}:\n{self.read(name + '.log')}")
            if time.monotonic() > deadline:
                raise Failed(f"{name} is not ready in {timeout} s:\n{self.read(name + '.log')}")
            time.sleep(0.02)

    def restart_dataplane(self, port):
        """With another port; forwards by its last table from the first packet on."""
        if self.dataplane.poll() is None:
            stop(self.dataplane)
        if os.path.exists(self.path("dataplane.sock")):
            os.unlink(self.path("dataplane.sock"))
        self.start_dataplane(port)
        self.wait_until(lambda: self.json("pop", "status")["dataplane_connected"])

    def wait_until(self, condition, timeout=30):
        deadline = time.monotonic() + timeout
        while not condition():
            expect(time.monotonic() < deadline, f"does not happen in {timeout} s")
            time.sleep(0.05)

    def stop_control(self):
        stop(self.control)
        self.control = None

    def close(self):
        for process in (self.control, self.dataplane):
            if process is not None:
                stop(process)
        shutil.rmtree(self.folder)

    # simplonctl.

    def command(self, *arguments):
        return [self.programs.cli, "--server", f"unix:{self.socket}", *arguments]

    def environment(self, **more):
        environment = {k: v for k, v in os.environ.items() if k != "SIMPLON_SERVER"}
        return {**environment, "LC_ALL": "C.UTF-8", **more}

    def run(self, *arguments, stdin="", environment=None, timeout=60):
        command = self.command(*arguments)
        finished = subprocess.run(
            command, input=stdin, capture_output=True, encoding="utf-8", timeout=timeout,
            env=self.environment(**(environment or {})), check=False,
        )  # fmt: skip
        return Result(command, finished)

    def spawn(self, *arguments):
        return Running(self.command(*arguments), self.environment())

    def ok(self, *arguments, out=None, **more):
        """Expects success, and exactly this text if one is given."""
        result = self.run(*arguments, **more)
        expect(result.code == 0, f"expected success\n{result}")
        if out is not None:
            expect_text(result.out, out, result)
        return result.out

    def json(self, *arguments):
        return json.loads(self.ok("-o", "json", *arguments))

    def fails(self, code, *arguments, err=None, out=None, **more):
        """Expects this exit code; `err`: the lines on standard error, each may be a pattern."""
        result = self.run(*arguments, **more)
        expect(result.code == code, f"expected exit code {code}\n{result}")
        if err is not None:
            expect_lines(result.err, [err] if isinstance(err, str) else err, result)
        if out is not None:
            expect_text(result.out, out, result)
        return result

    def apply(self, text=CONFIG):
        self.ok("config", "apply", self.write("pop.txtpb", text))


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def expect(condition, message):
    if not condition:
        raise Failed(message)


def expect_text(actual, expected, context=""):
    expect(actual == expected, f"expected:\n{expected}--- got:\n{actual}--- from: {context}")


def expect_lines(actual, patterns, context=""):
    """Each line matches its regular expression from end to end."""
    lines = actual.splitlines()
    fits = len(lines) == len(patterns) and all(
        re.fullmatch(pattern, line) for pattern, line in zip(patterns, lines)
    )
    expect(fits, "expected lines like:\n" + "\n".join(patterns) + f"\n--- from: {context}")
