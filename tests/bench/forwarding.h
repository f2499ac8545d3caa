// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What a pipeline without ports needs to forward: a table, and gateways whose MAC is known.

#pragma once

#include "dataplane/pipeline/forwarding_table.h"
#include "dataplane/state/neighbor_table.h"
#include "simplon/v1/config.pb.h"

namespace simplon::bench {

// Of a configuration with the one port "wan0". Throws std::runtime_error.
ForwardingTable make_table(const v1::Config& config);

// Both gateways of the benchmarks' configurations, on interface 0.
void set_gateways(NeighborTable& neighbors);

}  // namespace simplon::bench
