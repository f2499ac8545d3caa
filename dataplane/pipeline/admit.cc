// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Packets into tunnels whose way is not that of static 6in4.

#include "dataplane/pipeline/batch.h"
#include "dataplane/pipeline/encapsulation_limit.h"

namespace simplon {
namespace {

// docs/protocols.md §10.5: 1 Mbit/s, and at once what one packet and a ping need.
constexpr uint64_t kUnverifiedNsPerByte = 8'000;
constexpr uint64_t kUnverifiedBurstBytes = 2'048;

bool take_unverified(WorkerContext& context, uint32_t slot, std::size_t bytes) {
  // Packets of one tunnel may come by every worker.
  const uint64_t ns_per_byte = kUnverifiedNsPerByte * context.ipv4_id_stride;
  return context.unverified.take(slot, context.now_ns, bytes * ns_per_byte,
                                 kUnverifiedBurstBytes * ns_per_byte);
}

}  // namespace

bool check_way(Batch& batch, std::size_t index) {
  Packet& packet = batch.packets[index];
  const TunnelRoute& way = batch.find_way(index);
  DropReason reason = DropReason::kNoRoute;
  if (!way.endpoint.up) [[unlikely]] {
    reason = DropReason::kDestinationDown;
  } else if (packet.inner_ipv4 &&
             !carries_ipv4(batch.table.snapshot.slot(packet.out_slot), way.endpoint)) [[unlikely]] {
    reason = DropReason::kEncapsulationUnsupported;
  } else if (way.next_hop.interface != kNoInterfaceIndex) [[likely]] {
    return true;
  }
  return drop(batch.context, batch.table, packet, reason);
}

bool admit(Batch& batch, std::size_t index) {
  Packet& packet = batch.packets[index];
  const TunnelRoute& way = batch.way(index);
  const bool in_ipv6 =
      !way.endpoint.address.is_ipv4_mapped() && way.endpoint.transport == Transport::kProto41;
  if (in_ipv6 && !packet.inner_ipv4) {
    const auto limit = find_encapsulation_limit(packet);
    if (limit && limit->value == 0) [[unlikely]] {
      packet.detail = static_cast<int32_t>(limit->offset);
      return drop(batch.context, batch.table, packet, DropReason::kEncapsulationLimit);
    }
  }
  if (!way.endpoint.verified && !packet.originated) [[unlikely]] {
    const std::size_t bytes = std::size_t{packet.inner_length} + way.overhead;
    if (!take_unverified(batch.context, packet.out_slot, bytes)) {
      return drop(batch.context, batch.table, packet, DropReason::kUnverifiedLimited);
    }
  }
  return true;
}

}  // namespace simplon
