# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""A TIC client that knows the old dialect and nothing else (docs/protocols.md §9.1)."""

import hashlib
import socket

from .pop import TIC_PORT
from .topology import BROKER_IPV4

USUAL_CLIENT = "TIC/draft-00 AICCU/2007.01.15-console-linux Linux/6.1.0"


def md5_hex(text):
    return hashlib.md5(text.encode()).hexdigest()


class Refused(AssertionError):
    """Another answer than the usual client goes on with."""


class OldClient:
    """Context manager: greeted on entry, QUIT on exit. What was said is in `transcript`."""

    def __init__(self, namespace, address=BROKER_IPV4):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._socket = namespace.call(socket.socket, family, socket.SOCK_STREAM)
        self._socket.settimeout(10)
        self._socket.connect((address, TIC_PORT))
        self._lines = self._socket.makefile("r", encoding="ascii", newline="\n")
        self.transcript = []
        self._expect("200")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self._socket.sendall(b"QUIT You Can Go Your Own Way\n")
        except OSError:
            pass  # the server has closed already
        self._lines.close()
        self._socket.close()

    def say(self, line):
        """One answer line, whatever it is."""
        self.transcript.append(f"C {line}")
        self._socket.sendall(line.encode() + b"\n")
        return self._read()

    def ask(self, line):
        """The text behind 200."""
        self.transcript.append(f"C {line}")
        self._socket.sendall(line.encode() + b"\n")
        return self._expect("200")

    def ask_list(self, line):
        """The lines between 201 and 202."""
        self.transcript.append(f"C {line}")
        self._socket.sendall(line.encode() + b"\n")
        self._expect("201")
        lines = []
        while True:
            text = self._read()
            if text.startswith("202"):
                return lines
            lines.append(text)

    def log_in(self, name, secret):
        self.ask(f"client {USUAL_CLIENT}")
        self.ask("get unixtime")
        self.ask(f"username {name}")
        challenge = self.ask("challenge md5")
        self.ask(f"authenticate md5 {md5_hex(challenge + md5_hex(secret))}")

    def tunnel(self, tunnel_id):
        """The fields of `tunnel show`."""
        shown = self.ask_list(f"tunnel show {tunnel_id}")
        return dict(line.split(": ", 1) for line in shown)

    def _read(self):
        line = self._lines.readline()
        if not line.endswith("\n"):
            raise Refused(f"the server closed; so far: {self.transcript}")
        line = line.rstrip("\n")
        self.transcript.append(f"S {line}")
        return line

    def _expect(self, code):
        line = self._read()
        if not line.startswith(code):
            raise Refused(line)
        return line[4:]
