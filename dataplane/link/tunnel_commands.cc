// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/link/tunnel_commands.h"

#include <algorithm>
#include <cstring>
#include <string_view>

#include "dataplane/link/seed.h"
#include "dataplane/table/endpoint_rules.h"

namespace simplon {
namespace {

TunnelCommandDone answer(bool done, std::string_view reason = {}) {
  TunnelCommandDone a{};
  a.done = done ? 1 : 0;
  std::copy_n(reason.data(), std::min(reason.size(), sizeof a.reason - 1), a.reason);
  return a;
}

TunnelEvent event_of(const TunnelCommand& command, TunnelEventKind kind, const Endpoint& place,
                     const BurstTime& time) {
  TunnelEvent event{};
  event.unix_ns = time.unix_ns;
  event.slot = command.slot;
  event.kind = static_cast<uint8_t>(kind);
  event.incarnation = command.incarnation;
  event.transport = static_cast<uint8_t>(place.transport);
  event.port = place.port;
  event.count = 1;
  std::memcpy(event.address, place.address.bytes.data(), sizeof event.address);
  return event;
}

TunnelCommandDone set_endpoint(const TunnelCommand& command, const SnapshotView& table,
                               RuntimeTable& runtime, EventSink& events, const BurstTime& time) {
  const TunnelSlot& slot = table.slot(command.slot);
  const auto kind = static_cast<TunnelKind>(slot.kind);
  if ((slot.flags & kTunnelEnabled) == 0) return answer(false, "the tunnel is disabled");
  if (command.transport > static_cast<uint8_t>(Transport::kAyiya)) {
    return answer(false, "unknown transport");
  }
  Endpoint place;
  place.transport = static_cast<Transport>(command.transport);
  const bool ayiya = place.transport == Transport::kAyiya;
  if (!(ayiya ? takes_ayiya(kind) : takes_beats(kind))) {
    return answer(false, "this kind of tunnel has no such transport");
  }
  if (ayiya != (command.port != 0)) {
    return answer(false, ayiya ? "AYIYA needs a port" : "protocol 41 has no ports");
  }
  place.address = Ipv6Address::from_bytes(command.address);
  place.port = command.port;
  if (!is_possible_endpoint(table, place.address)) {
    return answer(false, "no client can have this address");
  }
  const uint32_t local = find_local_address(table.pop(), command.local_address);
  if (local == kMaxLocalAddresses) return answer(false, "not a local address of the PoP");
  place.local_index = static_cast<uint8_t>(local);
  if (Ipv6Address::from_bytes(command.local_address).is_ipv4_mapped() !=
      place.address.is_ipv4_mapped()) {
    return answer(false, "local address and endpoint are of different families");
  }
  place.up = true;

  const Endpoint before = runtime.load(command.slot, command.incarnation);
  if (!runtime.set(command.slot, command.incarnation, place, time.boot_s)) {
    return answer(false, "a packet moved it just now; try again");
  }
  TunnelEvent event =
      event_of(command, before.up ? TunnelEventKind::kMoved : TunnelEventKind::kUp, place, time);
  if (before.up) {
    event.old_port = before.port;
    std::memcpy(event.old_address, before.address.bytes.data(), sizeof event.old_address);
  }
  events.publish(event);
  return answer(true);
}

}  // namespace

TunnelCommandDone execute(const TunnelCommand& command, const SnapshotView& table,
                          RuntimeTable& runtime, EventSink& events, const BurstTime& time) {
  if (command.slot >= table.slot_capacity() || command.slot >= runtime.capacity() ||
      !is_dynamic(static_cast<TunnelKind>(table.slot(command.slot).kind)) ||
      table.slot(command.slot).incarnation != command.incarnation) {
    return answer(false, "no such dynamic tunnel");
  }
  const auto changed_meanwhile = [] {
    return answer(false, "a packet changed it just now; try again");
  };
  switch (static_cast<TunnelCommandKind>(command.kind)) {
    case TunnelCommandKind::kClearEpoch: {
      const Endpoint place = runtime.load(command.slot, command.incarnation);
      if (!runtime.clear_epoch(command.slot, command.incarnation)) return changed_meanwhile();
      events.publish(event_of(command, TunnelEventKind::kEpochReset, place, time));
      return answer(true);
    }
    case TunnelCommandKind::kTakeDown: {
      const Endpoint place = runtime.load(command.slot, command.incarnation);
      if (!runtime.forget(command.slot, command.incarnation)) return changed_meanwhile();
      if (place.up) events.publish(event_of(command, TunnelEventKind::kDown, place, time));
      return answer(true);
    }
    case TunnelCommandKind::kSetEndpoint:
      return set_endpoint(command, table, runtime, events, time);
  }
  return answer(false, "unknown command");
}

TunnelCommandDone CommandQueue::run(const TunnelCommand& command,
                                    std::chrono::milliseconds deadline) {
  Entry entry;
  entry.command = command;
  std::unique_lock lock(mutex_);
  entry_ = &entry;
  waiting_.store(true, std::memory_order_release);
  answered_.wait_for(lock, deadline, [&] { return entry.done.has_value(); });
  // Begun: it does not take long, and the entry must not go before.
  if (entry.begun) answered_.wait(lock, [&] { return entry.done.has_value(); });
  waiting_.store(false, std::memory_order_relaxed);
  entry_ = nullptr;
  return entry.done.value_or(answer(false, "the slow path does not answer"));
}

void CommandQueue::drain(const Executor& executor) {
  // Pairs with the release in run(); what is missed now is seen the next time.
  if (!waiting_.load(std::memory_order_acquire)) return;
  std::unique_lock lock(mutex_);
  if (entry_ == nullptr || entry_->begun) return;
  entry_->begun = true;
  const TunnelCommand command = entry_->command;
  lock.unlock();
  const TunnelCommandDone done = executor(command);
  lock.lock();
  entry_->done = done;
  answered_.notify_one();
}

}  // namespace simplon
