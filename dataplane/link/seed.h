// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>

#include "dataplane/state/tunnel_runtime.h"
#include "dataplane/table/snapshot_view.h"
#include "proto/link/link_messages.h"

namespace simplon {

// Takes what control's journal knew of endpoints into a runtime table that knows less
// (proto/link/link_messages.h). The descriptor is read as hostile input: a sealed memfd of exactly
// `message.count` records, each checked on its own and refused on its own; if it is no such thing
// all are. `boot_s`: now. Manager thread; the descriptor remains the caller's.
SeedDone take_seed(const Seed& message, int fd, const SnapshotView& table, RuntimeTable& runtime,
                   uint32_t boot_s);

}  // namespace simplon
