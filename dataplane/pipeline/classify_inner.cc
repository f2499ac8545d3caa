// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Packets that came in a carrier: their bounds, and the pools of their addresses.

#include "dataplane/net/checksum.h"
#include "dataplane/pipeline/classify.h"
#include "dataplane/pipeline/ipv4_options.h"
#include "dataplane/table/address_rules.h"

namespace simplon {
namespace {

// Inner sources no pool owns. Link-local and unspecified ones are legitimate in neighbour discovery
// with the PoP; the slow path finds their tunnel by the outer addresses, where `in_slot` does not
// tell.
[[gnu::cold, gnu::noinline]] void classify_ownerless(Batch& batch, Packet& packet) {
  const auto* ip = packet.at<Ipv6Header>(packet.inner);
  const Ipv6Address& source = ip->source;
  const Ipv6Address& destination = ip->destination;
  WorkerContext& context = batch.context;
  const bool to_pop = destination.is_link_local() || is_our_group(destination) ||
                      (batch.table.snapshot.lookup(destination.hi()).kind == PoolKind::kLink &&
                       destination.lo() == 1);
  if (source.is_link_local()) {
    if (to_pop && ip->next_header == kProtocolIcmpv6) {
      punt(context, packet, PuntClass::kLocal);
    } else {
      drop(context, batch.table, packet,
           destination.is_multicast() ? DropReason::kMulticast : DropReason::kLinkLocalTransit);
    }
  } else if (source.is_unspecified() && is_our_group(destination) &&
             is_neighbor_discovery(packet)) {
    punt(context, packet, PuntClass::kLocal);
  } else if (source.is_multicast() || source.is_ipv4_mapped() || source.is_ipv4_compatible()) {
    drop(context, batch.table, packet, DropReason::kInnerSourceInvalid);
  } else {
    drop(context, batch.table, packet, DropReason::kInnerSourceNotDelegated);
  }
}

[[gnu::cold, gnu::noinline]] void refuse_inner_ipv4(Batch& batch, Packet& packet,
                                                    std::size_t available) {
  const bool other = available > 0 && *packet.at<uint8_t>(packet.inner) >> 4 != 4;
  drop(batch.context, batch.table, packet,
       other ? DropReason::kInnerNotIpv4 : DropReason::kInnerMalformed);
}

}  // namespace

bool is_neighbor_discovery(const Packet& packet) {
  const auto* ip = packet.at<Ipv6Header>(packet.inner);
  if (ip->next_header != kProtocolIcmpv6 || packet.inner_length <= sizeof(Ipv6Header)) return false;
  const uint8_t type = *packet.at<uint8_t>(packet.inner + sizeof(Ipv6Header));
  return type >= kIcmpv6RouterSolicitation && type <= kIcmpv6Redirect;
}

void keep_ipv4(Batch& batch, std::size_t index) {
  const SnapshotView& view = batch.table.snapshot;
  Packet& packet = batch.packets[index];
  const auto* ip = packet.at<Ipv4Header>(packet.inner);
  packet.inner_ipv4 = true;
  batch.source_pool[index] = view.lookup(ip->source);
  batch.destination_pool[index] = view.lookup(ip->destination);
  view.prefetch(batch.source_pool[index]);
  view.prefetch(batch.destination_pool[index]);
  batch.add_pending(index);
}

void classify_inner_ipv6(Batch& batch, std::size_t index, std::size_t available) {
  Packet& packet = batch.packets[index];
  const InnerCheck found = check_ipv6(packet, available);
  if (found != InnerCheck::kFine) [[unlikely]] {
    drop(batch.context, batch.table, packet,
         found == InnerCheck::kShort ? DropReason::kInnerMalformed : DropReason::kInnerNotIpv6);
    return;
  }
  keep_ipv6(batch, index);
  if (!batch.source_pool[index].hit()) [[unlikely]] {
    --batch.count;
    classify_ownerless(batch, packet);
  }
}

void classify_inner_ipv4(Batch& batch, std::size_t index, std::size_t available) {
  Packet& packet = batch.packets[index];
  const auto* ip = packet.at<Ipv4Header>(packet.inner);
  packet.inner_ipv4 = true;
  if (available < sizeof(Ipv4Header) || ip->version() != 4) [[unlikely]] {
    refuse_inner_ipv4(batch, packet, available);
    return;
  }
  const std::size_t header = ip->header_length();
  const std::size_t total = ip->total_length.value();
  WorkerContext& context = batch.context;
  if (header < sizeof(Ipv4Header) || total < header || total > available) [[unlikely]] {
    drop(context, batch.table, packet, DropReason::kInnerMalformed);
    return;
  }
  const std::span<const uint8_t> bytes(packet.at<uint8_t>(packet.inner), header);
  if (!ipv4_header_valid(bytes)) [[unlikely]] {
    drop(context, batch.table, packet, DropReason::kInnerBadChecksum);
    return;
  }
  const Ipv4Options options = check_ipv4_options(bytes.subspan(sizeof(Ipv4Header)));
  if (options != Ipv4Options::kFine) [[unlikely]] {
    drop(context, batch.table, packet,
         options == Ipv4Options::kSourceRoute ? DropReason::kInnerSourceRoute
                                              : DropReason::kInnerMalformed);
    return;
  }
  packet.inner_length = static_cast<uint16_t>(total);
  if (!batch.ipv4_is_routed) [[unlikely]] {
    drop(context, batch.table, packet, DropReason::kIpv4NotEnabled);
    return;
  }
  keep_ipv4(batch, index);
  if (!batch.source_pool[index].hit()) [[unlikely]] {
    --batch.count;
    drop(context, batch.table, packet,
         is_usable_unicast(ip->source) ? DropReason::kInnerSourceNotDelegated
                                       : DropReason::kInnerSourceInvalid);
  }
}

void classify_native_ipv4(Batch& batch, std::size_t index, std::size_t total) {
  Packet& packet = batch.packets[index];
  const bool framed = packet.network >= sizeof(EthernetHeader);
  if (framed && (packet.at<EthernetHeader>(0)->destination[0] & 1) != 0) [[unlikely]] {
    // RFC 1812 5.3.4: a broadcast of the link is not for forwarding.
    drop(batch.context, batch.table, packet, DropReason::kFrameNotForUs);
    return;
  }
  packet.inner = packet.network;
  packet.inner_length = static_cast<uint16_t>(total);
  keep_ipv4(batch, index);
  if (!batch.destination_pool[index].hit()) [[unlikely]] {
    --batch.count;
    packet.inner_ipv4 = false;
    drop(batch.context, batch.table, packet, DropReason::kOuterNotLocal);
  }
}

}  // namespace simplon
