// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/net/checksum.h"
#include "dataplane/net/ecn.h"
#include "dataplane/pipeline/link_output.h"

namespace simplon {
namespace {

// RFC 6040 and the removal of the outer header. The verdict of the ECN combination has been given
// by decap_proto41().
void decapsulate(WorkerContext& context, Packet& packet) {
  auto* inner = packet.at<Ipv6Header>(packet.inner);
  const auto outer_ecn = static_cast<Ecn>(packet.at<Ipv4Header>(packet.network)->tos & 3);
  if (outer_ecn != Ecn::kNotEct) [[unlikely]] {
    const uint8_t traffic_class = inner->traffic_class();
    const EcnDecap ecn = ecn_decapsulate(static_cast<Ecn>(traffic_class & 3), outer_ecn);
    if (ecn.unusual) context.counters.add(WorkerCounter::kEcnUnusual);
    inner->set_traffic_class(
        static_cast<uint8_t>((traffic_class & 0xfc) | static_cast<uint8_t>(ecn.inner)));
  }
  packet.network = packet.inner;
}

uint8_t outer_tos(const TunnelSlot& slot, const Ipv6Header& inner) {
  const uint8_t traffic_class = inner.traffic_class();
  const unsigned dscp =
      (slot.flags & kTunnelDscpUniform) != 0 ? traffic_class >> 2 : slot.outer_dscp;
  const unsigned ecn = (slot.flags & kTunnelEcnNormal) != 0 ? traffic_class & 3u : 0u;
  return static_cast<uint8_t>(dscp << 2 | ecn);
}

// RFC 4213 3.2: DF as long as the path carries a minimal IPv6 packet whole. Atomic datagrams may
// all have the same identification (RFC 6864 4.1), others must not repeat it.
struct Fragmentation {
  Be16 id;
  Be16 flags;
};

Fragmentation fragmentation(WorkerContext& context, const TunnelSlot& slot,
                            const LinkInterface& link) {
  const bool dont_fragment =
      (slot.flags & kTunnelStaticMtu) == 0 && link.mtu >= kIpv6MinimumMtu + k6in4Overhead;
  if (dont_fragment) return {uint16_t{0}, kIpv4DontFragment};
  context.next_ipv4_id = static_cast<uint16_t>(context.next_ipv4_id + context.ipv4_id_stride);
  return {context.next_ipv4_id, uint16_t{0}};
}

void encapsulate(WorkerContext& context, const ForwardingTable& table, Packet& packet,
                 NextHopMemo& memo) {
  const SnapshotView& view = table.snapshot;
  const TunnelSlot& slot = view.slot(packet.out_slot);
  const NextHop next_hop = table.links.route_ipv4(Ipv4Address::from_bytes(&slot.remote[12]));
  if (next_hop.interface == kNoInterfaceIndex) [[unlikely]] {
    drop(context, table, packet, DropReason::kNoRoute);
    return;
  }
  const LinkInterface& link = table.links.interfaces()[next_hop.interface];
  const auto* inner = packet.at<Ipv6Header>(packet.inner);
  const Fragmentation f = fragmentation(context, slot, link);
  const std::size_t total = packet.inner_length + k6in4Overhead;
  const uint8_t tos = outer_tos(slot, *inner);

  // From here the frame begins at the outer header, where the old link or outer header stood or in
  // the headroom.
  if (packet.inner < k6in4Overhead)
    packet.prepend(k6in4Overhead - packet.inner);
  else
    packet.remove_front(packet.inner - k6in4Overhead);
  packet.network = 0;
  packet.inner = k6in4Overhead;
  // Field by field into the frame: a header put together elsewhere and copied would stall on store
  // forwarding.
  auto& outer = *packet.at<Ipv4Header>(0);
  outer.version_ihl = 0x45;
  outer.tos = tos;
  outer.total_length = static_cast<uint16_t>(total);
  outer.id = f.id;
  outer.flags_fragment = f.flags;
  outer.ttl = slot.outer_ttl;
  outer.protocol = kProtocolIpv6;
  outer.source = Ipv4Address::from_bytes(&view.pop().local_addresses[slot.local_index][12]);
  outer.destination = Ipv4Address::from_bytes(&slot.remote[12]);
  outer.checksum = ipv4_header_checksum(outer);
  if (total > link.mtu) [[unlikely]] {
    punt(context, packet, PuntClass::kOversize);
    return;
  }
  output(context, table, packet, next_hop, memo);
}

void write_one(WorkerContext& context, const ForwardingTable& table, Packet& packet,
               NextHopMemo& memo) {
  NextHop next_hop;
  const bool to_uplink = packet.out_slot == kNoSlot;
  if (to_uplink) {
    // The link's MTU belongs to the decision: checked before a byte changes.
    next_hop = table.links.route_ipv6(packet.at<Ipv6Header>(packet.inner)->destination);
    if (next_hop.interface == kNoInterfaceIndex) [[unlikely]] {
      drop(context, table, packet, DropReason::kNoRoute);
      return;
    }
    if (packet.inner_length > table.links.interfaces()[next_hop.interface].mtu) [[unlikely]] {
      drop(context, table, packet,
           packet.originated ? DropReason::kReplyTooBig : DropReason::kPacketTooBig);
      return;
    }
  }
  // Ethernet padding ends here.
  packet.truncate(std::size_t{packet.inner} + packet.inner_length);
  if (packet.network != packet.inner) decapsulate(context, packet);
  if (!packet.originated) --packet.at<Ipv6Header>(packet.inner)->hop_limit;
  if (to_uplink) {
    output(context, table, packet, next_hop, memo);
  } else {
    encapsulate(context, table, packet, memo);
  }
}

}  // namespace

void write(Batch& batch) {
  NextHopMemo memo;
  for (unsigned n = 0; n < batch.count; ++n) {
    write_one(batch.context, batch.table, batch.packets[batch.pending[n]], memo);
  }
  batch.count = 0;
}

}  // namespace simplon
