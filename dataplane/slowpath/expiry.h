// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Goes through the whole runtime table at the beginning of each second, a slice each tick
// (docs/protocols.md §7.5): takes tunnels down that have shown no sign of life, and finds endpoints
// that are still to be verified. Slow-path thread.

#pragma once

#include <cstdint>

#include "dataplane/slowpath/exits.h"
#include "dataplane/slowpath/owners.h"
#include "dataplane/slowpath/prober.h"
#include "dataplane/slowpath/tunnel_watch.h"

namespace simplon {

class Expiry {
 public:
  // Signs of life are known to the second, so nothing is overdue that was not when the second
  // began.
  static constexpr uint64_t kPassTime = 150'000'000;

  // References outlive the object.
  Expiry(Exits& exits, TunnelWatch& watch, Prober& prober, Owners& owners)
      : exits_(exits), watch_(watch), prober_(prober), owners_(owners) {}

  void tick(const ForwardingTable& table);

  // Dynamic tunnels that are enabled, as the last whole pass saw them.
  TunnelSummary summary() const { return summary_; }

 private:
  // What the pass hands to `owners_` of all it meets: each slot about once a minute, and all of
  // them in the first pass.
  static constexpr uint32_t kRefreshPasses = 64;

  void look_at(const ForwardingTable& table, uint32_t slot);

  Exits& exits_;
  TunnelWatch& watch_;
  Prober& prober_;
  Owners& owners_;
  uint64_t ticked_ns_ = 0;
  uint32_t next_ = 0;  // slot
  bool passing_ = false;
  uint32_t passed_s_ = ~uint32_t{0};  // second of CLOCK_BOOTTIME the last pass began in
  uint32_t pass_ = 0;
  TunnelSummary summary_;
  TunnelSummary counting_;
};

}  // namespace simplon
