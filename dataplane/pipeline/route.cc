// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pipeline/batch.h"

namespace simplon {
namespace {

// Source check of packets from the uplink (BCP 38): nothing out there has an address of ours.
bool check_uplink_source(Batch& batch, uint8_t index, Packet& packet) {
  const Ipv6Address& source = packet.at<Ipv6Header>(packet.inner)->source;
  if (batch.source_pool[index].hit()) [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kTunnelSourceFromUplink);
  }
  // ::/8 holds the unspecified, loopback, compatible and mapped addresses.
  if (source.bytes[0] == 0 || source.bytes[0] >= 0xfe) [[unlikely]] {
    if (source.is_link_local()) {
      return drop(batch.context, batch.table, packet, DropReason::kLinkLocalTransit);
    }
    if (source.is_multicast() || source.is_ipv4_mapped() || source.is_ipv4_compatible()) {
      return drop(batch.context, batch.table, packet, DropReason::kSourceInvalid);
    }
  }
  if (batch.table.links.is_local_ipv6(source)) [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kTunnelSourceFromUplink);
  }
  return true;
}

// A packet from a tunnel that ends at the PoP.
bool to_pop(Batch& batch, Packet& packet) {
  // The PoP does not talk to itself: a forged source made it answer one of its own addresses.
  if (packet.originated) {
    return drop(batch.context, batch.table, packet, DropReason::kDestinationInvalid);
  }
  punt(batch.context, packet, PuntClass::kLocal);
  if (packet.verdict == Verdict::kPunt && packet.in_slot != kNoSlot) {
    count_from_tunnel(batch.context, packet);
  }
  return false;
}

// From a tunnel to an address outside every pool.
bool check_outbound(Batch& batch, Packet& packet) {
  const auto* ip = packet.at<Ipv6Header>(packet.inner);
  const Ipv6Address& destination = ip->destination;
  const LinkTable& links = batch.table.links;
  if (destination.bytes[0] == 0 || destination.bytes[0] >= 0xfe) [[unlikely]] {
    if (destination.is_link_local()) return to_pop(batch, packet);
    if (destination.is_multicast()) {
      if (is_our_group(destination) && ip->next_header == kProtocolIcmpv6)
        return to_pop(batch, packet);
      return drop(batch.context, batch.table, packet, DropReason::kMulticast);
    }
    if (destination.is_ipv4_compatible() || destination.is_ipv4_mapped()) {
      return drop(batch.context, batch.table, packet, DropReason::kDestinationInvalid);
    }
  }
  if (links.is_local_ipv6(destination)) [[unlikely]]
    return to_pop(batch, packet);
  return true;
}

// Into a tunnel: which one, and does it take packets.
bool check_tunnel(Batch& batch, uint8_t index, Packet& packet) {
  const SnapshotView& view = batch.table.snapshot;
  const uint32_t to = batch.destination_slot[index];
  if (to == kNoSlot || view.slot(to).kind == static_cast<uint8_t>(TunnelKind::kUnused))
      [[unlikely]] {
    // The PoP's own address may stand in a pool: `...:ffff::1` in the original address plan.
    if (batch.table.links.is_local_ipv6(packet.at<Ipv6Header>(packet.inner)->destination)) {
      return to_pop(batch, packet);
    }
    return drop(batch.context, batch.table, packet, DropReason::kNoSuchEndpoint);
  }
  packet.out_slot = to;
  if (batch.destination_pool[index].kind == PoolKind::kLink) {
    const uint64_t host = packet.at<Ipv6Header>(packet.inner)->destination.lo();
    if (host != 2) [[unlikely]] {
      // ::1 is the PoP whatever the state of the tunnel.
      if (host == 1) return to_pop(batch, packet);
      return drop(batch.context, batch.table, packet, DropReason::kDestinationNotEndpoint);
    }
  }
  if (to == packet.in_slot) [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kSameInOut);
  }
  if ((view.slot(to).flags & kTunnelEnabled) == 0) [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kDestinationDisabled);
  }
  return true;
}

bool decide(Batch& batch, uint8_t index, Packet& packet) {
  if (packet.inner_ipv4) [[unlikely]]
    return route_inner_ipv4(batch, index);
  const bool from_tunnel = packet.in_slot != kNoSlot;
  if (!from_tunnel && !packet.originated && !check_uplink_source(batch, index, packet)) {
    return false;
  }
  const bool into_tunnel = batch.destination_pool[index].hit();
  if (into_tunnel ? !check_tunnel(batch, index, packet)
                  : !packet.originated && !check_outbound(batch, packet)) {
    return false;
  }
  uint16_t mtu = 0xffff;
  bool plain = true;
  if (into_tunnel) {
    const TunnelSlot& slot = batch.table.snapshot.slot(packet.out_slot);
    mtu = slot.mtu;
    plain = slot.kind == static_cast<uint8_t>(TunnelKind::kProto41);
    if (!plain) [[unlikely]] {
      if (!check_way(batch, index)) return false;
      mtu = batch.way(index).mtu;
    }
  }
  if (!packet.originated && packet.at<Ipv6Header>(packet.inner)->hop_limit <= 1) [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kHopLimitExceeded);
  }
  if (packet.inner_length > mtu) [[unlikely]] {
    return drop(batch.context, batch.table, packet,
                packet.originated ? DropReason::kReplyTooBig : DropReason::kPacketTooBig);
  }
  return plain || admit(batch, index);
}

}  // namespace

void resolve(Batch& batch) {
  const SnapshotView& view = batch.table.snapshot;
  const TunnelCounters* counters = batch.context.tunnel_counters;
  const RuntimeTable& runtime = batch.context.runtime;
  // Only tunnels with a configured remote are in the outer index.
  const bool has_dynamic = view.outer_index().size() != view.tunnel_count();
  const auto fetch = [&](uint32_t slot) {
    // Harmless for kNoSlot: a prefetch never faults.
    __builtin_prefetch(view.slots() + slot);
    __builtin_prefetch(counters + slot, 1);
    if (has_dynamic) runtime.prefetch(slot);
  };
  for (unsigned n = 0; n < batch.count; ++n) {
    const uint8_t index = batch.pending[n];
    batch.source_slot[index] = view.resolve(batch.source_pool[index]);
    batch.destination_slot[index] = view.resolve(batch.destination_pool[index]);
    if (batch.source_slot[index] != kNoSlot) fetch(batch.source_slot[index]);
    if (batch.destination_slot[index] != kNoSlot) fetch(batch.destination_slot[index]);
  }
}

void route(Batch& batch) {
  batch.filter([&batch](uint8_t index, Packet& packet) { return decide(batch, index, packet); });
}

}  // namespace simplon
