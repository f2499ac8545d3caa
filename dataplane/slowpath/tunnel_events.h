// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What is told about dynamic tunnels (docs/protocols.md §10.7): damped, so that a client whose
// address changes with every packet, or a flood of replays, is a few events and not a flood of
// them. Memory is fixed. Slow-path thread.

#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/state/event_sink.h"

namespace simplon {

class TunnelEvents {
 public:
  static constexpr uint64_t kSecond = 1'000'000'000;
  // More moves than this within the window are flapping.
  static constexpr uint32_t kMaxMoves = 10;
  static constexpr uint64_t kMoveWindow = 60 * kSecond;
  // As long without a move, and it has settled.
  static constexpr uint64_t kCalm = 60 * kSecond;
  // Replays and refusals of one tunnel are put together for as long.
  static constexpr uint64_t kGatherTime = kSecond;
  static constexpr uint64_t kSweepInterval = kSecond / 10;

  // `sink`: outlives the object; null: nobody is told.
  explicit TunnelEvents(EventSink* sink) : sink_(sink) {}

  void report(const TunnelEvent& event, uint64_t now_ns);
  void tick(uint64_t now_ns);

 private:
  // Tunnels remembered at once. The one of a set unheard of for longest makes room.
  static constexpr std::size_t kWays = 4;
  static constexpr std::size_t kSets = 1024;

  struct Gathered {
    bool told = false;
    uint64_t told_ns = 0;
    uint32_t pending = 0;
    TunnelEvent last{};
  };

  struct Watched {
    bool used = false;
    bool flapping = false;
    uint8_t incarnation = 0;
    uint32_t slot = 0;
    uint32_t moves = 0;  // in the window; while it flaps: not reported
    uint64_t window_ns = 0;
    uint64_t moved_ns = 0;
    uint64_t heard_ns = 0;
    TunnelEvent last_move{};
    std::array<Gathered, 2> gathered{};  // replays, refusals
  };

  Watched& find(const TunnelEvent& event, uint64_t now_ns);
  Watched* known(const TunnelEvent& event);
  void move(const TunnelEvent& event, uint64_t now_ns);
  void gather(const TunnelEvent& event, std::size_t kind, uint64_t now_ns);
  void tell_gathered(Gathered& gathered, uint64_t now_ns);
  void settle(Watched& watched);
  void publish(const TunnelEvent& event) {
    if (sink_ != nullptr) sink_->publish(event);
  }

  EventSink* sink_;
  std::vector<Watched> watched_;  // kSets sets, once there is something to watch
  uint64_t swept_ns_ = 0;
  std::size_t waiting_ = 0;  // tunnels that flap, and gatherings that are still to be told
};

}  // namespace simplon
