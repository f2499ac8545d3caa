// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Inner IPv4 (docs/protocols.md §11.3): the rules of route.cc with the addresses of IPv4.

#include "dataplane/pipeline/batch.h"
#include "dataplane/table/address_rules.h"

namespace simplon {
namespace {

// RFC 3927 2.7: never forwarded.
bool is_ipv4_link_local(Ipv4Address a) {
  return a.bytes[0] == 169 && a.bytes[1] == 254;
}

// From the uplink. False: dropped.
bool check_ipv4_uplink_source(Batch& batch, std::size_t index, Packet& packet) {
  const Ipv4Address source = packet.at<Ipv4Header>(packet.inner)->source;
  if (batch.source_pool[index].hit() || batch.table.links.is_local_ipv4(source)) [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kTunnelSourceFromUplink);
  }
  if (!is_usable_unicast(source)) [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kSourceInvalid);
  }
  if (is_ipv4_link_local(source)) [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kLinkLocalTransit);
  }
  return true;
}

// From a tunnel to an address outside every pool. The PoP's own addresses are tunnel ends: nobody
// may nest a tunnel in a tunnel of the same PoP.
bool check_ipv4_outbound(Batch& batch, Packet& packet) {
  const Ipv4Address destination = packet.at<Ipv4Header>(packet.inner)->destination;
  DropReason reason = DropReason::kDestinationInvalid;
  if (destination.is_multicast()) {
    reason = DropReason::kMulticast;
  } else if (is_ipv4_link_local(destination)) {
    reason = DropReason::kLinkLocalTransit;
  } else if (is_usable_unicast(destination) && !batch.table.links.is_local_ipv4(destination))
      [[likely]] {
    const NextHop next_hop = batch.table.links.route_ipv4(destination);
    if (next_hop.interface == kNoInterfaceIndex || next_hop.gateway) return true;
    const LinkInterface& link = batch.table.links.interfaces()[next_hop.interface];
    if (!is_broadcast_or_network(destination, link.ipv4_length)) return true;
  }
  return drop(batch.context, batch.table, packet, reason);
}

// Into a tunnel: which one, and does it take IPv4.
bool check_ipv4_tunnel(Batch& batch, std::size_t index, Packet& packet) {
  const SnapshotView& view = batch.table.snapshot;
  const uint32_t to = batch.destination_slot[index];
  if (to == kNoSlot || view.slot(to).kind == static_cast<uint8_t>(TunnelKind::kUnused))
      [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kNoSuchEndpoint);
  }
  packet.out_slot = to;
  DropReason reason = DropReason::kSameInOut;
  if (to != packet.in_slot) [[likely]] {
    const TunnelSlot& slot = view.slot(to);
    if ((slot.flags & kTunnelEnabled) == 0) {
      reason = DropReason::kDestinationDisabled;
    } else if (slot.kind == static_cast<uint8_t>(TunnelKind::kProto41)) {
      reason = DropReason::kEncapsulationUnsupported;
    } else {
      return check_way(batch, index);
    }
  }
  return drop(batch.context, batch.table, packet, reason);
}

}  // namespace

[[gnu::noinline]] bool route_inner_ipv4(Batch& batch, std::size_t index) {
  Packet& packet = batch.packets[index];
  const bool from_uplink = packet.in_slot == kNoSlot && !packet.originated;
  if (from_uplink && !check_ipv4_uplink_source(batch, index, packet)) return false;
  const bool into_tunnel = batch.destination_pool[index].hit();
  if (into_tunnel ? !check_ipv4_tunnel(batch, index, packet)
                  : !packet.originated && !check_ipv4_outbound(batch, packet)) {
    return false;
  }
  const auto* ip = packet.at<Ipv4Header>(packet.inner);
  if (!packet.originated && ip->ttl <= 1) [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kHopLimitExceeded);
  }
  if (!into_tunnel) return true;
  // What may be cut is, once it is on its way.
  const bool whole = (ip->flags_fragment.value() & kIpv4DontFragment) != 0 || packet.originated;
  if (packet.inner_length > batch.way(index).mtu && whole) [[unlikely]] {
    return drop(batch.context, batch.table, packet,
                packet.originated ? DropReason::kReplyTooBig : DropReason::kPacketTooBig);
  }
  return admit(batch, index);
}

}  // namespace simplon
