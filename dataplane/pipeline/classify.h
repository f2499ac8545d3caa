// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The parts of classification. Each gives the packet a verdict, makes it pending or puts it on a
// list of the batch. Internal to the pipeline.

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
void keep_ipv6(Batch& batch, std::size_t index);
void keep_ipv4(Batch& batch, std::size_t index);

// Bounds and version of the IPv6 packet at `inner`, of which `available` bytes are there. Sets
// inner_length.
enum class InnerCheck : uint8_t { kFine, kShort, kOtherVersion };
InnerCheck check_ipv6(Packet& packet, std::size_t available);

}  // namespace simplon
