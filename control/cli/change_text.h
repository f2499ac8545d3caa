// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <string>

#include "simplon/v1/common.pb.h"

namespace simplon::cli {

// "tunnels/T1: mtu 1480 -> 1280", "tunnels/T2: created, remote 192.0.2.1", "pools/x: deleted".
std::string change_text(const v1::Change& change);

// A line for each change, marked + ~ -, and a last one with the counts.
std::string diff_text(const v1::ConfigDiff& diff);

// "1 created, 0 updated, 2 deleted".
std::string counts_text(const v1::ConfigDiff& diff);

}  // namespace simplon::cli
