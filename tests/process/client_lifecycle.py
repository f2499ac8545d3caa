#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""simplon-client's commands with a TIC server that answers as it is told. Needs no privileges, so no tunnel
ever comes up here: that is for the end-to-end tests.

  client_lifecycle.py PROGRAM
"""

import hashlib
import json
import os
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
import time

PASSWORD, CHALLENGE = "tic-secret-5519", "88b3b6fb9d35d11abb06c59524f90b5b"
TUNNEL_PASSWORD = "f3d47c2de40fb698e1ab15d757a09bfc"


def response(password):
    inner = hashlib.md5(password.encode()).hexdigest()
    return hashlib.md5((CHALLENGE + inner).encode()).hexdigest()


class Tic(socketserver.ThreadingTCPServer):
    """In clear text only. What it says is changed by the tests."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Session)
        self.sessions = 0
        self.tunnels = ["T1"]
        self.refusal = None  # of any login
        self.user_state = "disabled"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def answer(self, line):
        words = line.split(" ")
        if words[0] == "authenticate":
            if self.refusal:
                return self.refusal
            return "200 in" if words[2] == response(PASSWORD) else "400 Login failed"
        if line == "tunnel list":
            rows = [f"{t} 2001:db8::2 heartbeat pop1" for t in self.tunnels]
            return "\n".join(["201 list", *rows, "202 done"])
        if words[:2] == ["tunnel", "show"]:
            return "\n".join([
                "201 here", f"TunnelId: {words[2]}", "Type: 6in4-heartbeat", "IPv6 Endpoint: 2001:db8::2",
                "IPv6 POP: 2001:db8::1", "IPv4 Endpoint: heartbeat", "IPv4 POP: 192.0.2.1",
                f"UserState: {self.user_state}", "AdminState: enabled", f"Password: {TUNNEL_PASSWORD}",
                "202 done"])  # fmt: skip
        return {"get": f"200 {int(time.time())}", "starttls": "400 no TLS",
                "challenge": f"200 {CHALLENGE}"}.get(words[0], "200 ok")  # fmt: skip


class Session(socketserver.StreamRequestHandler):
    def handle(self):
        self.server.sessions += 1
        self.wfile.write(b"200 hello\n")
        for line in self.rfile:
            text = line.decode().rstrip("\r\n")
            if text.startswith("QUIT"):
                return
            self.wfile.write((self.server.answer(text) + "\n").encode())


class Bed:
    def __init__(self, program, folder):
        self.program = os.path.abspath(program)
        self.tic = Tic()
        self.state = os.path.join(folder, "state")
        self.config = os.path.join(folder, "simplon-client.conf")
        self.pid_file = os.path.join(folder, "pid")
        self.configure()

    def configure(self, password=PASSWORD, extra=""):
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(f"username = u\npassword = {password}\ntls = opportunistic\n{extra}"
                      f"server = 127.0.0.1:{self.tic.server_address[1]}\n"
                      f"state_directory = {self.state}\npid_file = {self.pid_file}\n")  # fmt: skip
        os.chmod(self.config, 0o600)

    def command(self, *words):
        return [self.program, "--config", self.config, *words]

    def run(self, *words):
        return subprocess.run(self.command(*words), capture_output=True, text=True, timeout=60,
                              stdin=subprocess.DEVNULL, check=False)  # fmt: skip

    def start(self):
        process = subprocess.Popen(self.command("start"), stderr=subprocess.PIPE, text=True)
        self.until(lambda: self.status().get("state") == "waiting", "it waits")
        return process

    def status(self):
        out = self.run("status", "--json").stdout
        return json.loads(out) if out else {}

    @staticmethod
    def until(condition, what):
        for _ in range(600):
            if condition():
                return
            time.sleep(0.02)
        raise AssertionError(f"not within 12 s: {what}")


def a_login_that_is_refused_ends_it(bed):
    bed.configure(password="wrong")
    result = bed.run("start")
    assert result.returncode == 4 and "Login failed" in result.stderr, result
    assert "check username and password" in result.stderr
    assert bed.run("tunnels").returncode == 4
    assert bed.run("start", "--daemon").returncode == 4
    assert bed.tic.sessions == 3, "it tried again"


def several_tunnels_are_listed_and_one_is_to_be_named(bed):
    bed.tic.tunnels = ["T1", "T22"]
    result = bed.run("start")
    assert result.returncode == 2 and "T1 T22" in result.stderr, result
    result = bed.run("tunnels", "--json")
    assert [t["id"] for t in json.loads(result.stdout)] == ["T1", "T22"]
    assert "T22" in bed.run("tunnels").stdout


def a_client_that_waits_is_seen_and_stopped(bed):
    process = bed.start()
    status = bed.status()
    assert status["running"] and not status["healthy"] and status["pid"] == process.pid, status
    assert "disabled" in status["detail"] and status["next_try"] > time.time() + 500, status
    assert bed.run("status").returncode == 1
    with open(bed.pid_file, encoding="ascii") as pid_file:
        assert int(pid_file.read()) == process.pid
    second = bed.run("start")
    assert second.returncode == 1 and str(process.pid) in second.stderr, second
    everything = ""
    for name in os.listdir(bed.state):
        with open(os.path.join(bed.state, name), encoding="utf-8") as source:
            everything += source.read()
    stopped = bed.run("stop")
    assert stopped.returncode == 0 and str(process.pid) in stopped.stdout, stopped
    assert process.wait(10) == 0
    everything += process.stderr.read()
    assert PASSWORD not in everything and TUNNEL_PASSWORD not in everything
    assert not os.path.exists(bed.pid_file) and os.listdir(bed.state) == ["lock"]
    assert bed.run("stop").returncode == 3 and bed.run("status").returncode == 3
    assert bed.status() == {"running": False}


def an_announced_wait_is_kept(bed):
    bed.tic.refusal = "400 Too many failed logins: wait 77 seconds, then try again"
    process = bed.start()
    wait = bed.status()["next_try"] - time.time()
    assert 70 < wait < 78, wait
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def a_hangup_reads_the_settings_and_asks_again(bed):
    process = bed.start()
    sessions = bed.tic.sessions
    bed.configure(extra="nonsense = 1\n")
    process.send_signal(signal.SIGHUP)
    bed.until(lambda: bed.tic.sessions == sessions + 1, "TIC is asked with the old settings")
    bed.configure(extra="tunnel = T33\n")
    process.send_signal(signal.SIGHUP)
    bed.until(lambda: "T33" in bed.status().get("detail", ""), "the new settings count")
    process.send_signal(signal.SIGINT)
    assert process.wait(10) == 0
    assert "nonsense" in process.stderr.read()


def in_the_background_it_says_how_it_went_and_leaves(bed):
    result = bed.run("start", "--daemon")
    assert result.returncode == 0 and "going on in the background" in result.stdout, result
    pid = bed.status()["pid"]
    assert os.getpgid(pid) != os.getpgid(0)
    assert os.readlink(f"/proc/{pid}/fd/0") == "/dev/null"
    assert bed.run("stop").returncode == 0


def a_client_that_is_killed_leaves_no_lock(bed):
    process = bed.start()
    process.kill()
    process.wait(10)
    assert bed.run("status").returncode == 3
    again = bed.start()
    assert bed.run("stop").returncode == 0
    again.wait(10)


def autotest_goes_as_far_as_it_can(bed):
    result = bed.run("autotest")
    assert result.returncode == 1, result
    lines = [line.split()[:2] for line in result.stdout.splitlines() if not line.startswith(" ")]
    assert lines == [
        ["OK", "settings"], ["WARN", "settings"], ["OK", "name"], ["OK", "server"], ["OK", "TIC"],
        ["OK", "clock"], ["WARN", "encryption"], ["OK", "login"], ["FAIL", "tunnel"], ["SKIP", "address"],
        ["SKIP", "outside"], ["SKIP", "device"], ["SKIP", "PoP"], ["SKIP", "beyond"], ["SKIP", "MTU"],
    ], result.stdout  # fmt: skip
    bed.configure(extra="colour = blue\n")
    result = bed.run("test")
    assert result.returncode == 2 and result.stdout.startswith("FAIL  settings"), result


def usage_and_settings_errors_are_told_apart_from_failures(bed):
    assert bed.run("begin").returncode == 2
    assert bed.run("start", "T1", "T2").returncode == 2
    assert bed.run("start", "T1 T2").returncode == 2
    assert bed.run("start", "--daemon", "--foreground").returncode == 2
    assert bed.run("version").stdout.startswith("simplon-client ")
    assert bed.run("advertise").returncode == 2
    bed.configure(extra="subnets = 2001:db8:8001::/48\n")
    assert "prefix 2001:db8:8001::/64" in bed.run("advertise").stdout
    os.remove(bed.config)
    assert bed.run("start").returncode == 2


CASES = [
    a_login_that_is_refused_ends_it,
    several_tunnels_are_listed_and_one_is_to_be_named,
    a_client_that_waits_is_seen_and_stopped,
    an_announced_wait_is_kept,
    a_hangup_reads_the_settings_and_asks_again,
    in_the_background_it_says_how_it_went_and_leaves,
    a_client_that_is_killed_leaves_no_lock,
    autotest_goes_as_far_as_it_can,
    usage_and_settings_errors_are_told_apart_from_failures,
]


def main():
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            bed = Bed(sys.argv[1], folder)
            try:
                case(bed)
            finally:
                bed.run("stop")
                bed.tic.shutdown()
                bed.tic.server_close()
        print("ok", case.__name__.replace("_", " "))
    print(len(CASES), "cases")


if __name__ == "__main__":
    main()
