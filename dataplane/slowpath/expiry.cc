// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/expiry.h"

#include <algorithm>

namespace simplon {

void Expiry::tick(const ForwardingTable& table) {
  const RuntimeTable& runtime = exits_.context().runtime;
  const uint32_t slots = std::min(table.snapshot.slot_capacity(), runtime.capacity());
  if (slots == 0) return;
  const uint64_t now = exits_.now();
  const uint64_t elapsed = std::min(now - std::min(ticked_ns_, now), kPassTime);
  ticked_ns_ = now;
  const uint32_t second = exits_.context().time.boot_s;
  if (!passing_) {
    if (second == passed_s_) return;
    passing_ = true;
    passed_s_ = second;
  }
  // A new table does not begin a new pass: published often, it would never reach the end.
  if (next_ >= slots) next_ = 0;
  // One more than the share of the time gone by, so that rounding never makes a pass longer.
  const auto share = static_cast<uint32_t>(slots * elapsed / kPassTime + 1);
  for (uint32_t n = std::min(share, slots); n > 0; --n) {
    constexpr uint32_t kAhead = 16;
    const uint32_t ahead = std::min(next_ + kAhead, slots - 1);
    runtime.prefetch(ahead);
    __builtin_prefetch(table.snapshot.slots() + ahead);
    look_at(table, next_);
    if (++next_ < slots) continue;
    next_ = 0;
    ++pass_;
    summary_ = counting_;
    counting_ = {};
    passing_ = false;
    return;
  }
}

void Expiry::look_at(const ForwardingTable& table, uint32_t slot) {
  const TunnelSlot& tunnel = table.snapshot.slot(slot);
  if (!is_dynamic(static_cast<TunnelKind>(tunnel.kind))) return;
  const bool enabled = (tunnel.flags & kTunnelEnabled) != 0;
  WorkerContext& context = exits_.context();
  RuntimeTable& runtime = context.runtime;
  const uint8_t incarnation = tunnel.incarnation;
  const Endpoint endpoint = runtime.load(slot, incarnation);
  if (!endpoint.up) {
    if (enabled) ++counting_.down;
    return;
  }
  // The cheap question first: a record that is not overdue is only read.
  const uint32_t seen = runtime.last_seen_s(slot, incarnation);
  const uint32_t now_s = context.time.boot_s;
  if (now_s > seen && now_s - seen > tunnel.beat_timeout_s &&
      runtime.expire(slot, incarnation, context.time.boot_s, tunnel.beat_timeout_s)) {
    if (enabled) ++counting_.down;
    context.counters.add(WorkerCounter::kTunnelsDown);
    TunnelEvent event = make_tunnel_event(TunnelEventKind::kDown, slot, incarnation, endpoint,
                                          context.time.unix_ns);
    event.count = tunnel.beat_timeout_s;
    watch_.happened(table, event);
    return;
  }
  if (enabled) ++counting_.up;
  if (!endpoint.verified && enabled) {
    ++counting_.unverified;
    prober_.resume(table, slot, incarnation);
  }
  if (pass_ == 0 || (slot + pass_) % kRefreshPasses == 0) {
    owners_.learned(table, slot, endpoint.address);
  }
}

}  // namespace simplon
