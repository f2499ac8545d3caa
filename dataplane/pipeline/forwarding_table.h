// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <utility>

#include "dataplane/pipeline/link_table.h"
#include "dataplane/pipeline/plain_table.h"
#include "dataplane/table/snapshot_view.h"

namespace simplon {

// What one pointer swap activates: the snapshot, the links it names resolved to the ports of this
// process, and what the plain path has worked out of both.
struct ForwardingTable {
  ForwardingTable(SnapshotView view, const LinkTable& link_table)
      : snapshot(std::move(view)), links(link_table), plain(snapshot, links) {}

  SnapshotView snapshot;
  LinkTable links;
  PlainTable plain;
};

}  // namespace simplon
