// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The parts of classification; inline what every packet passes. Each gives the packet a verdict,
// makes it pending or puts it on a list of the batch. Internal to the pipeline.

#pragma once

#include "dataplane/pipeline/batch.h"

namespace simplon {

// Native IPv4 whose header has been checked, to an address that is not the PoP's.
void classify_native_ipv4(Batch& batch, std::size_t index, std::size_t total);

// IPv6 with a sane header to a tunnel end of the PoP's. False: no packet of a tunnel, and nothing
// has been done.
bool classify_ipv6_carrier(Batch& batch, std::size_t index);

// What a carrier to the PoP holds: UDP (heartbeat, AYIYA) and GRE at `transport`, of which
// `available` bytes are there by the length of the IP packet.
void classify_udp(Batch& batch, std::size_t index, std::size_t available);
void classify_gre(Batch& batch, std::size_t index, std::size_t available);

bool is_neighbor_discovery(const Packet& packet);

// Looks up the pools of the addresses of the packet at `inner` and makes it pending.
[[gnu::always_inline]] inline void keep_ipv6(Batch& batch, std::size_t index) {
  const SnapshotView& view = batch.table.snapshot;
  const auto* ip = batch.packets[index].at<Ipv6Header>(batch.packets[index].inner);
  batch.source_pool[index] = view.lookup(ip->source.hi());
  batch.destination_pool[index] = view.lookup(ip->destination.hi());
  view.prefetch(batch.source_pool[index]);
  view.prefetch(batch.destination_pool[index]);
  batch.add_pending(index);
}
void keep_ipv4(Batch& batch, std::size_t index);

// Bounds and version of the IPv6 packet at `inner`, of which `available` bytes are there. Sets
// inner_length.
enum class InnerCheck : uint8_t { kFine, kShort, kOtherVersion };
[[gnu::always_inline]] inline InnerCheck check_ipv6(Packet& packet, std::size_t available) {
  if (available < sizeof(Ipv6Header)) [[unlikely]] {
    // The nibble tells the two faults apart where there is one to read.
    const bool other = available > 0 && *packet.at<uint8_t>(packet.inner) >> 4 != 6;
    return other ? InnerCheck::kOtherVersion : InnerCheck::kShort;
  }
  const auto* ip = packet.at<Ipv6Header>(packet.inner);
  if (ip->version() != 6) return InnerCheck::kOtherVersion;
  const std::size_t length = sizeof(Ipv6Header) + ip->payload_length.value();
  if (length > available) return InnerCheck::kShort;
  packet.inner_length = static_cast<uint16_t>(length);
  return InnerCheck::kFine;
}

}  // namespace simplon
