// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Heartbeats (docs/protocols.md §7): checks, and what a good one changes. Never answered. Slow-path
// thread.

#pragma once

#include "dataplane/net/heartbeat.h"
#include "dataplane/slowpath/exits.h"
#include "dataplane/slowpath/failure_budget.h"
#include "dataplane/slowpath/outer_header.h"
#include "dataplane/slowpath/tunnel_watch.h"

namespace simplon {

class Beats {
 public:
  static constexpr int64_t kMaxSkew = 120;     // seconds, inclusive
  static constexpr int32_t kStrictReplay = 5;  // kTunnelOptionStrictReplay: seconds behind

  // References outlive the object.
  Beats(Exits& exits, TunnelWatch& watch, uint64_t seed)
      : exits_(exits), watch_(watch), budget_(seed) {}

  // A datagram to the heartbeat port, `transport` at its UDP header.
  void handle(const ForwardingTable& table, Packet& packet);

 private:
  struct Sender {
    uint32_t slot;
    const TunnelSlot* tunnel;
    Endpoint known;  // of the tunnel, before this beat
    Endpoint from;   // of this beat
    bool present;    // it comes from where the tunnel ends
  };

  // Which password it was signed with: 0 the current, 1 the one before; -1: none of them.
  static int check_digest(const SnapshotView& view, const TunnelSlot& tunnel, uint32_t slot,
                          const Heartbeat& beat);
  bool is_in_time(Packet& packet, const Heartbeat& beat, const Sender& sender) const;
  // False: dropped.
  bool check_signature(const ForwardingTable& table, Packet& packet, const Heartbeat& beat,
                       Sender& sender);
  void learn(const ForwardingTable& table, Packet& packet, const Heartbeat& beat,
             const Sender& sender);
  void tell(const ForwardingTable& table, TunnelEventKind kind, const Sender& sender);

  Exits& exits_;
  TunnelWatch& watch_;
  FailureBudget budget_;
};

}  // namespace simplon
