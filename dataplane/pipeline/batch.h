// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What the stages hand each other. Internal to the pipeline.

#pragma once

#include <array>
#include <cstdint>
#include <new>
#include <span>

#include "dataplane/pipeline/forwarding_table.h"
#include "dataplane/pipeline/packet.h"
#include "dataplane/pipeline/plain.h"
#include "dataplane/pipeline/tunnel_route.h"
#include "dataplane/pipeline/worker_context.h"

namespace simplon {

struct Batch {
  Batch(WorkerContext& worker, const ForwardingTable& forwarding, std::span<Packet> burst)
      : context(worker), table(forwarding), packets(burst) {
    // Pools are sorted by base, and none of IPv6 begins as low as those of IPv4.
    const auto pools = table.snapshot.pools();
    ipv4_is_routed = !pools.empty() && is_ipv4_pool(pools.front());
  }

  WorkerContext& context;
  const ForwardingTable& table;
  std::span<Packet> packets;
  bool ipv4_is_routed;  // there are IPv4 pools

  // Indexes of the packets that are still to be forwarded; stages remove what they give a verdict.
  unsigned count = 0;
  std::array<uint8_t, kMaxBurst> pending;

  // By packet index, for pending packets: whose are source and destination. In unions, so that a
  // burst does not begin with clearing them.
  union {
    std::array<PoolLookup, kMaxBurst> source_pool;
  };
  union {
    std::array<PoolLookup, kMaxBurst> destination_pool;
  };
  std::array<uint32_t, kMaxBurst> source_slot;       // kNoSlot: nobody's
  std::array<uint32_t, kMaxBurst> destination_slot;  // kNoSlot: nobody's

  // AYIYA packets whose carrier is in order, for ayiya_receive().
  unsigned ayiya_count = 0;
  std::array<uint8_t, kMaxBurst> ayiya;

  // Packets encapsulated in AYIYA but for the signature, for ayiya_sign().
  unsigned unsigned_count = 0;
  std::array<uint8_t, kMaxBurst> unsigned_packets;

  // By packet index, for packets into tunnels of every kind but 6in4 with a configured remote: the
  // way there, looked up once.
  const TunnelRoute& find_way(std::size_t index) {
    const uint32_t slot = packets[index].out_slot;
    return *new (&ways_[index]) TunnelRoute(tunnel_route(context.runtime, table, slot));
  }
  const TunnelRoute& way(std::size_t index) const { return ways_[index]; }

  void add_pending(std::size_t index) { pending[count++] = static_cast<uint8_t>(index); }

  // Keeps those for which `stage(index, packet)` returns true.
  template <typename Stage>
  void filter(Stage stage) {
    unsigned kept = 0;
    for (unsigned n = 0; n < count; ++n) {
      const uint8_t index = pending[n];
      if (stage(index, packets[index])) pending[kept++] = index;
    }
    count = kept;
  }

 private:
  union {
    std::array<TunnelRoute, kMaxBurst> ways_;
  };
};

// Parses link and IP headers of the packets of the set; leaves those to be routed pending, `inner`
// and `inner_length` set, and looks up the pools of their addresses.
void classify(Batch& batch, PacketSet packets);
// The same for one packet whose outer IPv4 header is at `network` (no link header is looked at).
void classify_ipv4(Batch& batch, std::size_t index);
// The same for an outer header of either family.
void classify_outer(Batch& batch, std::size_t index);

// The packet at `inner` that came in a carrier, `available` bytes by the carrier's length, with
// `encapsulation` set and `in_slot` where the carrier has told it: checks its bounds, looks up the
// pools of its addresses and makes it pending, or gives a verdict. Sets `inner_length`,
// `inner_ipv4`.
void classify_inner_ipv6(Batch& batch, std::size_t index, std::size_t available);
void classify_inner_ipv4(Batch& batch, std::size_t index, std::size_t available);

// Takes what classify() put on `ayiya` (docs/protocols.md §8.6): UDP whose length and checksum are
// in order, its header at `transport`, carrier at `network` of the family `outer_ipv6` tells,
// source neither ours nor no host's. Checks the rest, verifies signatures in one batch, learns
// endpoints. What carries a packet becomes pending by classify_inner_ipv6() or
// classify_inner_ipv4(), in_slot and encapsulation set. Signs of life end here as consumed; echo
// requests are turned into signed answers. Empties the list.
void ayiya_receive(Batch& batch);

// Puts the AYIYA headers before the packet at `inner`, outermost at `network`, with checksum and
// signature left for ayiya_sign(); the caller has checked MTU and link. Adds it to
// `unsigned_packets`.
void ayiya_encapsulate(Batch& batch, std::size_t index, const TunnelSlot& slot,
                       const Endpoint& endpoint, uint8_t outer_tos);

// Signs what was encapsulated, in one batch, and puts it on the link.
void ayiya_sign(Batch& batch);

// Pools to slots; starts fetching slots and counters.
void resolve(Batch& batch);

// Checks that packets from tunnels come in the encapsulation and from the endpoint of the tunnel
// that owns their inner source (docs/protocols.md §2.5, RFC 4213 3.6, BCP 38); sets in_slot.
void decap(Batch& batch);

// Source check of packets from the uplink, destination, hop limit, MTU; sets out_slot.
void route(Batch& batch);
// The same for one packet whose inner header is IPv4. For filter().
bool route_inner_ipv4(Batch& batch, std::size_t index);
// Into the tunnel `out_slot`, which is of any kind but 6in4 with a configured remote: is it up,
// does it carry the family? Finds the way. For filter().
bool check_way(Batch& batch, std::size_t index);
// The last that is asked before a packet may take that way. For filter().
bool admit(Batch& batch, std::size_t index);

// Rewrites what is left and puts it on the link.
void write(Batch& batch);

// Addresses of the outermost header, IPv4-mapped for IPv4. Of carriers, where `outer_ipv6` tells
// the family.
inline Ipv6Address outer_source(const Packet& packet) {
  if (packet.outer_ipv6) return packet.at<Ipv6Header>(packet.network)->source;
  return Ipv6Address::from_ipv4(packet.at<Ipv4Header>(packet.network)->source);
}
inline Ipv6Address outer_destination(const Packet& packet) {
  if (packet.outer_ipv6) return packet.at<Ipv6Header>(packet.network)->destination;
  return Ipv6Address::from_ipv4(packet.at<Ipv4Header>(packet.network)->destination);
}

// ff02::1 or a solicited-node address ff02::1:ffXX:XXXX: the groups the PoP is in.
inline bool is_our_group(const Ipv6Address& a) {
  return a.hi() == 0xff02'0000'0000'0000 && (a.lo() == 1 || a.lo() >> 24 == 0x1ff);
}

// ---- Verdicts.

// Counts the drop; where an ICMPv6 error is owed the packet goes to the slow path instead, which
// counts it. Returns false, for filter().
bool drop(WorkerContext& context, const ForwardingTable& table, Packet& packet, DropReason reason);

// To the slow path, within the budget of the class. Returns false, for filter().
bool punt(WorkerContext& context, Packet& packet, PuntClass punt_class);

// Books a forwarded packet on its tunnels.
void count_forwarded(WorkerContext& context, const Packet& packet);

// Books a packet from a tunnel that ends at the PoP.
void count_from_tunnel(WorkerContext& context, const Packet& packet);

}  // namespace simplon
