// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/bench/bare_loop.h"

#include <cstdlib>
#include <cstring>

#include "dataplane/net/checksum.h"

namespace simplon::bench {

BareLoop::BareLoop(const Plan& plan)
    : slots_(plan.tunnels()), counters_(plan.tunnels()), unit_to_slot_(plan.units()) {
  for (uint32_t i = 0; i < plan.tunnels(); ++i) {
    slots_[i] = {.local = Ipv4Address::from_value(kLocalV4),
                 .remote = Ipv4Address::from_value(kRemoteBase + i),
                 .mtu = 1480,
                 .up = 1,
                 .rewrite = {kGatewayMac, kOwnMac, kEtherTypeIpv4}};
  }
  for (uint32_t i = 0; i < plan.units(); ++i) unit_to_slot_[i] = plan.tunnel_of(i);
}

void BareLoop::look_up(Traffic& traffic, std::size_t first, std::size_t address_offset,
                       uint32_t* slots) {
  for (std::size_t i = 0; i < kBurst; ++i) __builtin_prefetch(traffic.frame(first + i));
  for (std::size_t i = 0; i < kBurst; ++i) {
    uint32_t word;
    std::memcpy(&word, traffic.frame(first + i) + address_offset + 4, 4);
    slots[i] = byte_swap(word) & (kUnits - 1);
    __builtin_prefetch(&unit_to_slot_[slots[i]]);
  }
  for (std::size_t i = 0; i < kBurst; ++i) {
    slots[i] = unit_to_slot_[slots[i]];
    __builtin_prefetch(&slots_[slots[i]]);
    __builtin_prefetch(&counters_[slots[i]], 1);
  }
}

void BareLoop::encap(Traffic& traffic, std::size_t first) {
  uint32_t slots[kBurst];
  look_up(traffic, first, sizeof(EthernetHeader) + 24, slots);
  for (std::size_t i = 0; i < kBurst; ++i) {
    const Slot& slot = slots_[slots[i]];
    uint8_t* frame = traffic.frame(first + i);
    auto* inner = reinterpret_cast<Ipv6Header*>(frame + sizeof(EthernetHeader));
    const std::size_t length = sizeof(Ipv6Header) + inner->payload_length.value();
    if (slot.up == 0 || length > slot.mtu || inner->hop_limit <= 1) std::abort();
    --inner->hop_limit;
    frame -= sizeof(Ipv4Header);
    std::memcpy(frame, &slot.rewrite, sizeof(slot.rewrite));
    auto& outer = *reinterpret_cast<Ipv4Header*>(frame + sizeof(EthernetHeader));
    outer.version_ihl = 0x45;
    outer.tos = 0;
    outer.total_length = static_cast<uint16_t>(length + sizeof(Ipv4Header));
    outer.id = uint16_t{0};
    outer.flags_fragment = kIpv4DontFragment;
    outer.ttl = 64;
    outer.protocol = kProtocolIpv6;
    outer.source = slot.local;
    outer.destination = slot.remote;
    outer.checksum = ipv4_header_checksum(outer);
    ++counters_[slots[i]].out_packets;
    counters_[slots[i]].out_bytes += length;
  }
}

void BareLoop::decap(Traffic& traffic, std::size_t first) {
  uint32_t slots[kBurst];
  look_up(traffic, first, sizeof(EthernetHeader) + sizeof(Ipv4Header) + 8, slots);
  for (std::size_t i = 0; i < kBurst; ++i) {
    const Slot& slot = slots_[slots[i]];
    uint8_t* frame = traffic.frame(first + i);
    const auto* outer = reinterpret_cast<const Ipv4Header*>(frame + sizeof(EthernetHeader));
    auto* inner =
        reinterpret_cast<Ipv6Header*>(frame + sizeof(EthernetHeader) + sizeof(Ipv4Header));
    const std::size_t length = sizeof(Ipv6Header) + inner->payload_length.value();
    if (slot.up == 0 || outer->source != slot.remote ||
        length + sizeof(Ipv4Header) > outer->total_length.value()) {
      std::abort();
    }
    --inner->hop_limit;
    std::memcpy(frame + sizeof(Ipv4Header), &slot.rewrite, sizeof(slot.rewrite));
    ++counters_[slots[i]].in_packets;
    counters_[slots[i]].in_bytes += length;
  }
}

void BareLoop::run(Direction direction, Traffic& traffic, std::size_t first) {
  if (direction == Direction::kEncap) {
    encap(traffic, first);
  } else {
    decap(traffic, first);
  }
}

}  // namespace simplon::bench
