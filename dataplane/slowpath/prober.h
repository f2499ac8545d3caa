// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Return routability (docs/protocols.md §10.5, §10.6): an endpoint that has come up or moved is
// sent echo requests with a tag that only who gets them can know. The answer, or ten seconds of
// packets both ways, shows that the client is there. Memory and probes per second are bounded; what
// finds no room is met again by the scan of the runtime table. Slow-path thread.

#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/crypto/siphash.h"
#include "dataplane/slowpath/exits.h"
#include "dataplane/slowpath/tunnel_watch.h"

namespace simplon {

class Prober {
 public:
  static constexpr std::size_t kMaxPending = 65'536;
  static constexpr uint32_t kProbesPerSecond = 20'000;
  static constexpr uint64_t kSecond = 1'000'000'000;
  // At once, then each second, then at leisure for as long as it takes.
  static constexpr uint64_t kEager = 10 * kSecond;
  static constexpr uint64_t kEagerInterval = kSecond;
  static constexpr uint64_t kPatientInterval = 10 * kSecond;
  static constexpr uint64_t kAnswerTime = 10 * kSecond;  // later answers say nothing
  static constexpr uint64_t kTwoWayTime = 10 * kSecond;

  static constexpr uint16_t kIdentifier = 0x4242;  // as the original's

  // References outlive the object.
  Prober(Exits& exits, TunnelWatch& watch, uint64_t seed)
      : exits_(exits), watch_(watch), key_(make_sip_key(seed, kPurpose)) {}

  // The counters of all threads, by slot, the slow path's included; they outlive the object.
  // Without them traffic verifies nothing.
  void set_columns(std::vector<const TunnelCounters*> columns) { columns_ = std::move(columns); }

  // The endpoint of this tunnel is a new one: probed at once.
  void begin(const ForwardingTable& table, uint32_t slot, uint8_t incarnation);

  // It is unverified, as the scan sees: probed if there is room and it is not being probed already.
  void resume(const ForwardingTable& table, uint32_t slot, uint8_t incarnation);

  // An echo reply to the PoP by tunnel `packet.in_slot`, checksum good; `message` is its ICMPv6.
  // True: it answers a probe of ours.
  bool answer(const ForwardingTable& table, const Packet& packet, std::span<const uint8_t> message);

  void tick(const ForwardingTable& table);

  std::size_t pending() const { return pending_; }

 private:
  static constexpr uint64_t kPurpose = 3;
  static constexpr uint32_t kNone = 0xffffffff;
  static constexpr std::size_t kMaxPerTick = 4096;

  struct Pending {
    uint32_t slot = 0;
    uint8_t incarnation = 0;
    bool patient = false;
    uint16_t sequence = 0;
    uint32_t previous = kNone;  // in its queue, or the list of free ones
    uint32_t next = kNone;
    uint64_t begun_ns = 0;
    uint64_t due_ns = 0;
    // Of the last look at the counters.
    uint64_t looked_ns = 0;
    uint64_t in_packets = 0;
    uint64_t out_packets = 0;
    uint64_t sent_since = 0;  // of the latter: probes
    uint64_t two_way_ns = 0;
  };

  // All in it have the same interval, so the first is the next one due.
  struct Queue {
    uint32_t first = kNone;
    uint32_t last = kNone;
  };

  struct Payload;

  Queue& queue_of(const Pending& p) { return queues_[p.patient ? 1 : 0]; }
  void append(uint32_t index);
  void unlink(uint32_t index);
  uint32_t find(uint32_t slot) const;
  uint32_t add(uint32_t slot, bool evict);
  void remove(uint32_t index);
  void run(const ForwardingTable& table, uint32_t index);
  void send(const ForwardingTable& table, Pending& p);
  // True: it has verified the endpoint.
  bool look_at_traffic(const ForwardingTable& table, Pending& p, const Endpoint& endpoint);
  void start_looking(Pending& p);
  void verified(const ForwardingTable& table, uint32_t slot, uint8_t incarnation,
                const Endpoint& endpoint, VerifiedBy by);
  uint64_t tag(uint32_t slot, uint8_t incarnation, const Endpoint& endpoint, uint64_t sent_ns,
               uint16_t sequence) const;

  Exits& exits_;
  TunnelWatch& watch_;
  SipKey key_;
  std::vector<const TunnelCounters*> columns_;
  std::vector<Pending> entries_;
  std::vector<uint32_t> by_slot_;  // grows to the largest slot seen
  uint32_t free_ = kNone;
  std::size_t pending_ = 0;
  std::array<Queue, 2> queues_;
  TokenBucket budget_{kProbesPerSecond, kProbesPerSecond / 10};
};

}  // namespace simplon
