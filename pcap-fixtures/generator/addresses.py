# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""What the slot of a tunnel says about its addresses."""


class Addresses:
    """For classes with `slot`, `ttl` and `pool`: the text before the slot in the link pool's addresses."""

    @property
    def near(self):
        """The PoP's end."""
        return f"{self.pool}:{self.slot:x}::1"

    @property
    def client(self):
        return f"{self.pool}:{self.slot:x}::2"

    def link(self, host):
        return f"{self.pool}:{self.slot:x}::{host:x}"

    def routed(self, host):
        return f"{self.pool}:{0x8000 | self.slot:x}::{host:x}"

    @property
    def outer_ttl(self):
        return self.ttl or 64
