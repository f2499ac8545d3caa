// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The tables of simplon.db. Versions only grow; each step to the next one is a script that keeps
// what is there.

#pragma once

#include <absl/status/status.h>

#include "control/store/sqlite.h"

namespace simplon::control {

inline constexpr int kSchemaVersion = 5;

// Brings the file to kSchemaVersion, from nothing or from an older version, in one transaction.
// FAILED_PRECONDITION for a version of the future.
absl::Status migrate_schema(Database& database);

}  // namespace simplon::control
