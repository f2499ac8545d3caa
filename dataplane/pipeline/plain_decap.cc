// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pipeline/plain_burst.h"

namespace simplon {
namespace {

constexpr std::size_t kCarrierAt = sizeof(EthernetHeader);
constexpr std::size_t kCarriedAt = kCarrierAt + sizeof(Ipv4Header);

// What can be said without the tunnel. Starts fetching the map entry.
[[gnu::always_inline]] inline bool check_carried(PlainBurst& burst, std::size_t index,
                                                 std::size_t mtu) {
  const Packet& packet = burst.packets[index];
  const auto* outer = packet.at<Ipv4Header>(kCarrierAt);
  const auto* inner = packet.at<Ipv6Header>(kCarriedAt);
  const std::size_t total = outer->total_length.value();
  const std::size_t length = sizeof(Ipv6Header) + inner->payload_length.value();
  const auto* inner_start = packet.at<uint8_t>(kCarriedAt);
  const unsigned outer_ecn = outer->tos & 3u;
  const unsigned inner_ecn = inner_start[1] >> 4 & 3u;
  const bool fine = sums_up(packet.at<uint8_t>(kCarrierAt)) &
                    (kCarrierAt + total <= packet.length) & (sizeof(Ipv4Header) + length <= total) &
                    (length <= mtu) & (inner_start[0] >> 4 == 6) & (inner->hop_limit > 1) &
                    ((outer_ecn == 0) | (outer_ecn == inner_ecn)) &
                    is_ordinary(inner->destination.bytes.data());
  if (!fine) [[unlikely]]
    return false;
  const PlainTable& plain = burst.table.plain;
  if (plain.find(inner->destination.hi()) != nullptr) [[unlikely]]
    return false;
  const uint64_t source = inner->source.hi();
  const PlainTable::Place* place = plain.find(source);
  return place != nullptr && find_unit(burst, index, *place, source, inner->source.bytes.data());
}

// From and to the ends of the tunnel.
[[gnu::always_inline]] inline bool is_from_its_end(const PlainTable& plain, const Packet& packet,
                                                   const TunnelSlot& slot) {
  const auto* outer = packet.at<Ipv4Header>(kCarrierAt);
  const uint64_t ends = load<uint64_t>(&outer->source);
  const uint64_t ours =
      load<uint32_t>(&slot.remote[12]) | uint64_t{plain.local_ipv4(slot.local_index)} << 32;
  return is_plain_tunnel(slot) & (ends == ours);
}

}  // namespace

void plain_decap(PlainBurst& burst) {
  const LinkTemplate uplink =
      link_template(burst, burst.table.links.default_ipv6(), kEtherTypeIpv6);
  // An MTU of 0 refuses all.
  PacketList& list = burst.from_tunnels;
  unsigned kept = 0;
  for (unsigned n = 0; n < list.count; ++n) {
    const uint8_t index = list.packets[n];
    list.packets[kept] = index;
    if (check_carried(burst, index, uplink.mtu)) [[likely]] {
      ++kept;
    } else {
      burst.leave(index);
    }
  }
  list.count = kept;
  find_slots(burst, list);

  const TunnelSlot* slots = burst.table.snapshot.slots();
  TunnelCounters* counters = burst.context.tunnel_counters;
  uint64_t done = 0;
  for (unsigned n = 0; n < list.count; ++n) {
    const uint8_t index = list.packets[n];
    Packet& packet = burst.packets[index];
    const uint32_t slot = burst.slot[index];
    if (!is_from_its_end(burst.table.plain, packet, slots[slot])) [[unlikely]] {
      burst.leave(index);
      continue;
    }
    auto* inner = packet.at<Ipv6Header>(kCarriedAt);
    const std::size_t length = sizeof(Ipv6Header) + inner->payload_length.value();
    --inner->hop_limit;
    put_on_link(packet, uplink, packet.data + kCarriedAt, length);
    packet.inner = packet.network;
    packet.inner_length = static_cast<uint16_t>(length);
    packet.in_slot = slot;
    packet.interface = burst.interface;
    packet.encapsulation = Encapsulation::kProto41;
    counter_add(counters[slot].in_packets, 1);
    counter_add(counters[slot].in_bytes, length);
    ++done;
  }
  burst.context.counters.add(WorkerCounter::kDecapsulated, done);
}

}  // namespace simplon
