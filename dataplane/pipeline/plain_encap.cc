// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <bit>

#include "dataplane/pipeline/plain_burst.h"

namespace simplon {
namespace {

constexpr std::size_t kNativeAt = sizeof(EthernetHeader);

// Nothing out there has an address of ours (BCP 38).
[[gnu::always_inline]] inline bool is_foreign(const ForwardingTable& table,
                                              const Ipv6Address& source) {
  const uint64_t hi = source.hi();
  if (!is_ordinary(hi)) [[unlikely]]
    return false;
  if (!table.plain.is_near(hi)) [[likely]]
    return true;
  const PlainTable::Place* place = table.plain.find(hi);
  return place == nullptr || (place->kind == PoolKind::kNone && !table.links.is_local_ipv6(source));
}

// What can be said without the tunnel. Starts fetching the map entry.
[[gnu::always_inline]] inline bool check_native(const ForwardingTable& table,
                                                const uint32_t* unit_to_slot, int mtu,
                                                Packet& packet, PlainPacket& work) {
  const auto* inner = reinterpret_cast<const Ipv6Header*>(packet.data + kNativeAt);
  const int length = static_cast<int>(sizeof(Ipv6Header)) + inner->payload_length.value();
  // Negative where there is something wrong.
  const int room = packet.length - static_cast<int>(kNativeAt) - length;
  const int link_room = mtu - static_cast<int>(k6in4Overhead) - length;
  const int hops = inner->hop_limit - 2;
  if ((room | link_room | hops) < 0) [[unlikely]]
    return false;
  if (!is_foreign(table, inner->source)) [[unlikely]]
    return false;
  work.packet = &packet;
  work.length = static_cast<uint16_t>(length);
  work.behind = static_cast<uint16_t>(room);
  const uint64_t destination = inner->destination.hi();
  const PlainTable::Place* place = table.plain.find(destination);
  return place != nullptr && find_unit(unit_to_slot, *place, inner->destination, destination, work);
}

// The tunnel is enabled, its MTU fits, and DF is always set; its end is behind the gateway.
[[gnu::always_inline]] inline bool takes(const PlainTable& plain, const TunnelSlot& slot,
                                         unsigned length) {
  return is_plain_tunnel(slot, kTunnelEnabled | kTunnelStaticMtu) && length <= slot.mtu &&
         !plain.is_on_link(load<uint32_t>(&slot.remote[12]));
}

// DSCP and ECN of the carrier (RFC 6040, RFC 2983, docs/protocols.md §2.3), as outer_tos().
[[gnu::always_inline]] inline unsigned tos_of(const TunnelSlot& slot, const uint8_t* inner) {
  static_assert(kTunnelEcnNormal == 4 && kTunnelDscpUniform == 8);
  constexpr uint8_t kTakenOver[] = {0, 0x03, 0xfc, 0xff};
  const unsigned traffic_class = byte_swap(load<uint16_t>(inner)) >> 4;
  const unsigned own = unsigned{slot.outer_dscp} << 2;
  return own ^ ((own ^ traffic_class) & kTakenOver[slot.flags >> 2 & 3]);
}

[[gnu::always_inline]] inline bool may_be_ayiya(const TunnelSlot& slot) {
  return takes_ayiya(static_cast<TunnelKind>(slot.kind)) && (slot.flags & kTunnelEnabled) != 0;
}

// The outer header before the packet at `inner`. Put together in registers.
[[gnu::always_inline]] inline void write_6in4(uint8_t* inner, const PlainTable::LocalEnd& local,
                                              const TunnelSlot& slot, unsigned length,
                                              unsigned tos) {
  const auto remote = load<uint32_t>(&slot.remote[12]);
  const uint32_t total = byte_swap(static_cast<uint16_t>(sizeof(Ipv4Header) + length));
  const uint64_t sum = uint64_t{remote} + local.outer_sum + total + (tos << 8) + slot.outer_ttl;
  auto folded = static_cast<uint32_t>(sum) + static_cast<uint32_t>(sum >> 32);
  // Both halves added, and what that carries added once more, in the upper half.
  folded += std::rotl(folded, 16);
  const uint64_t first = 0x45u | tos << 8 | total << 16 | uint64_t{0x0040} << 48;
  const uint64_t second = slot.outer_ttl | uint32_t{kProtocolIpv6} << 8 | (~folded & 0xffff'0000) |
                          uint64_t{local.address} << 32;
  std::memcpy(inner - 20, &first, sizeof(first));
  std::memcpy(inner - 12, &second, sizeof(second));
  std::memcpy(inner - 4, &remote, sizeof(remote));
}

}  // namespace

void plain_encap(PlainBurst& burst) {
  const ForwardingTable& table = burst.table;
  const PlainTable& plain = table.plain;
  const LinkTemplate link = link_template(burst, table.links.default_ipv4(), kEtherTypeIpv4);
  // DF is for links that carry a minimal packet whole.
  const int mtu = link.mtu >= kIpv6MinimumMtu + k6in4Overhead ? link.mtu : 0;
  const uint32_t* const unit_to_slot = table.snapshot.unit_to_slot().data();
  const unsigned taken =
      take_plain(burst, burst.into_tunnels, [&](Packet& packet, PlainPacket& work) {
        return check_native(table, unit_to_slot, mtu, packet, work);
      });
  const unsigned count = find_slots(burst, taken);

  const TunnelSlot* const slots = table.snapshot.slots();
  TunnelCounters* const counters = burst.context.tunnel_counters;
  const std::array<uint64_t, 2> header = link.bytes;
  const Fate fate = sent_by(link, burst);
  unsigned done = 0;
  unsigned into_ayiya = 0;
  for (unsigned n = 0; n < count; ++n) {
    const PlainPacket& work = burst.work[n];
    Packet& packet = *work.packet;
    uint8_t* const frame = packet.data;
    const uint32_t index = work.slot;
    const uint16_t length = work.length;
    const TunnelSlot& slot = slots[index];
    if (!takes(plain, slot, length)) [[unlikely]] {
      if (may_be_ayiya(slot)) {
        // Its headers begin before the line that has been fetched.
        burst.context.runtime.prefetch(index);
        __builtin_prefetch(frame - 128, 1);
        burst.work[into_ayiya++] = work;
      } else {
        burst.leave(&packet);
      }
      continue;
    }
    uint8_t* const inner = frame + kNativeAt;
    const unsigned tos = tos_of(slot, inner);
    --reinterpret_cast<Ipv6Header*>(inner)->hop_limit;
    write_6in4(inner, plain.local_end(slot.local_index), slot, length, tos);
    put_on_link<-static_cast<int>(k6in4Overhead)>(packet, frame, header, fate, work.behind);
    packet.inner = sizeof(EthernetHeader) + sizeof(Ipv4Header);
    packet.inner_length = length;
    packet.out_slot = index;
    counter_add(counters[index].out_packets, 1);
    counter_add(counters[index].out_bytes, length);
    ++done;
  }
  burst.context.counters.add(WorkerCounter::kEncapsulated, done);
  if (into_ayiya != 0) ayiya_plain_send(burst, link, into_ayiya);
}

}  // namespace simplon
