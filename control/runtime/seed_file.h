// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// From the journal to what a dataplane without memory is seeded with (proto/link/link_messages.h).
// Thread: any.

#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <optional>
#include <span>

#include "control/runtime/learned_row.h"
#include "control/table/unique_fd.h"
#include "proto/link/link_messages.h"

namespace simplon::control {

// The epoch is raised to what may have been accepted after the row was written: nothing captured in
// that time can be replayed (docs/architecture.md). `interval_s`: how far the journal lags at most.
// Nullopt: the row says nothing worth knowing.
std::optional<SeedRecord> make_seed_record(const LearnedRow& row, int64_t now_unix,
                                           uint32_t interval_s);

// A sealed memfd of them. UNAVAILABLE when memory is short.
absl::StatusOr<UniqueFd> make_seed_file(std::span<const SeedRecord> records);

}  // namespace simplon::control
