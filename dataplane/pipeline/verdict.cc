// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pipeline/batch.h"

namespace simplon {
namespace {

// Protocol 41 that no tunnel wants: the one case for an ICMPv4 error (RFC 4213 3.6), where the PoP
// is configured to send it.
bool matches_no_tunnel(DropReason reason) {
  return reason == DropReason::kTunnelUnknown || reason == DropReason::kOuterSourceMismatch ||
         reason == DropReason::kInnerSourceNotDelegated;
}

bool answer_is_owed(const ForwardingTable& table, const Packet& packet, DropReason reason) {
  if (packet.originated) return false;
  const uint32_t flags = table.snapshot.pop().flags;
  switch (info(reason).answer) {
    case IcmpAnswer::kNone:
      return (flags & kPopIcmpv4ProtocolUnreachable) != 0 && matches_no_tunnel(reason) &&
             packet.encapsulation == Encapsulation::kProto41 && !packet.outer_ipv6;
    case IcmpAnswer::kSourcePolicy:
      return (flags & kPopIcmpv6SourcePolicy) != 0;
    default:
      return true;
  }
}

// On the tunnel's ledger (docs/architecture.md §5.2), if it is known whose the packet is.
void book(WorkerContext& context, const ForwardingTable& table, const Packet& packet) {
  uint32_t slot = packet.blame;
  if (slot == kNoSlot) slot = packet.out_slot;
  if (slot == kNoSlot) slot = packet.in_slot;
  if (slot == kNoSlot || packet.network > packet.length) return;
  context.ledger.book(
      {.slot = slot,
       .incarnation = table.snapshot.slot(slot).incarnation,
       .reason = static_cast<uint8_t>(packet.reason),
       .detail = packet.detail,
       .packet = {packet.at<uint8_t>(packet.network), std::size_t{packet.length} - packet.network}},
      context.time.unix_ns);
}

}  // namespace

[[gnu::cold, gnu::noinline]] bool drop(WorkerContext& context, const ForwardingTable& table,
                                       Packet& packet, DropReason reason) {
  packet.reason = reason;
  if (answer_is_owed(table, packet, reason)) {
    constexpr auto kClass = PuntClass::kIcmpError;
    if (context.punt_budget[std::size_t(kClass)].take(context.now_ns)) {
      packet.verdict = Verdict::kPunt;
      packet.punt_class = kClass;
      return false;
    }
    if (info(reason).answer != IcmpAnswer::kNone) {
      context.counters.add(WorkerCounter::kIcmpv6ErrorsLimited);
    }
  }
  // Whose outer source is it? The slow path finds out, and counts.
  if (reason == DropReason::kOuterSourceMismatch &&
      context.punt_budget[std::size_t(PuntClass::kAttribution)].take(context.now_ns)) {
    packet.verdict = Verdict::kPunt;
    packet.punt_class = PuntClass::kAttribution;
    return false;
  }
  packet.verdict = Verdict::kDrop;
  context.counters.drop(reason);
  book(context, table, packet);
  return false;
}

[[gnu::cold, gnu::noinline]] bool punt(WorkerContext& context, Packet& packet,
                                       PuntClass punt_class) {
  packet.punt_class = punt_class;
  if (context.punt_budget[std::size_t(punt_class)].take(context.now_ns)) {
    packet.verdict = Verdict::kPunt;
    return false;
  }
  packet.verdict = Verdict::kDrop;
  packet.reason =
      punt_class == PuntClass::kUnresolved ? DropReason::kNoNeighbor : DropReason::kPuntPoliced;
  context.counters.drop(packet.reason);
  return false;
}

void count_from_tunnel(WorkerContext& context, const Packet& packet) {
  TunnelCounters& t = context.tunnel_counters[packet.in_slot];
  counter_add(t.in_packets, 1);
  counter_add(t.in_bytes, packet.inner_length);
  context.counters.add(WorkerCounter::kDecapsulated);
}

void count_forwarded(WorkerContext& context, const Packet& packet) {
  if (packet.in_slot != kNoSlot) count_from_tunnel(context, packet);
  if (packet.out_slot != kNoSlot) {
    TunnelCounters& t = context.tunnel_counters[packet.out_slot];
    counter_add(t.out_packets, 1);
    counter_add(t.out_bytes, packet.inner_length);
    context.counters.add(WorkerCounter::kEncapsulated);
    if (packet.in_slot != kNoSlot) context.counters.add(WorkerCounter::kHairpin);
  }
}

}  // namespace simplon
