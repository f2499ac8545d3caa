// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pipeline/plain_burst.h"

namespace simplon {
namespace {

constexpr std::size_t kCarrierAt = sizeof(EthernetHeader);
constexpr std::size_t kCarriedAt = kCarrierAt + sizeof(Ipv4Header);

// What can be said without the tunnel. Starts fetching the map entry.
[[gnu::always_inline]] inline bool check_carried(const PlainTable& plain,
                                                 const uint32_t* unit_to_slot, int mtu,
                                                 Packet& packet, PlainPacket& work) {
  const uint8_t* const frame = packet.data;
  const auto* outer = reinterpret_cast<const Ipv4Header*>(frame + kCarrierAt);
  const auto* inner = reinterpret_cast<const Ipv6Header*>(frame + kCarriedAt);
  const int total = outer->total_length.value();
  const int length = static_cast<int>(sizeof(Ipv6Header)) + inner->payload_length.value();
  // Negative where there is something wrong.
  const int carrier_room = packet.length - static_cast<int>(kCarrierAt) - total;
  const int inner_room = total - static_cast<int>(sizeof(Ipv4Header)) - length;
  const int link_room = mtu - length;
  const int hops = inner->hop_limit - 2;
  // Not 0 where there is: another version, or two ECN fields that are not ours to judge.
  const auto start = load<uint16_t>(inner);
  const unsigned outer_ecn = outer->tos & 3u;
  const unsigned inner_ecn = start >> 12 & 3u;
  const unsigned odd = ((start & 0xf0u) ^ 0x60u) | outer_ecn * (outer_ecn ^ inner_ecn);
  if ((carrier_room | inner_room | link_room | hops) < 0 || odd != 0 ||
      !sums_up(frame + kCarrierAt)) [[unlikely]] {
    return false;
  }
  const uint64_t destination = inner->destination.hi();
  if (!is_ordinary(destination)) [[unlikely]]
    return false;
  if (plain.is_near(destination) && plain.find(destination) != nullptr) [[unlikely]]
    return false;
  work.packet = &packet;
  work.length = static_cast<uint16_t>(length);
  work.behind = static_cast<uint16_t>(carrier_room + inner_room);
  const uint64_t source = inner->source.hi();
  const PlainTable::Place* place = plain.find(source);
  return place != nullptr && find_unit(unit_to_slot, *place, inner->source, source, work);
}

// Between the ends of the tunnel.
[[gnu::always_inline]] inline bool is_of_tunnel(const PlainTable& plain, const uint8_t* frame,
                                                const TunnelSlot& slot) {
  const auto ends = load<uint64_t>(frame + kCarrierAt + offsetof(Ipv4Header, source));
  return is_plain_tunnel(slot, kTunnelEnabled) &&
         ends == (load<uint32_t>(&slot.remote[12]) |
                  uint64_t{plain.local_end(slot.local_index).address} << 32);
}

}  // namespace

void plain_decap(PlainBurst& burst) {
  const ForwardingTable& table = burst.table;
  const PlainTable& plain = table.plain;
  const LinkTemplate uplink = link_template(burst, table.links.default_ipv6(), kEtherTypeIpv6);
  const uint32_t* const unit_to_slot = table.snapshot.unit_to_slot().data();
  const unsigned taken =
      take_plain(burst, burst.from_tunnels, [&](Packet& packet, PlainPacket& work) {
        return check_carried(plain, unit_to_slot, uplink.mtu, packet, work);
      });
  const unsigned count = find_slots(burst, taken);

  const TunnelSlot* const slots = table.snapshot.slots();
  TunnelCounters* const counters = burst.context.tunnel_counters;
  const std::array<uint64_t, 2> header = uplink.bytes;
  const Fate fate = sent_by(uplink, burst);
  unsigned done = 0;
  for (unsigned n = 0; n < count; ++n) {
    const PlainPacket& work = burst.work[n];
    Packet& packet = *work.packet;
    uint8_t* const frame = packet.data;
    const uint32_t slot = work.slot;
    const uint16_t length = work.length;
    if (!is_of_tunnel(plain, frame, slots[slot])) [[unlikely]] {
      burst.leave(&packet);
      continue;
    }
    --reinterpret_cast<Ipv6Header*>(frame + kCarriedAt)->hop_limit;
    put_on_link<sizeof(Ipv4Header)>(packet, frame, header, fate, work.behind);
    packet.inner = sizeof(EthernetHeader);
    packet.inner_length = length;
    packet.in_slot = slot;
    packet.encapsulation = Encapsulation::kProto41;
    counter_add(counters[slot].in_packets, 1);
    counter_add(counters[slot].in_bytes, length);
    ++done;
  }
  burst.context.counters.add(WorkerCounter::kDecapsulated, done);
}

}  // namespace simplon
