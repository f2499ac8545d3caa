// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <string>

#include "control/table/build_snapshot.h"

namespace simplon::testing {

// A sealed snapshot of a small PoP whose only interface is on `port`: T101 in slot 1 is static,
// T102 takes beats, T103 AYIYA, T104 either, T105 AYIYA but is disabled. Its addresses are
// 192.0.2.2 and 2001:db8:0:1::2. Throws if that does not compile.
control::SealedSnapshot make_snapshot(uint64_t generation, uint64_t revision,
                                      const std::string& port = "uplink");

}  // namespace simplon::testing
