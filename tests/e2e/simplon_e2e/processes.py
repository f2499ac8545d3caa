# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Child processes that never outlive us, and whose output ends in the failure report."""

import ctypes
import os
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1
CLONE_NEWNET = 0x40000000
_libc = ctypes.CDLL(None, use_errno=True)

# Everything started and not yet reaped, in order of start.
_running = []


class CommandFailed(AssertionError):
    """A command ended with an exit code that was not expected."""


def _prepare_child(namespace):
    descriptor = namespace.descriptor if namespace else None

    def prepare():
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if descriptor is not None and _libc.setns(descriptor, CLONE_NEWNET) != 0:
            os._exit(126)

    return prepare


def run_checked(command, namespace=None, check=True, timeout=60, stdin=""):
    """Runs to the end. Returns subprocess.CompletedProcess with text in stdout and stderr."""
    command = [str(word) for word in command]
    result = subprocess.run(
        command,
        input=stdin,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=timeout,
        preexec_fn=_prepare_child(namespace),
        check=False,
    )
    if check and result.returncode != 0:
        place = f" in {namespace.name}" if namespace else ""
        raise CommandFailed(
            f"{' '.join(command)}{place}: exit code {result.returncode}\n"
            f"{result.stdout}{result.stderr}"
        )
    return result


class Process:
    """A long-running process. Its output goes to `log_path` (appended) or nowhere."""

    def __init__(self, command, namespace=None, log_path=None, name=None):
        self.command = [str(word) for word in command]
        self.name = name or os.path.basename(self.command[0])
        self.log_path = log_path
        output = open(log_path, "ab") if log_path else subprocess.DEVNULL
        try:
            self._popen = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C is for the test runner; it stops us in order
                preexec_fn=_prepare_child(namespace),
            )
        finally:
            if log_path:
                output.close()
        _running.append(self)

    @property
    def pid(self):
        return self._popen.pid

    @property
    def running(self):
        return self._popen.poll() is None

    @property
    def returncode(self):
        return self._popen.poll()

    def wait(self, timeout):
        code = self._popen.wait(timeout)
        self._forget()
        return code

    def signal(self, number):
        if self.running:
            self._popen.send_signal(number)

    def kill(self):
        """SIGKILL, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        return self.wait(10)

    def stop(self, timeout=10):
        """SIGTERM, then SIGKILL after `timeout` seconds. Returns the exit code."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} ignored SIGTERM for {timeout} s") from None

    def _forget(self):
        if self in _running:
            _running.remove(self)


def stop_all():
    """Ends everything still running, youngest first. Never raises."""
    for process in reversed(list(_running)):
        process.signal(signal.SIGTERM)
    deadline = time.monotonic() + 5
    for process in reversed(list(_running)):
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()


def wait_until(condition, what, timeout=10.0, interval=0.02):
    """Polls until `condition()` is true and returns its value; AssertionError after `timeout` s."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"after {timeout:g} s still not: {what}")
        time.sleep(interval)
