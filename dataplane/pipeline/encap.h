// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Outer headers. Internal to the pipeline.

#pragma once

#include "dataplane/net/checksum.h"
#include "dataplane/pipeline/link_output.h"
#include "dataplane/pipeline/traffic_class.h"

namespace simplon {

// DSCP and ECN of the carrier (RFC 6040, RFC 2983, docs/protocols.md §2.3).
inline uint8_t outer_tos(const TunnelSlot& slot, uint8_t traffic_class) {
  const unsigned dscp =
      (slot.flags & kTunnelDscpUniform) != 0 ? traffic_class >> 2 : slot.outer_dscp;
  const unsigned ecn = (slot.flags & kTunnelEcnNormal) != 0 ? traffic_class & 3u : 0u;
  return static_cast<uint8_t>(dscp << 2 | ecn);
}

// The frame begins `overhead` bytes before the inner packet, where the old link or outer header
// stood or in the headroom.
inline void make_room(Packet& packet, std::size_t overhead) {
  if (packet.inner < overhead)
    packet.prepend(overhead - packet.inner);
  else
    packet.remove_front(packet.inner - overhead);
  packet.network = 0;
  packet.inner = static_cast<uint16_t>(overhead);
}

// What stands in the outer header besides lengths.
template <typename Address>
struct OuterHeader {
  Address source;
  Address destination;
  uint8_t protocol;
  uint8_t tos;
  uint8_t ttl;
};

// DF and identification by docs/protocols.md §2.2 (RFC 4213 3.2): DF as long as the link carries a
// minimal IPv6 packet whole. Atomic datagrams may all have the same identification (RFC 6864 4.1),
// others must not repeat it.
struct Fragmentation {
  Be16 id;
  Be16 flags;
};

inline Fragmentation fragmentation(WorkerContext& context, const TunnelSlot& slot,
                                   const LinkInterface& link, std::size_t overhead) {
  const bool dont_fragment =
      (slot.flags & kTunnelStaticMtu) == 0 && link.mtu >= kIpv6MinimumMtu + overhead;
  if (dont_fragment) return {uint16_t{0}, kIpv4DontFragment};
  context.next_ipv4_id = static_cast<uint16_t>(context.next_ipv4_id + context.ipv4_id_stride);
  return {context.next_ipv4_id, uint16_t{0}};
}

// Writes the IPv4 header of a carrier at the front of the frame, `inner` bytes before the inner
// packet. Field by field into the frame: a header put together elsewhere and copied would stall on
// store forwarding.
inline void write_outer_ipv4(Packet& packet, const OuterHeader<Ipv4Address>& header,
                             Fragmentation f) {
  auto& outer = *packet.at<Ipv4Header>(0);
  outer.version_ihl = 0x45;
  outer.tos = header.tos;
  outer.total_length = static_cast<uint16_t>(packet.inner + packet.inner_length);
  outer.id = f.id;
  outer.flags_fragment = f.flags;
  outer.ttl = header.ttl;
  outer.protocol = header.protocol;
  outer.source = header.source;
  outer.destination = header.destination;
  outer.checksum = ipv4_header_checksum(outer);
}

// The same of IPv6, with an encapsulation limit (RFC 2473 4.1.1) if it is not 0.
void write_outer_ipv6(Packet& packet, const OuterHeader<Ipv6Address>& header, uint8_t limit);

// The packet at `inner` into the tunnel `out_slot`, and on the link. `index`: its way, for all
// kinds but 6in4 with a configured remote, has been found.
void encapsulate(Batch& batch, std::size_t index, NextHopMemo& memo);
// The same for those other kinds only.
void encapsulate_by_way(Batch& batch, std::size_t index, const TunnelSlot& slot, NextHopMemo& memo);

// Rewrites and sends one packet whose inner header is IPv4.
void write_inner_ipv4(Batch& batch, std::size_t index, NextHopMemo& memo);

// RFC 6040 and the removal of the outer header. The verdict of the ECN combination has been given
// by decap().
void decapsulate(WorkerContext& context, Packet& packet);

}  // namespace simplon
