// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pipeline/encap.h"

#include <algorithm>

#include "dataplane/net/checksum.h"
#include "dataplane/pipeline/encapsulation_limit.h"
#include "dataplane/pipeline/gre.h"

namespace simplon {
namespace {

// Flags, checksum over all that follows, key and sequence number at `at` of the frame.
void write_gre(WorkerContext& context, Packet& packet, const TunnelSlot& slot, std::size_t at) {
  const uint16_t flags = gre_flags(slot);
  auto* header = packet.at<GreHeader>(at);
  header->flags = flags;
  header->protocol = packet.inner_ipv4 ? kEtherTypeIpv4 : kEtherTypeIpv6;
  auto* field = packet.at<Be32>(at + sizeof(GreHeader));
  if ((flags & kGreChecksum) != 0) *field++ = 0u;
  if ((flags & kGreKey) != 0) *field++ = slot.gre_key;
  if ((flags & kGreSequence) != 0) {
    // Without a table of what was learned there is nowhere to count.
    const bool counts = packet.out_slot < context.runtime.capacity();
    *field = counts ? context.runtime.next_gre_sequence(packet.out_slot) : 0u;
  }
  if ((flags & kGreChecksum) != 0) {
    const std::size_t size = std::size_t{packet.inner} + packet.inner_length - at;
    *packet.at<Be16>(at + sizeof(GreHeader)) =
        checksum_finish(checksum_add(0, {packet.at<uint8_t>(at), size}));
  }
}

uint8_t encapsulation_limit(const Packet& packet, const TunnelSlot& slot) {
  const bool limited = slot.kind == static_cast<uint8_t>(TunnelKind::kIpv6Tunnel);
  if (!limited || slot.encapsulation_limit == 0 || packet.inner_ipv4) {
    return limited ? slot.encapsulation_limit : uint8_t{0};
  }
  // A limit of 0 has been refused.
  const auto inner = find_encapsulation_limit(packet);
  return inner ? std::min<uint8_t>(slot.encapsulation_limit, static_cast<uint8_t>(inner->value - 1))
               : slot.encapsulation_limit;
}

}  // namespace

[[gnu::noinline]] void encapsulate_by_way(Batch& batch, std::size_t index, const TunnelSlot& slot,
                                          NextHopMemo& memo) {
  Packet& packet = batch.packets[index];
  WorkerContext& context = batch.context;
  const ForwardingTable& table = batch.table;
  const TunnelRoute& way = batch.way(index);
  const uint8_t tos = outer_tos(slot, inner_traffic_class(packet));
  if (way.endpoint.transport == Transport::kAyiya) {
    ayiya_encapsulate(batch, index, slot, way.endpoint, tos);
    return;
  }
  const bool ipv4 = way.endpoint.address.is_ipv4_mapped();
  const bool gre = slot.kind == static_cast<uint8_t>(TunnelKind::kGre);
  const uint8_t limit = ipv4 ? uint8_t{0} : encapsulation_limit(packet, slot);
  const LinkInterface& link = table.links.interfaces()[way.next_hop.interface];
  make_room(packet, way.overhead);
  if (gre) write_gre(context, packet, slot, ipv4 ? sizeof(Ipv4Header) : sizeof(Ipv6Header));
  const uint8_t protocol = gre ? kProtocolGre : packet.inner_ipv4 ? kProtocolIpv4 : kProtocolIpv6;
  const auto local =
      Ipv6Address::from_bytes(table.snapshot.pop().local_addresses[way.endpoint.local_index]);
  if (ipv4) {
    write_outer_ipv4(packet,
                     {local.ipv4(), way.endpoint.address.ipv4(), protocol, tos, slot.outer_ttl},
                     fragmentation(context, slot, link, way.overhead));
  } else {
    write_outer_ipv6(packet, {local, way.endpoint.address, protocol, tos, slot.outer_ttl}, limit);
  }
  if (std::size_t{packet.inner_length} + way.overhead > link.mtu) [[unlikely]] {
    // The PoP makes no fragments of IPv6; only a link too narrow for its tunnels asks for them.
    ipv4 ? punt(context, packet, PuntClass::kOversize)
         : drop(context, table, packet, DropReason::kPacketTooBig);
    return;
  }
  output(context, table, packet, way.next_hop, memo);
}

}  // namespace simplon
