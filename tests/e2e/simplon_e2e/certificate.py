# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""The certificate control shows to TIC and HTTPS clients."""

import os

from . import topology
from .processes import run_checked


class Certificate:
    """Signed by itself: the file is also what clients trust."""

    def __init__(self, directory):
        self.file = os.path.join(directory, "certificate.pem")
        self.key_file = os.path.join(directory, "key.pem")
        names = f"DNS:{topology.BROKER_NAME},IP:{topology.BROKER_IPV4},IP:{topology.BROKER_IPV6}"
        run_checked(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
             "-nodes", "-days", "2", "-subj", f"/CN={topology.BROKER_NAME}",
             "-addext", f"subjectAltName={names}", "-keyout", self.key_file, "-out", self.file]
        )  # fmt: skip
