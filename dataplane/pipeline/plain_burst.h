// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What the loops of the plain path hand each other. Internal to the pipeline.

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "dataplane/pipeline/plain.h"
#include "dataplane/state/prefetch.h"

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

// A way out, for one burst.
struct LinkTemplate {
  uint8_t interface = kNoInterfaceIndex;  // no plain way
  uint8_t port = 0;
  uint16_t mtu = 0;  // 0: no plain way
  // The last 16 bytes before an IP header: two that mean nothing and an Ethernet header, so that it
  // is written at once. Whoever writes it owns two bytes before the frame.
  std::array<uint64_t, 2> bytes{};

  bool usable() const { return interface != kNoInterfaceIndex; }
};

// Indexes of packets.
struct PacketList {
  unsigned count = 0;
  std::array<uint8_t, kMaxBurst> packets;

  void add(std::size_t index) { packets[count++] = static_cast<uint8_t>(index); }
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

// A packet that is plain as far as it is known.
struct PlainPacket {
  Packet* packet;
  const uint32_t* unit;  // where its slot stands: a map entry, or `slot`
  uint32_t slot;
  uint16_t length;  // of the inner packet
  uint16_t behind;  // bytes of the frame behind it
  uint32_t tunnel;  // of AYIYA from a tunnel, by the identity: a slot
};

struct PlainBurst {
  PlainBurst(WorkerContext& worker, const ForwardingTable& forwarding, std::span<Packet> burst)
      : context(worker), table(forwarding), packets(burst) {}

  void leave(std::size_t index) { left |= PacketSet{1} << index; }
  void leave(const Packet* packet) { leave(static_cast<std::size_t>(packet - packets.data())); }

  WorkerContext& context;
  const ForwardingTable& table;
  std::span<Packet> packets;
  uint8_t interface = kNoInterfaceIndex;  // all of the burst came in by it
  PacketSet left = 0;                     // for the stages

  PacketList from_tunnels;
  PacketList into_tunnels;
  PacketList ayiya;  // from tunnels, in AYIYA
  // Of the direction that is being worked on.
  std::array<PlainPacket, kMaxBurst> work;
};

// The tunnel of an address: starts fetching the map entry. False: none that is plain; what is no
// pool has no units.
[[gnu::always_inline]] inline bool find_unit(const uint32_t* unit_to_slot,
                                             const PlainTable::Place& place,
                                             const Ipv6Address& address, uint64_t hi,
                                             PlainPacket& work) {
  const uint64_t unit = place.unit(hi);
  const uint32_t value = place.first + static_cast<uint32_t>(unit);
  work.slot = value;
  work.unit = place.kind == PoolKind::kDelegated ? unit_to_slot + value : &work.slot;
  __builtin_prefetch(work.unit);
  // Of a link only the client's end is a host.
  return unit < place.limit && (place.kind != PoolKind::kLink || address.lo() == 2);
}

// Those of `list` that `check` lets through, which fills in their place in `work`: in order, from
// the first place on. The others go to the stages. Returns how many.
template <typename Check>
[[gnu::always_inline]] inline unsigned take_plain(PlainBurst& burst, const PacketList& list,
                                                  Check&& check) {
  unsigned count = 0;
  for (unsigned n = 0; n < list.count; ++n) {
    Packet& packet = burst.packets[list.packets[n]];
    if (check(packet, burst.work[count])) [[likely]] {
      ++count;
    } else {
      burst.leave(&packet);
    }
  }
  return count;
}

// Units to slots: starts fetching slots and counters. Nobody's go to the stages. Returns how many
// are left of `count`.
inline unsigned find_slots(PlainBurst& burst, unsigned count) {
  const TunnelSlot* const slots = burst.table.snapshot.slots();
  const TunnelCounters* const counters = burst.context.tunnel_counters;
  unsigned kept = 0;
  for (unsigned n = 0; n < count; ++n) {
    PlainPacket& work = burst.work[n];
    const uint32_t slot = *work.unit;
    if (slot == kNoSlot) [[unlikely]] {
      burst.leave(work.packet);
      continue;
    }
    __builtin_prefetch(slots + slot);
    prefetch_for_write(counters + slot);
    if (kept != n) [[unlikely]]
      burst.work[kept] = work;
    burst.work[kept++].slot = slot;
  }
  return kept;
}

// By its upper half. ::/8 holds the unspecified, loopback, compatible and mapped addresses,
// fe00::/7 link-local and multicast ones.
inline bool is_ordinary(uint64_t hi) {
  return hi - (uint64_t{0x01} << 56) < uint64_t{0xfd} << 56;
}

// Kind and flags are what is wanted, flags as far as `mask` has them.
[[gnu::always_inline]] inline bool is_plain_tunnel(const TunnelSlot& slot, uint8_t mask) {
  static_assert(offsetof(TunnelSlot, flags) == offsetof(TunnelSlot, kind) + 1);
  constexpr auto kWanted = static_cast<unsigned>(TunnelKind::kProto41) | unsigned{kTunnelEnabled}
                                                                             << 8;
  return (load<uint16_t>(&slot.kind) & (0xffu | unsigned{mask} << 8)) == kWanted;
}

// The way through the gateway `next_hop` names, for this burst. None where there is no gateway, its
// MAC is not known or its link wants a VLAN tag.
LinkTemplate link_template(const PlainBurst& burst, const NextHop& next_hop, Be16 type);

// What becomes of a packet besides its bytes: the fields after `out_slot`.
struct Fate {
  uint8_t port;
  uint8_t interface;
  Verdict verdict;
  DropReason reason;
};
static_assert(offsetof(Packet, interface) == offsetof(Packet, port) + offsetof(Fate, interface));
static_assert(offsetof(Packet, verdict) == offsetof(Packet, port) + offsetof(Fate, verdict));
static_assert(offsetof(Packet, reason) == offsetof(Packet, port) + offsetof(Fate, reason));

inline Fate sent_by(const LinkTemplate& link, const PlainBurst& burst) {
  return {link.port, burst.interface, Verdict::kTransmit, Packet{}.reason};
}

// What the view looks like that is `Moved` bytes shorter at its front, `behind` bytes at its end
// and has its IP header behind the link header: `length`, `headroom`, `tailroom` and `network` at
// once.
template <int Moved>
[[gnu::always_inline]] inline void cut(Packet& packet, unsigned behind) {
  static_assert(offsetof(Packet, headroom) == offsetof(Packet, length) + 2);
  static_assert(offsetof(Packet, tailroom) == offsetof(Packet, length) + 4);
  static_assert(offsetof(Packet, network) == offsetof(Packet, length) + 6);
  constexpr uint64_t kMoved = (static_cast<uint64_t>(int64_t{Moved}) << 16) -
                              static_cast<uint64_t>(int64_t{Moved}) +
                              (uint64_t{sizeof(EthernetHeader)} << 48);
  // No field exceeds its 16 bits, so none carries into the next.
  const uint64_t fields =
      load<uint64_t>(&packet.length) + kMoved + (uint64_t{behind} << 32) - behind;
  std::memcpy(&packet.length, &fields, sizeof(fields));
}

// The frame whose IP header stood behind `frame` and begins `Moved` bytes later now gets its link
// header.
template <int Moved>
[[gnu::always_inline]] inline void put_on_link(Packet& packet, uint8_t* frame,
                                               const std::array<uint64_t, 2>& header,
                                               const Fate& fate, unsigned behind) {
  frame += Moved;
  std::memcpy(frame + sizeof(EthernetHeader) - sizeof(header), header.data(), sizeof(header));
  packet.data = frame;
  cut<Moved>(packet, behind);
  std::memcpy(&packet.port, &fate, sizeof(fate));
}

// ---- The two directions, for packets on their lists.

void plain_decap(PlainBurst& burst);
void plain_encap(PlainBurst& burst);
// Those have their place in `work` by their index.
void ayiya_plain_receive(PlainBurst& burst);
// Called by plain_encap() for the first `count` of `work`, into tunnels that may take AYIYA; `link`
// is the way through the IPv4 gateway.
void ayiya_plain_send(PlainBurst& burst, const LinkTemplate& link, unsigned count);

}  // namespace simplon
