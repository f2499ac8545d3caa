// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/neighbor.h"

#include <algorithm>

#include "dataplane/slowpath/link_frame.h"

namespace simplon {
namespace {

// What an announcement says, or what an answer depends on.
bool same_link(const LinkInterface& a, const LinkInterface& b) {
  return a.port == b.port && a.vlan == b.vlan && a.mac == b.mac && a.has_ipv4 == b.has_ipv4 &&
         a.has_ipv6 == b.has_ipv6 && a.ipv4 == b.ipv4 && a.ipv6 == b.ipv6 &&
         a.ipv4_length == b.ipv4_length && a.ipv6_length == b.ipv6_length;
}

NextHop next_hop_of(const ForwardingTable& table, const Packet& packet) {
  const std::size_t there = packet.length - packet.network;
  if (there >= sizeof(Ipv4Header) && packet.at<Ipv4Header>(packet.network)->version() == 4) {
    return table.links.route_ipv4(packet.at<Ipv4Header>(packet.network)->destination);
  }
  if (there >= sizeof(Ipv6Header) && packet.at<Ipv6Header>(packet.network)->version() == 6) {
    return table.links.route_ipv6(packet.at<Ipv6Header>(packet.network)->destination);
  }
  return {};
}

// Addresses no station answers for: our own, and a subnet's broadcast.
bool is_askable(const ForwardingTable& table, const NextHop& next_hop) {
  if (!next_hop.address.is_ipv4_mapped()) {
    return !next_hop.address.is_multicast() && !table.links.is_local_ipv6(next_hop.address);
  }
  const Ipv4Address a = next_hop.address.ipv4();
  const LinkInterface& link = table.links.interfaces()[next_hop.interface];
  const uint32_t host_bits = ~prefix_mask32(link.ipv4_length);
  const bool broadcast = link.ipv4_length <= 30 && (a.value() & host_bits) == host_bits;
  return !broadcast && !table.links.is_local_ipv4(a);
}

}  // namespace

Neighbors::Neighbors(Exits& exits, NeighborTable& table, uint64_t seed, bool announce)
    : exits_(exits), table_(table), random_(seed | 1), announce_(announce) {
  neighbors_.resize(kMaxNeighbors);
}

uint64_t Neighbors::reachable_time() {
  random_ ^= random_ << 13;  // xorshift64
  random_ ^= random_ >> 7;
  random_ ^= random_ << 17;
  return kReachableTime / 2 + random_ % kReachableTime;
}

Neighbors::Neighbor* Neighbors::find(uint8_t interface, const Ipv6Address& address) {
  for (Neighbor& n : neighbors_) {
    if (n.used && n.interface == interface && n.address == address) return &n;
  }
  return nullptr;
}

Neighbors::Neighbor* Neighbors::create(uint8_t interface, const Ipv6Address& address,
                                       bool gateway) {
  std::size_t incomplete = 0;
  Neighbor* free = nullptr;
  Neighbor* oldest = nullptr;  // of those that serve nobody now
  for (Neighbor& n : neighbors_) {
    if (!n.used) {
      if (free == nullptr) free = &n;
      continue;
    }
    if (n.gateway) continue;
    if (n.state == State::kIncomplete) ++incomplete;
    if ((n.state == State::kStale || n.state == State::kFailed) &&
        (oldest == nullptr || n.due_ns < oldest->due_ns)) {
      oldest = &n;
    }
  }
  if (!gateway && incomplete >= kMaxIncomplete) return nullptr;
  if (free == nullptr) {
    if (oldest == nullptr) return nullptr;
    remove(*oldest);
    free = oldest;
  }
  *free = Neighbor{};
  free->used = true;
  free->gateway = gateway;
  free->interface = interface;
  free->address = address;
  return free;
}

void Neighbors::remove(Neighbor& n) {
  drop_held(n);
  table_.remove(n.interface, n.address);
  n.used = false;
}

void Neighbors::enter(Neighbor& n, State state, uint64_t duration_ns) {
  n.state = state;
  n.solicits = 0;
  n.due_ns = exits_.now() + duration_ns;
}

void Neighbors::hold(Neighbor& n, const Packet& packet) {
  if (n.held_count == kMaxHeld) {
    exits_.drop(n.held[0], DropReason::kNoNeighbor);
    std::move(n.held.begin() + 1, n.held.end(), n.held.begin());
    --n.held_count;
    --held_;
  }
  n.held[n.held_count++] = packet;
  exits_.counters().set(WorkerCounter::kHeldNeighbor, ++held_);
}

void Neighbors::drop_held(Neighbor& n) {
  for (unsigned i = 0; i < n.held_count; ++i) exits_.drop(n.held[i], DropReason::kNoNeighbor);
  held_ -= n.held_count;
  n.held_count = 0;
  exits_.counters().set(WorkerCounter::kHeldNeighbor, held_);
}

void Neighbors::begin(const ForwardingTable& table, Neighbor& n) {
  enter(n, State::kIncomplete, 0);
  solicit(table, n);
}

void Neighbors::resolve(const ForwardingTable& table, Packet& packet) {
  const NextHop next_hop = next_hop_of(table, packet);
  if (next_hop.interface >= table.links.interfaces().size()) {
    exits_.drop(packet, DropReason::kNoRoute);
    return;
  }
  MacAddress mac;
  Neighbor* n = find(next_hop.interface, next_hop.address);
  if (table_.lookup(next_hop.interface, next_hop.address, mac)) {
    // Resolved while the packet was on its way here.
    send_on_link(exits_.context(), table, packet, next_hop);
    exits_.finish(table, packet);
    return;
  }
  if (n == nullptr) {
    if (is_askable(table, next_hop)) {
      n = create(next_hop.interface, next_hop.address, false);
    }
    if (n == nullptr) {
      exits_.drop(packet, DropReason::kNoNeighbor);
      return;
    }
    begin(table, *n);
  }
  switch (n->state) {
    case State::kIncomplete:
      hold(*n, packet);
      return;
    case State::kStale:
      // In use again: workers get it back, and it is asked after a moment (RFC 4861 7.3.3).
      enter(*n, State::kDelay, kDelayFirstProbe);
      [[fallthrough]];
    case State::kReachable:
    case State::kDelay:
    case State::kProbe:
      send_via(table, *n, packet);
      return;
    case State::kFailed:
      exits_.drop(packet, DropReason::kNoNeighbor);
      return;
  }
}

void Neighbors::send_via(const ForwardingTable& table, const Neighbor& n, Packet& packet) {
  if (!table_.set(n.interface, n.address, n.mac)) {
    exits_.drop(packet, DropReason::kNoNeighbor);
    return;
  }
  send_on_link(exits_.context(), table, packet, {n.interface, n.gateway, n.address});
  exits_.finish(table, packet);
}

void Neighbors::learn(const ForwardingTable& table, Neighbor& n, const MacAddress& mac) {
  n.mac = mac;
  if (!table_.set(n.interface, n.address, mac)) {
    drop_held(n);
    return;
  }
  // Out of the entry first: sending may come back here.
  const std::array<Packet, kMaxHeld> held = n.held;
  const unsigned count = n.held_count;
  n.held_count = 0;
  held_ -= count;
  exits_.counters().set(WorkerCounter::kHeldNeighbor, held_);
  for (unsigned i = 0; i < count; ++i) {
    Packet packet = held[i];
    send_via(table, n, packet);
  }
}

void Neighbors::confirm(const ForwardingTable& table, Neighbor& n, const MacAddress& mac) {
  enter(n, State::kReachable, reachable_time());
  n.confirmed_ns = exits_.now();
  learn(table, n, mac);
}

void Neighbors::hear(const ForwardingTable& table, Neighbor& n, const MacAddress& mac) {
  const bool known = n.state != State::kIncomplete && n.state != State::kFailed;
  if (known && n.mac == mac) return;
  if (known && n.confirmed_ns != 0 && exits_.now() - n.confirmed_ns < kLockTime) return;
  // Good enough to send to, but nothing says it hears us: probed at the next tick.
  enter(n, State::kProbe, 0);
  learn(table, n, mac);
}

void Neighbors::expire(const ForwardingTable& table, Neighbor& n) {
  switch (n.state) {
    case State::kIncomplete:
      if (n.solicits < kMaxSolicits) {
        solicit(table, n);
      } else {
        drop_held(n);
        enter(n, State::kFailed, n.gateway ? 0 : kFailedLifetime);
        if (n.gateway) solicit(table, n);
      }
      return;
    case State::kReachable:
      if (n.gateway) {
        enter(n, State::kProbe, 0);
        solicit(table, n);
      } else {
        // Whether it is still needed only shows when a worker asks for it again.
        enter(n, State::kStale, kStaleLifetime);
        table_.remove(n.interface, n.address);
      }
      return;
    case State::kDelay:
      enter(n, State::kProbe, 0);
      solicit(table, n);
      return;
    case State::kProbe:
      if (n.solicits < kMaxSolicits) {
        solicit(table, n);
      } else if (n.gateway) {
        table_.remove(n.interface, n.address);
        begin(table, n);
      } else {
        remove(n);
      }
      return;
    case State::kStale:
      remove(n);
      return;
    case State::kFailed:
      if (n.gateway) {
        solicit(table, n);  // once a second for ever
      } else {
        remove(n);
      }
      return;
  }
}

void Neighbors::solicit(const ForwardingTable& table, Neighbor& n) {
  n.due_ns = exits_.now() + kRetransmit;
  if (n.solicits < kMaxSolicits) ++n.solicits;
  const LinkInterface& link = table.links.interfaces()[n.interface];
  const bool unicast = n.state == State::kProbe;
  if (n.address.is_ipv4_mapped()) {
    if (!link.has_ipv4) return;
    send_arp_request(link, unicast ? n.mac : kBroadcastMac, link.ipv4, n.address.ipv4());
  } else {
    send_solicitation(link, n.address, unicast ? &n.mac : nullptr);
  }
}

void Neighbors::tick(const ForwardingTable& table) {
  update_links(table);
  for (Neighbor& n : neighbors_) {
    if (n.used && exits_.now() >= n.due_ns) expire(table, n);
  }
  announce_due(table);
}

void Neighbors::update_links(const ForwardingTable& table) {
  const auto links = table.links.interfaces();
  const PopRecord& pop = table.snapshot.pop();
  const std::size_t count = std::min<std::size_t>(pop.local_address_count, kMaxLocalAddresses);
  bool local_changed = count != local_count_;
  for (std::size_t i = 0; i < count; ++i) {
    const auto local = Ipv6Address::from_bytes(pop.local_addresses[i]);
    const Ipv4Address a = local.is_ipv4_mapped() ? local.ipv4() : Ipv4Address{};
    local_changed |= a != local_[i];
    local_[i] = a;
  }
  local_count_ = count;

  for (std::size_t i = 0; i < announced_.size(); ++i) {
    Announced& known = announced_[i];
    const bool active = i < links.size();
    const bool changed = active != known.active || (active && !same_link(links[i], known.link));
    if (changed) {
      for (Neighbor& n : neighbors_) {
        // Packets may have begun some before the first look at the links.
        if (n.used && n.interface == i && known.active) remove(n);
      }
      known = {};
      known.active = active;
      if (active) known.link = links[i];
    }
    if (active && announce_ && (changed || local_changed)) {
      known.left = kAnnouncements;
      known.due_ns = exits_.now();
    }
  }

  for (Neighbor& n : neighbors_) n.gateway = false;
  for (std::size_t i = 0; i < links.size(); ++i) {
    const auto interface = static_cast<uint8_t>(i);
    if (links[i].has_ipv4_gateway) {
      update_gateway(table, interface, Ipv6Address::from_ipv4(links[i].ipv4_gateway));
    }
    if (links[i].has_ipv6_gateway) update_gateway(table, interface, links[i].ipv6_gateway);
  }
}

void Neighbors::update_gateway(const ForwardingTable& table, uint8_t interface,
                               const Ipv6Address& address) {
  if (Neighbor* n = find(interface, address)) {
    n->gateway = true;
    return;
  }
  MacAddress mac;
  if (table_.lookup(interface, address, mac)) return;  // static
  if (Neighbor* n = create(interface, address, true)) begin(table, *n);
}

void Neighbors::flush() {
  for (Neighbor& n : neighbors_) {
    if (n.used) drop_held(n);
  }
}

std::vector<NeighborStatus> Neighbors::status(uint64_t now_ns) const {
  std::vector<NeighborStatus> all;
  for (const Neighbor& n : neighbors_) {
    if (!n.used) continue;
    NeighborStatus s{};
    std::copy(n.address.bytes.begin(), n.address.bytes.end(), s.address);
    std::copy(n.mac.begin(), n.mac.end(), s.mac);
    NeighborState state = NeighborState::kIncomplete;
    switch (n.state) {
      case State::kIncomplete:
        break;
      case State::kReachable:
        state = NeighborState::kReachable;
        break;
      case State::kStale:
      case State::kDelay:
        state = NeighborState::kStale;
        break;
      case State::kProbe:
        state = NeighborState::kProbe;
        break;
      case State::kFailed:
        state = NeighborState::kFailed;
        break;
    }
    s.state = static_cast<uint8_t>(state);
    s.interface = n.interface;
    if (n.confirmed_ns != 0 && now_ns > n.confirmed_ns) {
      s.age_seconds = static_cast<uint32_t>((now_ns - n.confirmed_ns) / kSecond);
    }
    all.push_back(s);
  }
  return all;
}

}  // namespace simplon
