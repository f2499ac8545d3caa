// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/net/ecn.h"
#include "dataplane/pipeline/batch.h"
#include "dataplane/table/address_rules.h"

namespace simplon {
namespace {

bool same_ipv4(const uint8_t* mapped, Ipv4Address a) {
  return Ipv4Address::from_bytes(mapped + 12) == a;
}

// The outer header is not that of the tunnel that owns the inner source.
[[gnu::cold, gnu::noinline]] bool refuse_outer(Batch& batch, Packet& packet, bool source_matches) {
  const auto* outer = packet.at<Ipv4Header>(packet.network);
  const LinkTable& links = batch.table.links;
  DropReason reason = DropReason::kOuterDestinationMismatch;
  if (!links.is_local_ipv4(outer->destination)) {
    reason = DropReason::kOuterNotLocal;
  } else if (!source_matches) {
    const bool invalid = links.is_local_ipv4(outer->source) || !is_usable_unicast(outer->source);
    reason = invalid ? DropReason::kOuterSourceInvalid : DropReason::kOuterSourceMismatch;
  }
  return drop(batch.context, batch.table, packet, reason);
}

bool verify(Batch& batch, uint8_t index, Packet& packet) {
  if (packet.network == packet.inner) return true;  // native, from the uplink
  const SnapshotView& view = batch.table.snapshot;
  const uint32_t owner = batch.source_slot[index];
  if (owner == kNoSlot || view.slot(owner).kind != static_cast<uint8_t>(TunnelKind::kProto41))
      [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kTunnelUnknown);
  }
  const TunnelSlot& slot = view.slot(owner);
  if (packet.encapsulation != Encapsulation::kProto41 || packet.outer_ipv6) [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kEncapsulationMismatch);
  }
  const auto* outer = packet.at<Ipv4Header>(packet.network);
  const bool source_matches = same_ipv4(slot.remote, outer->source);
  if (!source_matches ||
      !same_ipv4(view.pop().local_addresses[slot.local_index], outer->destination)) [[unlikely]] {
    return refuse_outer(batch, packet, source_matches);
  }
  packet.in_slot = owner;
  if ((slot.flags & kTunnelEnabled) == 0) [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kTunnelDisabled);
  }
  const auto* inner = packet.at<Ipv6Header>(packet.inner);
  if (batch.source_pool[index].kind == PoolKind::kLink && inner->source.lo() != 2) [[unlikely]] {
    return drop(batch.context, batch.table, packet,
                inner->source.lo() == 1 ? DropReason::kInnerSourceIsPop
                                        : DropReason::kInnerSourceNotClient);
  }
  const auto outer_ecn = static_cast<Ecn>(outer->tos & 3);
  if (outer_ecn == Ecn::kCe && (inner->traffic_class() & 3) == 0) [[unlikely]] {
    return drop(batch.context, batch.table, packet, DropReason::kEcnInvalid);
  }
  return true;
}

}  // namespace

void decap_proto41(Batch& batch) {
  batch.filter([&batch](uint8_t index, Packet& packet) { return verify(batch, index, packet); });
}

}  // namespace simplon
