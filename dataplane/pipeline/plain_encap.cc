// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <bit>

#include "dataplane/pipeline/plain_burst.h"

namespace simplon {
namespace {

constexpr std::size_t kNativeAt = sizeof(EthernetHeader);

// Nothing out there has an address of ours (BCP 38).
[[gnu::always_inline]] inline bool is_foreign(const PlainBurst& burst, const Ipv6Address& source) {
  const PlainTable::Place* place = burst.table.plain.find(source.hi());
  if (place == nullptr) [[likely]]
    return true;
  return place->kind == PoolKind::kNone && !burst.table.links.is_local_ipv6(source);
}

// What can be said without the tunnel. Starts fetching the map entry.
[[gnu::always_inline]] inline bool check_native(PlainBurst& burst, std::size_t index) {
  const Packet& packet = burst.packets[index];
  const auto* inner = packet.at<Ipv6Header>(kNativeAt);
  const std::size_t length = sizeof(Ipv6Header) + inner->payload_length.value();
  const bool fine = (kNativeAt + length <= packet.length) & (inner->hop_limit > 1) &
                    is_ordinary(inner->source.bytes.data());
  if (!fine || !is_foreign(burst, inner->source)) [[unlikely]]
    return false;
  const uint64_t destination = inner->destination.hi();
  const PlainTable::Place* place = burst.table.plain.find(destination);
  return place != nullptr &&
         find_unit(burst, index, *place, destination, inner->destination.bytes.data());
}

// DSCP and ECN of the carrier (RFC 6040, RFC 2983, docs/protocols.md §2.3), as outer_tos().
[[gnu::always_inline]] inline uint8_t tos_of(const TunnelSlot& slot, uint8_t traffic_class) {
  const unsigned taken_over = ((slot.flags & kTunnelDscpUniform) != 0 ? 0xfcu : 0u) |
                              ((slot.flags & kTunnelEcnNormal) != 0 ? 3u : 0u);
  const unsigned own = unsigned{slot.outer_dscp} << 2;
  return static_cast<uint8_t>((traffic_class & taken_over) | (own & ~taken_over));
}

[[gnu::always_inline]] inline bool may_be_ayiya(const TunnelSlot& slot) {
  return takes_ayiya(static_cast<TunnelKind>(slot.kind)) && (slot.flags & kTunnelEnabled) != 0;
}

// The outer header before the packet at `inner`. Put together in registers.
[[gnu::always_inline]] inline void write_6in4(uint8_t* inner, const PlainTable& plain,
                                              const TunnelSlot& slot, std::size_t length,
                                              uint8_t tos) {
  const auto remote = load<uint32_t>(&slot.remote[12]);
  const uint32_t total = byte_swap(static_cast<uint16_t>(sizeof(Ipv4Header) + length));
  const uint64_t sum = uint64_t{plain.outer_sum(slot.local_index)} + remote + total +
                       (uint32_t{tos} << 8) + slot.outer_ttl;
  auto folded = static_cast<uint32_t>(sum) + static_cast<uint32_t>(sum >> 32);
  // Both halves added, and what that carries added once more, in the upper half.
  folded = (folded + std::rotl(folded, 16)) >> 16;
  const uint64_t first = 0x45u | uint32_t{tos} << 8 | total << 16 | uint64_t{0x0040} << 48;
  const uint64_t second = slot.outer_ttl | uint32_t{kProtocolIpv6} << 8 | (~folded & 0xffff) << 16 |
                          uint64_t{plain.local_ipv4(slot.local_index)} << 32;
  std::memcpy(inner - 20, &first, sizeof(first));
  std::memcpy(inner - 12, &second, sizeof(second));
  std::memcpy(inner - 4, &remote, sizeof(remote));
}

}  // namespace

void plain_encap(PlainBurst& burst) {
  const PlainTable& plain = burst.table.plain;
  const LinkTemplate link = link_template(burst, burst.table.links.default_ipv4(), kEtherTypeIpv4);
  PacketList& list = burst.into_tunnels;
  // DF is for links that carry a minimal packet whole.
  const bool usable = link.mtu >= kIpv6MinimumMtu + k6in4Overhead;
  unsigned kept = 0;
  for (unsigned n = 0; n < list.count; ++n) {
    const uint8_t index = list.packets[n];
    list.packets[kept] = index;
    if (usable && check_native(burst, index)) [[likely]] {
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
    const uint32_t slot_index = burst.slot[index];
    const TunnelSlot& slot = slots[slot_index];
    if (may_be_ayiya(slot)) {
      // Its headers begin before the line that has been fetched.
      burst.context.runtime.prefetch(slot_index);
      __builtin_prefetch(packet.data - 128, 1);
      burst.into_ayiya.add(index);
      continue;
    }
    auto* inner = packet.at<Ipv6Header>(kNativeAt);
    const std::size_t length = sizeof(Ipv6Header) + inner->payload_length.value();
    const bool fine = is_plain_tunnel(slot) & ((slot.flags & kTunnelStaticMtu) == 0) &
                      (length <= slot.mtu) & (length + k6in4Overhead <= link.mtu) &
                      !plain.is_on_link(Ipv4Address::from_bytes(&slot.remote[12]));
    if (!fine) [[unlikely]] {
      burst.leave(index);
      continue;
    }
    const uint8_t tos = tos_of(slot, inner->traffic_class());
    --inner->hop_limit;
    uint8_t* const at = packet.data + kNativeAt;
    write_6in4(at, plain, slot, length, tos);
    put_on_link(packet, link, at - sizeof(Ipv4Header), sizeof(Ipv4Header) + length);
    packet.inner = sizeof(EthernetHeader) + sizeof(Ipv4Header);
    packet.inner_length = static_cast<uint16_t>(length);
    packet.out_slot = slot_index;
    packet.interface = burst.interface;
    counter_add(counters[slot_index].out_packets, 1);
    counter_add(counters[slot_index].out_bytes, length);
    ++done;
  }
  burst.context.counters.add(WorkerCounter::kEncapsulated, done);
  if (burst.into_ayiya.count != 0) ayiya_plain_send(burst, link);
}

}  // namespace simplon
