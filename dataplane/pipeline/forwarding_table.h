// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include "dataplane/pipeline/link_table.h"
#include "dataplane/table/snapshot_view.h"

namespace simplon {

// What one pointer swap activates: the snapshot, and the links it names resolved to the ports of
// this process.
struct ForwardingTable {
  SnapshotView snapshot;
  LinkTable links;
};

}  // namespace simplon
