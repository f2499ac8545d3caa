# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Traffic between namespaces by the kernel's own stack and tools, and what came of it."""

import hashlib
import os
import random
import re
import signal
import socket
import struct
import tempfile
import threading
import time

from .processes import wait_until


# An answer this late still counts as under way when a stream ends.
UNDER_WAY_SECONDS = 0.1
ANSWER_SECONDS = 3
ICMPV6_ECHO_REQUEST = 128
ICMPV6_ECHO_REPLY = 129
ICMPV6_FILTER = 1
IPV6_MTU_DISCOVER = 23
IPV6_PMTUDISC_DO = 2


class Ping:
    """Result of one ping run."""

    def __init__(self, output):
        self.output = output
        match = re.search(r"(\d+) packets transmitted, (\d+) received", output)
        self.sent, self.received = (int(match[1]), int(match[2])) if match else (0, 0)

    def says(self, text):
        return text in self.output


def ping(namespace, target, count=3, size=56, interval=0.05, wait=2, options=()):
    """Runs the ping program, for what it says; the IPv6 packet is 48 bytes larger than `size`."""
    command = ["ping", "-6", "-n", "-c", count, "-s", size, "-i", interval, "-W", wait]
    result = namespace.run([*command, *options, target], check=False, timeout=60 + count)
    return Ping(result.stdout + result.stderr)


def expect_ping(namespace, target, count=3, size=56, interval=0.05, source=None, whole=False):
    """Sends echo requests with `size` bytes of data and fails unless every one is answered.

    The IPv6 packet is 48 bytes larger; whole=True forbids the sender's kernel to fragment it. Not the
    ping program: that waits for the last answers only as long as the ones before took, which a busy
    machine exceeds.
    """
    with namespace.call(_echo_socket) as echo:
        if source:
            echo.bind((source, 0))
        if whole:
            echo.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, IPV6_PMTUDISC_DO)
            echo.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DONTFRAG, 1)
        identifier = random.randrange(1 << 16)
        answered = set()
        for sequence in range(count):
            header = struct.pack("!BBHHH", ICMPV6_ECHO_REQUEST, 0, 0, identifier, sequence)
            try:
                echo.sendto(header + bytes(size), (target, 0))
            except OSError as error:
                raise AssertionError(f"{namespace.name} to {target}: {error}") from error
            _collect_answers(echo, identifier, answered, interval, None)
        _collect_answers(echo, identifier, answered, ANSWER_SECONDS, count)
    missing = sorted(set(range(count)) - answered)
    if missing:
        raise AssertionError(
            f"echo requests of {size} bytes from {namespace.name} to {target}: "
            f"{len(missing)} of {count} not answered: {missing}"
        )


def expect_ipv4_ping(namespace, target):
    """Pings an IPv4 address; fails unless every request is answered."""
    output = namespace.run(
        ["ping", "-n", "-c", 5, "-i", 0.1, "-W", 2, target], check=False
    ).stdout
    assert " 5 received" in output, output


def _echo_socket():
    echo = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    everything_else = [0xFFFFFFFF] * 8
    everything_else[ICMPV6_ECHO_REPLY >> 5] &= ~(1 << (ICMPV6_ECHO_REPLY & 31))
    echo.setsockopt(socket.IPPROTO_ICMPV6, ICMPV6_FILTER, struct.pack("8I", *everything_else))
    return echo


def _collect_answers(echo, identifier, answered, seconds, enough):
    """Adds the sequence numbers answered within `seconds`; ends early at `enough` of them."""
    deadline = time.monotonic() + seconds
    while enough is None or len(answered) < enough:
        left = deadline - time.monotonic()
        if left <= 0:
            return
        echo.settimeout(left)
        try:
            reply = echo.recv(65536)
        except TimeoutError:
            return
        if struct.unpack_from("!H", reply, 4)[0] == identifier:
            answered.add(struct.unpack_from("!H", reply, 6)[0])


def expect_no_answer(namespace, target, saying="", **options):
    """Pings and fails if anything was answered, or `saying` is not in what ping printed."""
    options.setdefault("wait", 1)
    result = ping(namespace, target, **options)
    if result.sent == 0 or result.received != 0 or not result.says(saying):
        raise AssertionError(
            f"ping from {namespace.name} to {target}, expected '{saying}':\n{result.output}"
        )
    return result


class Trace:
    """Result of tracepath: path MTU, hop count, and the addresses of the hops in order."""

    def __init__(self, output):
        self.output = output
        resume = re.search(r"Resume: pmtu (\d+) hops (\d+)", output)
        self.mtu, self.hops = (int(resume[1]), int(resume[2])) if resume else (None, None)
        self.addresses = []
        for line in output.splitlines():
            match = re.match(r"\s*(\d+)\??:\s+([0-9a-f:]+)\s", line)
            if match and match[2] not in self.addresses:
                self.addresses.append(match[2])


def tracepath(namespace, target):
    return Trace(namespace.run(["tracepath", "-6", "-n", "-m", "8", target], timeout=60).stdout)


def cached_path_mtu(namespace, target):
    """The path MTU the namespace's kernel has learned towards the target, or None."""
    match = re.search(r"mtu (\d+)", namespace.ip(f"-6 route get {target}"))
    return int(match[1]) if match else None


def transfer(source, target, address, size, timeout=60):
    """Sends `size` random bytes over TCP from one namespace to `address` in another, and back.

    Fails unless both ends saw the same SHA-256 in both directions. Returns seconds taken.
    """
    payload = os.urandom(size)
    listener = target.call(_listen, address)
    listener.settimeout(timeout)
    client = source.call(socket.socket, socket.AF_INET6, socket.SOCK_STREAM)
    client.settimeout(timeout)
    seen = {}

    def serve():
        try:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(timeout)
                data = _receive_exactly(connection, size)
                seen["server"] = hashlib.sha256(data).digest()
                connection.sendall(data)
        except OSError as error:
            seen["error"] = error

    server = threading.Thread(target=serve, daemon=True)
    server.start()
    begin = time.monotonic()
    try:
        client.connect((address, listener.getsockname()[1]))
        sender = threading.Thread(target=client.sendall, args=(payload,), daemon=True)
        sender.start()
        echoed = _receive_exactly(client, size)
        sender.join()
    except OSError as error:
        raise AssertionError(f"TCP {source.name} -> {address}: {error}") from error
    finally:
        client.close()
        server.join(timeout)
        listener.close()
    seconds = time.monotonic() - begin
    expected = hashlib.sha256(payload).digest()
    if "error" in seen:
        raise AssertionError(f"TCP server in {target.name}: {seen['error']}")
    assert seen["server"] == expected, f"content differs at the server in {target.name}"
    assert hashlib.sha256(echoed).digest() == expected, f"content differs back at {source.name}"
    return seconds


def _listen(address):
    listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    listener.bind((address, 0))
    listener.listen(1)
    return listener


def _receive_exactly(connection, size):
    data = bytearray(size)
    view = memoryview(data)
    received = 0
    while received < size:
        count = connection.recv_into(view[received:], min(size - received, 1 << 18))
        if count == 0:
            raise OSError(f"closed after {received} of {size} bytes")
        received += count
    return bytes(data)


class Stream:
    """A steady stream of echo requests in the background: what a restart does to traffic."""

    def __init__(self, namespace, target, directory, interval=0.01):
        self.interval = interval
        descriptor, self._log_path = tempfile.mkstemp(dir=directory, prefix="stream-")
        os.close(descriptor)
        self._process = namespace.spawn(
            ["ping", "-6", "-n", "-D", "-i", interval, target], log_path=self._log_path
        )

    def stop(self):
        """Ends the stream. Returns self, with what was sent, answered and lost."""
        self._process.signal(signal.SIGINT)
        self._process.wait(10)
        with open(self._log_path, encoding="utf-8") as file:
            output = file.read()
        self.sent = Ping(output).sent
        answers = re.findall(r"^\[([0-9.]+)\] \d+ bytes from .* icmp_seq=(\d+) ", output, re.M)
        times = [float(text) for text, _ in answers]
        answered = {int(text) for _, text in answers}
        self.received = len(answered)
        # The last requests before the end had no time to be answered: under way, not lost.
        tail = self.sent - max(answered, default=0)
        self.under_way = tail if tail * self.interval <= UNDER_WAY_SECONDS else 0
        self.lost = self.sent - self.received - self.under_way
        gaps = [later - earlier for earlier, later in zip(times, times[1:])]
        self.longest_gap = max(gaps, default=float("inf"))
        return self


def wait_for_ping(namespace, target, timeout=10):
    """Waits until the target answers, as after a restart."""
    wait_until(
        lambda: ping(namespace, target, count=1, wait=1).received,
        f"{target} answers {namespace.name}",
        timeout,
    )


class Conversation:
    """A TCP connection that sends random chunks and compares their echo, in the background."""

    CHUNK = 1 << 16

    def __init__(self, source, target, address, timeout=30):
        self.chunks = 0
        self.error = None
        self._stop = threading.Event()
        self._listener = target.call(_listen, address)
        self._listener.settimeout(timeout)
        self._client = source.call(socket.socket, socket.AF_INET6, socket.SOCK_STREAM)
        self._client.settimeout(timeout)
        self._server = threading.Thread(target=self._echo, args=(timeout,), daemon=True)
        self._talker = threading.Thread(target=self._talk, args=(address,), daemon=True)
        self._server.start()
        self._talker.start()

    def _echo(self, timeout):
        try:
            connection, _ = self._listener.accept()
            with connection:
                connection.settimeout(timeout)
                while data := connection.recv(self.CHUNK):
                    connection.sendall(data)
        except OSError as error:
            self.error = self.error or f"server: {error}"

    def _talk(self, address):
        try:
            self._client.connect((address, self._listener.getsockname()[1]))
            while not self._stop.is_set():
                chunk = os.urandom(self.CHUNK)
                self._client.sendall(chunk)
                if _receive_exactly(self._client, len(chunk)) != chunk:
                    raise OSError("the echo differs")
                self.chunks += 1
        except OSError as error:
            self.error = self.error or f"client: {error}"
        finally:
            self._client.close()

    def wait_for_progress(self, timeout=20):
        """Until one more chunk has come back whole."""
        before = self.chunks

        def moved():
            if self.error:
                raise AssertionError(f"TCP broke after {self.chunks} chunks: {self.error}")
            return self.chunks > before

        wait_until(moved, "the TCP connection makes progress", timeout)

    def stop(self):
        """Ends it; fails if anything was lost or changed. Returns bytes carried each way."""
        self._stop.set()
        self._talker.join(30)
        self._server.join(30)
        self._listener.close()
        if self.error:
            raise AssertionError(f"TCP broke after {self.chunks} chunks: {self.error}")
        return self.chunks * self.CHUNK
