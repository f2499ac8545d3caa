// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/slowpath/prober.h"

#include <cstring>

#include "dataplane/crypto/constant_time.h"
#include "dataplane/net/checksum.h"
#include "dataplane/slowpath/outer_header.h"

namespace simplon {

// Behind the ICMPv6 header.
struct Prober::Payload {
  Be64 sent_ns;
  Be64 tag;
};

namespace {

constexpr uint8_t kHopLimit = 64;
constexpr std::size_t kMessage = sizeof(IcmpHeader) + 16;
constexpr std::size_t kTotal = sizeof(Ipv6Header) + kMessage;

}  // namespace

uint64_t Prober::tag(uint32_t slot, uint8_t incarnation, const Endpoint& endpoint, uint64_t sent_ns,
                     uint16_t sequence) const {
  struct {
    uint64_t sent_ns;
    Ipv6Address address;
    uint32_t slot;
    uint16_t port;
    uint16_t sequence;
    uint8_t incarnation;
    uint8_t transport;
    uint8_t zero[6];
  } const what{sent_ns,
               endpoint.address,
               slot,
               endpoint.port,
               sequence,
               incarnation,
               static_cast<uint8_t>(endpoint.transport),
               {}};
  return siphash_of(key_, what);
}

// ---- Queues.

void Prober::append(uint32_t index) {
  Pending& p = entries_[index];
  Queue& queue = queue_of(p);
  p.previous = queue.last;
  p.next = kNone;
  (queue.last == kNone ? queue.first : entries_[queue.last].next) = index;
  queue.last = index;
}

void Prober::unlink(uint32_t index) {
  Pending& p = entries_[index];
  Queue& queue = queue_of(p);
  (p.previous == kNone ? queue.first : entries_[p.previous].next) = p.next;
  (p.next == kNone ? queue.last : entries_[p.next].previous) = p.previous;
}

uint32_t Prober::find(uint32_t slot) const {
  return slot < by_slot_.size() ? by_slot_[slot] : kNone;
}

uint32_t Prober::add(uint32_t slot, bool evict) {
  if (free_ == kNone && entries_.size() == kMaxPending) {
    if (!evict) return kNone;
    // The one that has been at it for longest.
    remove(queues_[1].first != kNone ? queues_[1].first : queues_[0].first);
  }
  if (slot >= by_slot_.size()) {
    std::size_t size = 1024;
    while (size <= slot) size *= 2;
    by_slot_.resize(size, kNone);
  }
  uint32_t index = free_;
  if (index != kNone) {
    free_ = entries_[index].next;
    entries_[index] = {};
  } else {
    index = static_cast<uint32_t>(entries_.size());
    entries_.emplace_back();
  }
  entries_[index].slot = slot;
  by_slot_[slot] = index;
  ++pending_;
  return index;
}

void Prober::remove(uint32_t index) {
  unlink(index);
  Pending& p = entries_[index];
  by_slot_[p.slot] = kNone;
  p.next = free_;
  free_ = index;
  --pending_;
}

// ---- Probing.

void Prober::begin(const ForwardingTable& table, uint32_t slot, uint8_t incarnation) {
  if (slot >= kMaxSlots) return;
  uint32_t index = find(slot);
  if (index == kNone) {
    index = add(slot, true);
  } else {
    unlink(index);
  }
  Pending& p = entries_[index];
  p.incarnation = incarnation;
  p.patient = false;
  p.begun_ns = exits_.now();
  start_looking(p);
  append(index);
  run(table, index);
}

void Prober::resume(const ForwardingTable& table, uint32_t slot, uint8_t incarnation) {
  if (slot >= kMaxSlots || find(slot) != kNone) return;
  const uint32_t index = add(slot, false);
  if (index == kNone) return;
  Pending& p = entries_[index];
  p.incarnation = incarnation;
  p.patient = true;
  p.begun_ns = exits_.now();
  start_looking(p);
  append(index);
  run(table, index);
}

void Prober::tick(const ForwardingTable& table) {
  for (Queue& queue : queues_) {
    for (std::size_t n = 0; n < kMaxPerTick && queue.first != kNone; ++n) {
      const uint32_t index = queue.first;
      if (entries_[index].due_ns > exits_.now()) break;
      run(table, index);
    }
  }
}

// Looks after one that is due, and puts it to the end of its queue.
void Prober::run(const ForwardingTable& table, uint32_t index) {
  Pending& p = entries_[index];
  const RuntimeTable& runtime = exits_.context().runtime;
  const TunnelSlot* tunnel = find_dynamic(table, runtime, p.slot);
  if (tunnel == nullptr || tunnel->incarnation != p.incarnation) {
    remove(index);
    return;
  }
  const Endpoint endpoint = runtime.load(p.slot, p.incarnation);
  if (!endpoint.up || endpoint.verified || look_at_traffic(table, p, endpoint)) {
    remove(index);
    return;
  }
  unlink(index);
  p.patient = p.patient || exits_.now() - p.begun_ns >= kEager;
  p.due_ns = exits_.now() + (p.patient ? kPatientInterval : kEagerInterval);
  append(index);
  const bool enabled = (tunnel->flags & kTunnelEnabled) != 0;
  // Over the budget this turn is left out: there are very many that wait.
  if (enabled && budget_.take(exits_.now())) send(table, p);
}

void Prober::send(const ForwardingTable& table, Pending& p) {
  const auto link = table.snapshot.link_hi(p.slot);
  if (!link) return;
  const Endpoint endpoint = exits_.context().runtime.load(p.slot, p.incarnation);
  Packet packet;
  if (!exits_.originate(packet)) return;
  ++p.sequence;
  ++p.sent_since;
  packet.length = static_cast<uint16_t>(kTotal);
  packet.tailroom = static_cast<uint16_t>(packet.tailroom - kTotal);
  auto* ip = packet.at<Ipv6Header>(0);
  *ip = {
      .version_class_flow = uint32_t{6} << 28,
      .payload_length = static_cast<uint16_t>(kMessage),
      .next_header = kProtocolIcmpv6,
      .hop_limit = kHopLimit,
      .source = Ipv6Address::from_halves(*link, 1),
      .destination = Ipv6Address::from_halves(*link, 2),
  };
  auto* icmp = packet.at<IcmpHeader>(sizeof(Ipv6Header));
  *icmp = {.type = kIcmpv6EchoRequest,
           .code = 0,
           .checksum = uint16_t{0},
           .rest = uint32_t{kIdentifier} << 16 | p.sequence};
  const uint64_t sent_ns = exits_.now();
  *packet.at<Payload>(sizeof(Ipv6Header) + sizeof(IcmpHeader)) = {
      .sent_ns = sent_ns, .tag = tag(p.slot, p.incarnation, endpoint, sent_ns, p.sequence)};
  icmp->checksum = icmpv6_checksum(*ip, {packet.at<uint8_t>(sizeof(Ipv6Header)), kMessage});
  packet.out_slot = p.slot;
  exits_.counters().add(WorkerCounter::kProbesSent);
  send_ipv6(exits_.context(), table, packet);
  exits_.finish(table, packet);
}

bool Prober::answer(const ForwardingTable& table, const Packet& packet,
                    std::span<const uint8_t> message) {
  static_assert(sizeof(Payload) == kMessage - sizeof(IcmpHeader));
  const uint32_t slot = packet.in_slot;
  RuntimeTable& runtime = exits_.context().runtime;
  const TunnelSlot* tunnel = slot == kNoSlot ? nullptr : find_dynamic(table, runtime, slot);
  if (tunnel == nullptr || message.size() != kMessage) return false;
  const auto link = table.snapshot.link_hi(slot);
  const auto* ip = packet.at<Ipv6Header>(packet.inner);
  if (!link || ip->source != Ipv6Address::from_halves(*link, 2) ||
      ip->destination != Ipv6Address::from_halves(*link, 1)) {
    return false;
  }
  const auto* icmp = reinterpret_cast<const IcmpHeader*>(message.data());
  Payload payload;
  std::memcpy(&payload, message.data() + sizeof(IcmpHeader), sizeof payload);
  const uint64_t sent_ns = payload.sent_ns.value();
  if (icmp->rest.value() >> 16 != kIdentifier || sent_ns > exits_.now() ||
      exits_.now() - sent_ns > kAnswerTime) {
    return false;
  }
  const Endpoint endpoint = runtime.load(slot, tunnel->incarnation);
  if (!endpoint.up || !came_from(packet, endpoint)) return false;
  const Be64 expected =
      tag(slot, tunnel->incarnation, endpoint, sent_ns, static_cast<uint16_t>(icmp->rest.value()));
  if (!equal_in_constant_time({reinterpret_cast<const uint8_t*>(&expected), sizeof expected},
                              {reinterpret_cast<const uint8_t*>(&payload.tag), sizeof expected})) {
    return false;
  }
  exits_.counters().add(WorkerCounter::kProbesAnswered);
  verified(table, slot, tunnel->incarnation, endpoint, VerifiedBy::kProbe);
  return true;
}

void Prober::verified(const ForwardingTable& table, uint32_t slot, uint8_t incarnation,
                      const Endpoint& endpoint, VerifiedBy by) {
  if (!exits_.context().runtime.verify(slot, incarnation, endpoint)) return;
  exits_.counters().add(WorkerCounter::kEndpointsVerified);
  TunnelEvent event = make_tunnel_event(TunnelEventKind::kVerified, slot, incarnation, endpoint,
                                        exits_.context().time.unix_ns);
  event.detail = static_cast<uint8_t>(by);
  watch_.happened(table, event);
}

// ---- Traffic.

void Prober::start_looking(Pending& p) {
  p.looked_ns = exits_.now();
  p.in_packets = 0;
  p.out_packets = 0;
  for (const TunnelCounters* column : columns_) {
    p.in_packets += counter_load(column[p.slot].in_packets);
    p.out_packets += counter_load(column[p.slot].out_packets);
  }
  p.sent_since = 0;
  p.two_way_ns = 0;
}

bool Prober::look_at_traffic(const ForwardingTable& table, Pending& p, const Endpoint& endpoint) {
  const uint64_t elapsed = exits_.now() - p.looked_ns;
  if (columns_.empty() || elapsed < kEagerInterval) return false;
  const uint64_t in_before = p.in_packets;
  const uint64_t out_before = p.out_packets + p.sent_since;
  const uint64_t two_way = p.two_way_ns;
  start_looking(p);
  const bool both = p.in_packets > in_before && p.out_packets > out_before;
  p.two_way_ns = two_way + (both ? elapsed : 0);
  if (p.two_way_ns < kTwoWayTime) return false;
  verified(table, p.slot, p.incarnation, endpoint, VerifiedBy::kTraffic);
  return true;
}

}  // namespace simplon
