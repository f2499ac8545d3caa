// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What the loops of the plain path hand each other. Internal to the pipeline.

#pragma once

#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "dataplane/pipeline/plain.h"

namespace simplon {

// Integers as they stand in memory.
template <typename T>
[[gnu::always_inline]] inline T load(const void* from) {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

// RFC 1071 over a header of 20 bytes: 2^16 - 1 divides the sum, which is never 0.
[[gnu::always_inline]] inline bool sums_up(const uint8_t* header) {
  uint64_t sum = load<uint64_t>(header);
  uint64_t more = load<uint64_t>(header + 8);
  // 2^64 - 1 is a multiple too: what is carried comes in again below.
  uint64_t carry = __builtin_add_overflow(sum, more, &sum);
  more = load<uint32_t>(header + 16) + carry;
  carry = __builtin_add_overflow(sum, more, &sum);
  return (sum + carry) % 0xffff == 0;
}

// The last 16 bytes before an IP header: two that mean nothing and an Ethernet header, so that it
// is written by one store. Whoever writes it owns two bytes before the frame.
struct alignas(16) LinkTemplate {
  uint8_t interface = kNoInterfaceIndex;  // no plain way
  uint8_t port = 0;
  uint16_t mtu = 0;
  std::array<uint8_t, 16> bytes{};

  bool usable() const { return interface != kNoInterfaceIndex; }
};

// Indexes of packets.
struct PacketList {
  unsigned count = 0;
  std::array<uint8_t, kMaxBurst> packets;

  void add(std::size_t index) { packets[count++] = static_cast<uint8_t>(index); }
  // Without a branch.
  void add_if(bool condition, std::size_t index) {
    packets[count] = static_cast<uint8_t>(index);
    count += condition;
  }
  // Keeps those for which `keep(index)` is true.
  template <typename Keep>
  [[gnu::always_inline]] void keep_if(Keep keep) {
    unsigned kept = 0;
    for (unsigned n = 0; n < count; ++n) {
      const uint8_t index = packets[n];
      packets[kept] = index;
      kept += keep(index);
    }
    count = kept;
  }
};

struct PlainBurst {
  PlainBurst(WorkerContext& worker, const ForwardingTable& forwarding, std::span<Packet> burst)
      : context(worker), table(forwarding), packets(burst) {}

  void leave(std::size_t index) { left |= PacketSet{1} << index; }

  WorkerContext& context;
  const ForwardingTable& table;
  std::span<Packet> packets;
  uint8_t interface = kNoInterfaceIndex;  // all of the burst came in by it
  PacketSet left = 0;                     // for the stages

  PacketList from_tunnels;
  PacketList into_tunnels;
  PacketList ayiya;       // from tunnels, in AYIYA
  PacketList into_ayiya;  // into tunnels that take AYIYA; their slots are known
  // By packet index: where the slot stands, and it, where no map has it.
  std::array<const uint32_t*, kMaxBurst> unit;
  std::array<uint32_t, kMaxBurst> slot;
  std::array<uint32_t, kMaxBurst> tunnel;  // of `ayiya`, by the identity: a slot
};

// The tunnel of an address: starts fetching the map entry. False: none that is plain.
[[gnu::always_inline]] inline bool find_unit(PlainBurst& burst, std::size_t index,
                                             const PlainTable::Place& place, uint64_t hi,
                                             const uint8_t* address) {
  const uint64_t unit = place.unit(hi);
  const bool mapped = place.kind == PoolKind::kDelegated;
  const uint32_t value = place.first + static_cast<uint32_t>(unit);
  burst.slot[index] = value;
  const uint32_t* at =
      mapped ? burst.table.snapshot.unit_to_slot().data() + value : &burst.slot[index];
  burst.unit[index] = at;
  __builtin_prefetch(at);
  // Of a link only the client's end is a host.
  const bool is_host =
      place.kind != PoolKind::kLink || load<uint64_t>(address + 8) == byte_swap(uint64_t{2});
  return unit < place.limit && place.kind != PoolKind::kNone && is_host;
}

// Units to slots: starts fetching slots and counters. Nobody's go to the stages.
inline void find_slots(PlainBurst& burst, PacketList& list) {
  const TunnelSlot* slots = burst.table.snapshot.slots();
  const TunnelCounters* counters = burst.context.tunnel_counters;
  unsigned kept = 0;
  for (unsigned n = 0; n < list.count; ++n) {
    const uint8_t index = list.packets[n];
    const uint32_t slot = *burst.unit[index];
    if (slot == kNoSlot) [[unlikely]] {
      burst.leave(index);
      continue;
    }
    burst.slot[index] = slot;
    __builtin_prefetch(slots + slot);
    __builtin_prefetch(counters + slot, 1);
    list.packets[kept++] = index;
  }
  list.count = kept;
}

// ::/8 holds the unspecified, loopback, compatible and mapped addresses, fe00::/7 link-local and
// multicast ones.
inline bool is_ordinary(const uint8_t* address) {
  return static_cast<uint8_t>(address[0] - 1) < 0xfd;
}

inline bool is_plain_tunnel(const TunnelSlot& slot) {
  return slot.kind == static_cast<uint8_t>(TunnelKind::kProto41) &&
         (slot.flags & kTunnelEnabled) != 0;
}

// The way through the gateway `next_hop` names, for this burst. Not usable where there is none, its
// MAC is not known or its link wants a VLAN tag.
LinkTemplate link_template(const PlainBurst& burst, const NextHop& next_hop, Be16 type);

// The IP packet of `length` bytes at `ip` gets its link header; all of the rest of the view is as
// the frame `packet` came in, and changes. `inner_at`: where the inner packet stands then.
[[gnu::always_inline]] inline void put_on_link(Packet& packet, const LinkTemplate& link,
                                               uint8_t* ip, std::size_t length) {
  std::memcpy(ip - sizeof(link.bytes), link.bytes.data(), sizeof(link.bytes));
  uint8_t* const frame = ip - sizeof(EthernetHeader);
  const auto moved = static_cast<int>(frame - packet.data);
  const auto size = static_cast<uint16_t>(sizeof(EthernetHeader) + length);
  packet.data = frame;
  packet.headroom = static_cast<uint16_t>(packet.headroom + moved);
  packet.tailroom = static_cast<uint16_t>(packet.tailroom + packet.length - moved - size);
  packet.length = size;
  packet.network = sizeof(EthernetHeader);
  packet.port = link.port;
  packet.verdict = Verdict::kTransmit;
}

// ---- The two directions, for packets on their lists.

void plain_decap(PlainBurst& burst);
void plain_encap(PlainBurst& burst);
void ayiya_plain_receive(PlainBurst& burst);
// Called by plain_encap(): `link` is the way through the IPv4 gateway.
void ayiya_plain_send(PlainBurst& burst, const LinkTemplate& link);

}  // namespace simplon
