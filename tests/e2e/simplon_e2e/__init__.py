# SPDX-License-Identifier: BSD-3-Clause
# Copyright (c) 2026 The Simplon authors
"""Test bed for a Simplon PoP: network namespaces, real kernel hosts, both real processes."""
