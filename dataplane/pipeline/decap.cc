// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <optional>

#include "dataplane/net/ecn.h"
#include "dataplane/pipeline/batch.h"
#include "dataplane/pipeline/gre.h"
#include "dataplane/pipeline/traffic_class.h"
#include "dataplane/pipeline/tunnel_route.h"
#include "dataplane/table/address_rules.h"

namespace simplon {
namespace {

bool same_ipv4(const uint8_t* mapped, Ipv4Address a) {
  return Ipv4Address::from_bytes(mapped + 12) == a;
}

// What a tunnel's packets must come in, from where and to where.
struct Carrier {
  // Halves, because an address just put together of them cannot be copied as a whole without
  // waiting for its stores.
  Carrier(bool encapsulation_fits, bool is_up, const Ipv6Address& address, uint8_t local)
      : fits(encapsulation_fits),
        up(is_up),
        remote_hi(address.hi()),
        remote_lo(address.lo()),
        local_index(local) {}

  bool is_from(const Ipv6Address& source) const {
    return source.hi() == remote_hi && source.lo() == remote_lo;
  }

  bool fits;  // the encapsulation is the tunnel's
  bool up;
  uint64_t remote_hi, remote_lo;
  uint8_t local_index;
};

Carrier carrier_of(const Batch& batch, const Packet& packet, uint32_t owner,
                   const TunnelSlot& slot) {
  const Encapsulation by = packet.encapsulation;
  switch (static_cast<TunnelKind>(slot.kind)) {
    case TunnelKind::kHeartbeat:
    case TunnelKind::kAyiya:
    case TunnelKind::kDynamic: {
      const Endpoint e = endpoint_of(batch.context.runtime, batch.table.snapshot, owner);
      // AYIYA that has proved whose it is does not come here.
      return {by == Encapsulation::kProto41 && e.transport == Transport::kProto41 &&
                  slot.kind != static_cast<uint8_t>(TunnelKind::kAyiya),
              e.up, e.address, e.local_index};
    }
    case TunnelKind::kGre:
      return {by == Encapsulation::kGre, true, Ipv6Address::from_bytes(slot.remote),
              slot.local_index};
    case TunnelKind::kIpv6Tunnel:
      return {packet.outer_ipv6 && (by == Encapsulation::kProto41 || by == Encapsulation::kProto4),
              true, Ipv6Address::from_bytes(slot.remote), slot.local_index};
    default:
      return {by == Encapsulation::kProto41 && !packet.outer_ipv6, true,
              Ipv6Address::from_bytes(slot.remote), slot.local_index};
  }
}

// A source that is nobody's endpoint, and would make two PoPs or the PoP and itself play ping-pong.
bool is_impossible_source(const ForwardingTable& table, const Ipv6Address& source) {
  if (source.is_ipv4_mapped()) {
    const Ipv4Address ipv4 = source.ipv4();
    if (table.links.is_local_ipv4(ipv4) || !is_usable_unicast(ipv4)) return true;
  }
  return table.snapshot.is_refused_endpoint(source);
}

// The key of a tunnel that has one, none of one that has not (RFC 2890 2.1).
bool gre_key_matches(const Packet& packet, const TunnelSlot& slot) {
  const auto key = gre_key(packet.at<uint8_t>(packet.transport));
  if ((slot.flags & kTunnelGreKey) == 0) return !key;
  return key && *key == slot.gre_key;
}

// Why the packet cannot come from the tunnel that owns its inner source (docs/protocols.md §2.5).
// `blamed`: the tunnel's own fault, or that of whoever plays it.
std::optional<DropReason> find_fault(const Batch& batch, const Packet& packet, uint32_t owner,
                                     bool& blamed) {
  const SnapshotView& view = batch.table.snapshot;
  const TunnelSlot& slot = view.slot(owner);
  blamed = false;
  if (slot.kind == static_cast<uint8_t>(TunnelKind::kUnused)) return DropReason::kTunnelUnknown;
  const Ipv6Address source = outer_source(packet);
  const Ipv6Address destination = outer_destination(packet);
  if (!packet.outer_ipv6 && !batch.table.links.is_local_ipv4(destination.ipv4())) {
    return DropReason::kOuterNotLocal;
  }
  blamed = true;
  if ((slot.flags & kTunnelEnabled) == 0) return DropReason::kTunnelDisabled;
  const Carrier carrier = carrier_of(batch, packet, owner, slot);
  if (!carrier.up) return DropReason::kTunnelDown;
  if (!carrier.fits) return DropReason::kEncapsulationMismatch;
  if (!carrier.is_from(source)) {
    blamed = false;
    return is_impossible_source(batch.table, source) ? DropReason::kOuterSourceInvalid
                                                     : DropReason::kOuterSourceMismatch;
  }
  if (Ipv6Address::from_bytes(view.pop().local_addresses[carrier.local_index]) != destination) {
    return DropReason::kOuterDestinationMismatch;
  }
  if (packet.encapsulation == Encapsulation::kGre && !gre_key_matches(packet, slot)) {
    return DropReason::kGreKeyMismatch;
  }
  return std::nullopt;
}

// Everything but 6in4 of a static tunnel that is in order.
[[gnu::noinline]] bool check_carrier(Batch& batch, Packet& packet, uint32_t owner) {
  if (packet.encapsulation == Encapsulation::kAyiya) {
    // The signature told the tunnel; from here it is one like any other.
    if (packet.in_slot == owner) [[likely]] {
      packet.blame = kNoSlot;
      packet.detail = 0;
      return true;
    }
    return drop(batch.context, batch.table, packet, DropReason::kInnerSourceNotDelegated);
  }
  bool blamed = false;
  const auto fault =
      owner == kNoSlot ? DropReason::kTunnelUnknown : find_fault(batch, packet, owner, blamed);
  if (!fault) [[likely]]
    return true;
  if (blamed) packet.blame = owner;
  return drop(batch.context, batch.table, packet, *fault);
}

// The one case worth being quick about, without a look at any other.
bool is_plain_6in4(const Packet& packet, const TunnelSlot& slot, const PopRecord& pop) {
  if (slot.kind != static_cast<uint8_t>(TunnelKind::kProto41) ||
      packet.encapsulation != Encapsulation::kProto41 || packet.outer_ipv6) {
    return false;
  }
  const auto* outer = packet.at<Ipv4Header>(packet.network);
  return same_ipv4(slot.remote, outer->source) &&
         same_ipv4(pop.local_addresses[slot.local_index], outer->destination) &&
         (slot.flags & kTunnelEnabled) != 0;
}

bool verify(Batch& batch, uint8_t index, Packet& packet) {
  if (packet.network == packet.inner) return true;  // native, from the uplink
  const SnapshotView& view = batch.table.snapshot;
  const uint32_t owner = batch.source_slot[index];
  if (owner == kNoSlot || !is_plain_6in4(packet, view.slot(owner), view.pop())) [[unlikely]] {
    if (!check_carrier(batch, packet, owner)) return false;
  }
  packet.in_slot = owner;
  if (batch.source_pool[index].kind == PoolKind::kLink) [[unlikely]] {
    const uint64_t host = packet.at<Ipv6Header>(packet.inner)->source.lo();
    if (host != 2) [[unlikely]] {
      return drop(batch.context, batch.table, packet,
                  host == 1 ? DropReason::kInnerSourceIsPop : DropReason::kInnerSourceNotClient);
    }
  }
  if (static_cast<Ecn>(outer_traffic_class(packet) & 3) == Ecn::kCe &&
      (inner_traffic_class(packet) & 3) == 0) [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kEcnInvalid);
  }
  return true;
}

}  // namespace

void decap(Batch& batch) {
  batch.filter([&batch](uint8_t index, Packet& packet) { return verify(batch, index, packet); });
}

}  // namespace simplon
