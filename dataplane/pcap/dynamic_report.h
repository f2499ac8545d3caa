// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What the PoP has learned about dynamic tunnels, as text: one line each, for people and for
// comparison.

#pragma once

#include <string>

#include "dataplane/pcap/offline_pop.h"

namespace simplon::offline {

// "1700000000.000000 moved T3 ayiya 203.0.113.5 port 41000 from 203.0.113.5 port 40000", in the
// order in which the slow path has seen it.
std::string events_report(const OfflinePop& pop);

// "T3 up verified ayiya 203.0.113.5 port 41000 local 192.0.2.1 epoch 1700000000 seen 1700000000",
// by slot, those of which anything is known.
std::string endpoints_report(const OfflinePop& pop);

// "T3 ayiya-bad-signature 2 last 1700000000.010000 from 203.0.113.9 port 4000 length 120 4500...",
// by slot and reason.
std::string errors_report(const OfflinePop& pop);

}  // namespace simplon::offline
