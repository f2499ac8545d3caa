// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/tunnel_events.h"

#include <span>

namespace simplon {
namespace {

constexpr std::size_t kReplays = 0;
constexpr std::size_t kRefusals = 1;

std::size_t set_of(uint32_t slot, std::size_t sets) {
  return (slot * 2654435761u >> 16) & (sets - 1);
}

}  // namespace

void TunnelEvents::report(const TunnelEvent& event, uint64_t now_ns) {
  switch (static_cast<TunnelEventKind>(event.kind)) {
    case TunnelEventKind::kMoved:
      move(event, now_ns);
      return;
    case TunnelEventKind::kReplayed:
      gather(event, kReplays, now_ns);
      return;
    case TunnelEventKind::kRefused:
      gather(event, kRefusals, now_ns);
      return;
    case TunnelEventKind::kVerified:
      // One for each move: as silent as those.
      if (const Watched* w = known(event); w != nullptr && w->flapping) return;
      break;
    case TunnelEventKind::kUp:
    case TunnelEventKind::kDown:
    case TunnelEventKind::kFlapping:
    case TunnelEventKind::kSettled:
    case TunnelEventKind::kClockStep:
    case TunnelEventKind::kEpochReset:
      break;
  }
  publish(event);
}

TunnelEvents::Watched* TunnelEvents::known(const TunnelEvent& event) {
  if (watched_.empty()) return nullptr;
  for (Watched& w : std::span(watched_).subspan(set_of(event.slot, kSets) * kWays, kWays)) {
    if (w.used && w.slot == event.slot && w.incarnation == event.incarnation) return &w;
  }
  return nullptr;
}

TunnelEvents::Watched& TunnelEvents::find(const TunnelEvent& event, uint64_t now_ns) {
  if (watched_.empty()) watched_.resize(kSets * kWays);
  if (Watched* w = known(event)) {
    w->heard_ns = now_ns;
    return *w;
  }
  const auto set = std::span(watched_).subspan(set_of(event.slot, kSets) * kWays, kWays);
  Watched* oldest = &set[0];
  for (Watched& w : set) {
    if (!w.used) {
      oldest = &w;
      break;
    }
    if (w.heard_ns < oldest->heard_ns) oldest = &w;
  }
  if (oldest->used) {
    if (oldest->flapping) settle(*oldest);
    for (Gathered& g : oldest->gathered) {
      if (g.pending != 0) tell_gathered(g, now_ns);
    }
  }
  *oldest = {};
  oldest->used = true;
  oldest->slot = event.slot;
  oldest->incarnation = event.incarnation;
  oldest->window_ns = now_ns;
  oldest->heard_ns = now_ns;
  return *oldest;
}

void TunnelEvents::move(const TunnelEvent& event, uint64_t now_ns) {
  Watched& w = find(event, now_ns);
  w.moved_ns = now_ns;
  w.last_move = event;
  if (w.flapping) {
    ++w.moves;
    return;
  }
  if (now_ns - w.window_ns >= kMoveWindow) {
    w.window_ns = now_ns;
    w.moves = 0;
  }
  if (++w.moves <= kMaxMoves) {
    publish(event);
    return;
  }
  TunnelEvent flapping = event;
  flapping.kind = static_cast<uint8_t>(TunnelEventKind::kFlapping);
  flapping.count = w.moves;
  publish(flapping);
  w.flapping = true;
  w.moves = 1;  // this one
  ++waiting_;
}

void TunnelEvents::settle(Watched& w) {
  TunnelEvent settled = w.last_move;
  settled.kind = static_cast<uint8_t>(TunnelEventKind::kSettled);
  settled.count = w.moves;
  publish(settled);
  w.flapping = false;
  w.moves = 0;
  --waiting_;
}

void TunnelEvents::gather(const TunnelEvent& event, std::size_t kind, uint64_t now_ns) {
  Gathered& g = find(event, now_ns).gathered[kind];
  if (g.pending == 0 && (!g.told || now_ns - g.told_ns >= kGatherTime)) {
    g.told = true;
    g.told_ns = now_ns;
    publish(event);
    return;
  }
  if (g.pending == 0) ++waiting_;
  g.pending += event.count;
  g.last = event;
}

void TunnelEvents::tell_gathered(Gathered& g, uint64_t now_ns) {
  TunnelEvent event = g.last;
  event.count = g.pending;
  g.pending = 0;
  g.told_ns = now_ns;
  --waiting_;
  publish(event);
}

void TunnelEvents::tick(uint64_t now_ns) {
  if (waiting_ == 0 || now_ns - swept_ns_ < kSweepInterval) return;
  swept_ns_ = now_ns;
  for (Watched& w : watched_) {
    if (!w.used) continue;
    for (Gathered& g : w.gathered) {
      if (g.pending != 0 && now_ns - g.told_ns >= kGatherTime) tell_gathered(g, now_ns);
    }
    if (w.flapping && now_ns - w.moved_ns >= kCalm) {
      w.window_ns = now_ns;
      settle(w);
    }
  }
}

}  // namespace simplon
