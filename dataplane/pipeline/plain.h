// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The plain path: 6in4 of static tunnels, and AYIYA, in order in every respect, which is most of
// what a PoP forwards. It takes a whole burst at once and knows no drop, no punt and no error:
// whatever is not exactly what it expects goes untouched through the stages, which decide. For what
// it does take it does to the byte what they would do, which a test compares (docs/testing.md).
//
//   from a tunnel: untagged frame to our MAC, IPv4 without options whole and summed up, protocol 41
//     to and from the ends of the enabled static tunnel that owns the inner source; inner
//     destination behind the IPv6 gateway
//   into a tunnel: untagged frame to our MAC, IPv6 whose source is neither in a pool nor ours and
//     whose destination belongs to an enabled static tunnel that is reached by the IPv4 gateway
//   from AYIYA: the same of UDP to the AYIYA port, summed up where it has a checksum, with the
//     tunnel's signature, from where the tunnel ends now; no sign of life that is news
//   into AYIYA: the same into a tunnel that is up, verified and reached by the IPv4 gateway
//   both: hop limit, MTU and ECN ask for nothing special, the gateway's MAC is known
//
// Internal to the pipeline.

#pragma once

#include <cstdint>
#include <span>

#include "dataplane/pipeline/forwarding_table.h"
#include "dataplane/pipeline/packet.h"
#include "dataplane/pipeline/worker_context.h"

namespace simplon {

// A packet of a burst by its bit.
using PacketSet = uint64_t;
static_assert(kMaxBurst <= 64);

constexpr PacketSet all_of(std::size_t count) {
  return count >= 64 ? ~PacketSet{0} : (PacketSet{1} << count) - 1;
}

// Forwards what is plain, with its counters booked. Returns the others, as they were received.
PacketSet forward_plain(WorkerContext& context, const ForwardingTable& table,
                        std::span<Packet> burst);

// The same for any packets, by all stages.
void forward_by_stages(WorkerContext& context, const ForwardingTable& table,
                       std::span<Packet> burst, PacketSet packets);

}  // namespace simplon
