// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <string>

#include "control/table/build_snapshot.h"

namespace simplon::testing {

// A sealed snapshot of a small PoP with one tunnel, T101 in slot 1, whose only interface is on
// `port`. Throws if that does not compile.
control::SealedSnapshot make_snapshot(uint64_t generation, uint64_t revision,
                                      const std::string& port = "uplink");

}  // namespace simplon::testing
