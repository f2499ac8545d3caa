# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""A client of the management console (docs/protocols.md §12)."""

import socket

from .pop import CONSOLE_PORT
from .topology import BROKER_IPV4


class Console:
    """Context manager. `address` is the PoP's; the source decides who may."""

    def __init__(self, namespace, address=BROKER_IPV4):
        self._socket = namespace.call(socket.socket, socket.AF_INET, socket.SOCK_STREAM)
        self._socket.settimeout(60)
        self._socket.connect((address, CONSOLE_PORT))
        self._lines = self._socket.makefile("r", encoding="utf-8", newline="\n")
        self.banner = self._line()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._lines.close()
        self._socket.close()

    def say(self, command):
        """(code, [lines]): one line's text, or those the count announces."""
        self._socket.sendall(command.encode() + b"\n")
        return self._reply()

    def ask(self, command):
        code, lines = self.say(command)
        assert code == 200, (command, code, lines)
        return lines

    def push(self, commands):
        """All commands at once; returns the replies."""
        text = "".join(command + "\n" for command in commands).encode()
        replies = []
        self._socket.setblocking(True)
        chunk = 32768
        sent = 0
        # As many as fit what the server buffers for one connection, then read: it need not be endless.
        pending = 0
        while sent < len(text):
            end = text.rfind(b"\n", sent, sent + chunk) + 1
            self._socket.sendall(text[sent:end])
            pending = text[sent:end].count(b"\n")
            sent = end
            replies += [self._reply() for _ in range(pending)]
        return replies

    def _reply(self):
        code, _, text = self._line().partition(" ")
        if code[1:] != "01":
            return int(code), [text]
        lines = [self._line() for _ in range(int(text))]
        return int(self._line().partition(" ")[0]), lines

    def _line(self):
        line = self._lines.readline()
        assert line.endswith("\n"), f"the console closed after {line!r}"
        return line.rstrip("\n")
