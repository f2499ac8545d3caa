// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// ARP and neighbour discovery on the links (docs/protocols.md §6.2-§6.5): finds the link-layer
// addresses of next hops, keeps them fresh, answers for the PoP's own addresses. States and timers
// are those of RFC 4861 7.3, for IPv4 too. Writes the NeighborTable the workers read. Slow-path
// thread.
//
// Nobody can make the PoP remember a station it has no packets for: entries begin with a packet to
// send or a configured gateway, never with a message received. Their number, the number of those
// still unresolved (RFC 6583 6.1) and the packets each may hold are bounded.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/slowpath/exits.h"
#include "dataplane/slowpath/nd_message.h"
#include "proto/link/link_messages.h"

namespace simplon {

class Neighbors {
 public:
  static constexpr std::size_t kMaxNeighbors = 256;
  static constexpr std::size_t kMaxIncomplete = 64;  // gateways apart
  static constexpr std::size_t kMaxHeld = 8;         // packets per neighbour; the latest stay

  // RFC 4861 10.
  static constexpr uint64_t kSecond = 1'000'000'000;
  static constexpr uint64_t kRetransmit = kSecond;
  static constexpr unsigned kMaxSolicits = 3;
  static constexpr uint64_t kReachableTime = 30 * kSecond;  // times 0.5 to 1.5, at random
  static constexpr uint64_t kDelayFirstProbe = 5 * kSecond;
  // Ours.
  static constexpr uint64_t kStaleLifetime = 600 * kSecond;
  static constexpr uint64_t kFailedLifetime = 5 * kSecond;
  static constexpr uint64_t kLockTime = kSecond;  // a MAC just confirmed is not overwritten
  static constexpr unsigned kAnnouncements = 2;   // RFC 5227 2.3
  static constexpr uint64_t kAnnounceInterval = 2 * kSecond;
  static constexpr uint64_t kDefendInterval = 10 * kSecond;  // RFC 5227 2.4

  // `announce`: tell the link about the PoP's addresses when they become active.
  Neighbors(Exits& exits, NeighborTable& table, uint64_t seed, bool announce);

  // An IP packet complete at `packet.network` whose next hop has no known address: held, sent or
  // dropped.
  void resolve(const ForwardingTable& table, Packet& packet);

  // An ARP frame; the packet at `packet.network`.
  void receive_arp(const ForwardingTable& table, Packet& packet);
  // From a link, checksum good; `message` is in `packet`.
  void receive_solicitation(const ForwardingTable& table, Packet& packet,
                            std::span<const uint8_t> message);
  void receive_advertisement(const ForwardingTable& table, Packet& packet,
                             std::span<const uint8_t> message);

  void tick(const ForwardingTable& table);

  // Drops what is held.
  void flush();

  std::vector<NeighborStatus> status(uint64_t now_ns) const;

 private:
  enum class State : uint8_t { kIncomplete, kReachable, kStale, kDelay, kProbe, kFailed };

  struct Neighbor {
    bool used = false;
    bool gateway = false;  // resolved ahead of need and for ever
    uint8_t interface = kNoInterfaceIndex;
    State state = State::kIncomplete;
    uint8_t solicits = 0;  // in this state
    uint8_t held_count = 0;
    MacAddress mac{};
    Ipv6Address address;        // IPv4-mapped for ARP
    uint64_t due_ns = 0;        // when the state's timer ends
    uint64_t confirmed_ns = 0;  // 0: never
    std::array<Packet, kMaxHeld> held;
  };

  // What is remembered of an interface, to see it change.
  struct Announced {
    LinkInterface link{};
    bool active = false;
    unsigned left = 0;  // announcements still to send
    uint64_t due_ns = 0;
    uint64_t defended_ns = 0;
  };

  Neighbor* find(uint8_t interface, const Ipv6Address& address);
  Neighbor* create(uint8_t interface, const Ipv6Address& address, bool gateway);
  void remove(Neighbor& n);
  void enter(Neighbor& n, State state, uint64_t duration_ns);

  void hold(Neighbor& n, const Packet& packet);
  void drop_held(Neighbor& n);
  void begin(const ForwardingTable& table, Neighbor& n);
  // The address is known: workers get it, what was held goes out.
  void learn(const ForwardingTable& table, Neighbor& n, const MacAddress& mac);
  void confirm(const ForwardingTable& table, Neighbor& n, const MacAddress& mac);
  // It uses this address, as it says itself without being asked.
  void hear(const ForwardingTable& table, Neighbor& n, const MacAddress& mac);
  void send_via(const ForwardingTable& table, const Neighbor& n, Packet& packet);
  void expire(const ForwardingTable& table, Neighbor& n);
  void solicit(const ForwardingTable& table, Neighbor& n);

  void update_links(const ForwardingTable& table);
  void update_gateway(const ForwardingTable& table, uint8_t interface, const Ipv6Address& address);
  void announce_due(const ForwardingTable& table);
  void announce_interface(const ForwardingTable& table, uint8_t interface);
  void conflict(const ForwardingTable& table, uint8_t interface);

  void send_arp_request(const LinkInterface& link, const MacAddress& to, Ipv4Address sender,
                        Ipv4Address target);
  void send_solicitation(const LinkInterface& link, const Ipv6Address& target,
                         const MacAddress* unicast);
  void send_advertisement(const LinkInterface& link, const Ipv6Address& target,
                          const Ipv6Address& destination, const MacAddress& to, uint32_t flags);

  uint64_t reachable_time();

  Exits& exits_;
  NeighborTable& table_;
  uint64_t random_;
  bool announce_;
  std::size_t held_ = 0;
  std::vector<Neighbor> neighbors_;
  std::array<Announced, kMaxInterfaces> announced_{};
  std::array<Ipv4Address, kMaxLocalAddresses> local_{};
  std::size_t local_count_ = 0;
};

}  // namespace simplon
