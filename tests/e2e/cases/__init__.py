# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Test cases by topic; importing this fills the registry in order."""

from . import forwarding, refusals, counting, restarts, bad_input, api  # noqa: F401
from . import dynamic, kinds, crowds, holes, watching  # noqa: F401
from . import broker, subscriber, original, client_path  # noqa: F401
