// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "dataplane/pcap/offline_pop.h"

namespace simplon::offline {

// One counter a line, "KIND NAME VALUE" or "tunnel T1 NAME VALUE", sorted, those that are not zero.
// Loop counters, which depend on the machine, are left out.
std::string counters_report(const OfflinePop& pop);

// "rx 3 + originated 1 + fragments_made 0 = tx 2 + consumed 1 + drops 1 + held 0"
std::string format(const Conservation& c);

// Says what became of a received frame. The slow path books in counters only: the difference of two
// moments tells what it did.
class Explainer {
 public:
  explicit Explainer(const OfflinePop& pop) : pop_(pop) { remember(); }

  // After a burst of one frame; what was sent since the last call is `sent`.
  std::string explain(const Frame& frame, uint64_t number, const std::string& sent);
  void remember();

 private:
  std::string tunnel_name(uint32_t slot) const;
  std::string verdict(const Fate& fate) const;

  const OfflinePop& pop_;
  std::array<uint64_t, kWorkerCounterCount> counters_{};
  std::array<uint64_t, kDropReasonCount> drops_{};
};

}  // namespace simplon::offline
