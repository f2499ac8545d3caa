// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// AYIYA in order from present endpoints, on the plain path: what the hash costs, and little more.
// A signature that is not good goes to the stages like every other doubt; they hash again, and it
// is they who make it pay.

#include "dataplane/crypto/constant_time.h"
#include "dataplane/net/ayiya.h"
#include "dataplane/net/checksum.h"
#include "dataplane/pipeline/ayiya_worker.h"
#include "dataplane/pipeline/plain_burst.h"
#include "dataplane/table/address_rules.h"

namespace simplon {
namespace {

constexpr std::size_t kAyiyaIpAt = sizeof(EthernetHeader);
constexpr std::size_t kAyiyaUdpAt = kAyiyaIpAt + sizeof(Ipv4Header);
constexpr std::size_t kAyiyaAt = kAyiyaUdpAt + sizeof(UdpHeader);
constexpr std::size_t kAyiyaInnerAt = kAyiyaAt + sizeof(AyiyaHeader);

// What can be said without the tunnel. Starts fetching what is known of it.
[[gnu::always_inline]] inline bool check_datagram(PlainBurst& burst, std::size_t index,
                                                  std::size_t mtu) {
  const Packet& packet = burst.packets[index];
  const auto* outer = packet.at<Ipv4Header>(kAyiyaIpAt);
  const auto* udp = packet.at<UdpHeader>(kAyiyaUdpAt);
  const auto* ayiya = packet.at<AyiyaHeader>(kAyiyaAt);
  const auto* inner = packet.at<Ipv6Header>(kAyiyaInnerAt);
  const auto* inner_start = packet.at<uint8_t>(kAyiyaInnerAt);
  const std::size_t total = outer->total_length.value();
  const std::size_t datagram = udp->length.value();
  const std::size_t length = sizeof(Ipv6Header) + inner->payload_length.value();
  const unsigned outer_ecn = outer->tos & 3u;
  const unsigned inner_ecn = inner_start[1] >> 4 & 3u;
  const bool fine = sums_up(packet.at<uint8_t>(kAyiyaIpAt)) &
                    (kAyiyaIpAt + total <= packet.length) &
                    (sizeof(Ipv4Header) + datagram <= total) &
                    (sizeof(UdpHeader) + sizeof(AyiyaHeader) + length == datagram) &
                    (load<uint32_t>(ayiya) == kAyiyaForwardIpv6) & (ayiya->tunnel.lo() == 2) &
                    (length <= mtu) & (inner_start[0] >> 4 == 6) & (inner->hop_limit > 1) &
                    ((outer_ecn == 0) | (outer_ecn == inner_ecn)) &
                    is_ordinary(inner->destination.hi()) & is_usable_unicast(outer->source);
  if (!fine) [[unlikely]]
    return false;
  const PlainTable& plain = burst.table.plain;
  if (plain.find(inner->destination.hi()) != nullptr) [[unlikely]]
    return false;
  const uint64_t identity = ayiya->tunnel.hi();
  const PlainTable::Place* link = plain.find(identity);
  if (link == nullptr || link->kind != PoolKind::kLink || link->unit(identity) >= link->limit)
      [[unlikely]] {
    return false;
  }
  const uint32_t slot = link->first + static_cast<uint32_t>(link->unit(identity));
  PlainPacket& work = burst.work[index];
  work.tunnel = slot;
  __builtin_prefetch(burst.table.snapshot.slots() + slot);
  burst.context.runtime.prefetch(slot);
  prefetch_for_write(burst.context.tunnel_counters + slot);
  // The inner source: the client itself, or of another prefix of the tunnel's.
  if (inner->source == ayiya->tunnel) {
    work.unit = &work.tunnel;
    return true;
  }
  const uint64_t source = inner->source.hi();
  const PlainTable::Place* place = plain.find(source);
  return place != nullptr &&
         find_unit(burst.table.snapshot.unit_to_slot().data(), *place, inner->source, source, work);
}

// Of a datagram with a checksum: starts fetching it. Not all of a burst at once, which would drive
// the first ones out of the cache again before they are summed up.
[[gnu::always_inline]] inline void fetch_to_sum_up(const PlainBurst& burst, unsigned n) {
  if (n >= burst.ayiya.count) return;
  const Packet& packet = burst.packets[burst.ayiya.packets[n]];
  const auto* udp = packet.at<UdpHeader>(kAyiyaUdpAt);
  if (udp->checksum.raw() == 0 || packet.udp_summed) return;
  const auto* start = reinterpret_cast<const uint8_t*>(udp);
  for (std::size_t at = 128; at < udp->length.value(); at += 64) __builtin_prefetch(start + at);
}

[[gnu::noinline]] bool datagram_sums_up(const Packet& packet) {
  const auto* udp = packet.at<UdpHeader>(kAyiyaUdpAt);
  const auto* outer = packet.at<Ipv4Header>(kAyiyaIpAt);
  const uint16_t length = udp->length.value();
  const uint64_t sum = ipv4_pseudo_sum(outer->source, outer->destination, length, kProtocolUdp);
  return checksum_fold(checksum_add(sum, {packet.at<uint8_t>(kAyiyaUdpAt), length})) == 0xffff;
}

// It comes from where the tunnel ends now, and that is no news.
[[gnu::always_inline]] inline bool is_where_it_was(const PlainBurst& burst, const Packet& packet,
                                                   uint32_t number, const TunnelSlot& slot) {
  using namespace endpoint_word;
  constexpr uint64_t kPlace = kAyiya | kIpv6 | uint64_t{0x7f} << kIncarnationShift |
                              ((uint64_t{1} << kIncarnationShift) - 1);
  const auto* outer = packet.at<Ipv4Header>(kAyiyaIpAt);
  const uint64_t port = packet.at<UdpHeader>(kAyiyaUdpAt)->source_port.value();
  const RuntimeTable& runtime = burst.context.runtime;
  const uint64_t word = runtime.word(number);
  const uint64_t wanted = kAyiya | uint64_t{slot.incarnation & 0x7fu} << kIncarnationShift |
                          port << kPortShift | outer->source.value();
  const uint32_t local = burst.table.plain.local_end(local_index(word)).address;
  return (word & kPlace) == wanted && local == outer->destination.raw() && local != 0 &&
         runtime.is_old_news(number, packet.at<AyiyaHeader>(kAyiyaAt)->epoch.value(),
                             burst.context.time.boot_s);
}

[[gnu::always_inline]] inline bool check_ayiya_tunnel(const PlainBurst& burst, std::size_t index,
                                                      uint32_t unix_s) {
  const Packet& packet = burst.packets[index];
  const uint32_t number = burst.work[index].tunnel;
  const TunnelSlot& slot = burst.table.snapshot.slot(number);
  return *burst.work[index].unit == number && number < burst.context.runtime.capacity() &&
         takes_ayiya(static_cast<TunnelKind>(slot.kind)) && (slot.flags & kTunnelEnabled) != 0 &&
         (slot.options & kTunnelOptionStrictReplay) == 0 && has_secret(slot) &&
         is_where_it_was(burst, packet, number, slot) &&
         within_skew(packet.at<AyiyaHeader>(kAyiyaAt)->epoch.value(), unix_s) &&
         !burst.table.links.is_local_ipv4(packet.at<Ipv4Header>(kAyiyaIpAt)->source) &&
         (packet.udp_summed || packet.at<UdpHeader>(kAyiyaUdpAt)->checksum.raw() == 0 ||
          datagram_sums_up(packet));
}

}  // namespace

void ayiya_plain_receive(PlainBurst& burst) {
  WorkerContext& context = burst.context;
  const LinkTemplate uplink =
      link_template(burst, burst.table.links.default_ipv6(), kEtherTypeIpv6);
  PacketList& list = burst.ayiya;
  if (context.ayiya == nullptr || !uplink.usable()) {
    for (unsigned n = 0; n < list.count; ++n) burst.leave(list.packets[n]);
    return;
  }
  list.keep_if([&](uint8_t index) {
    if (check_datagram(burst, index, uplink.mtu)) [[likely]]
      return true;
    burst.leave(index);
    return false;
  });

  AyiyaWorker& worker = *context.ayiya;
  HashBudget& budget = worker.budget;
  const uint32_t unix_s = context.time.unix_s();
  unsigned count = 0;
  constexpr unsigned kAhead = 2;
  for (unsigned n = 0; n < kAhead; ++n) fetch_to_sum_up(burst, n);
  for (unsigned n = 0; n < list.count; ++n) {
    fetch_to_sum_up(burst, n + kAhead);
    const uint8_t index = list.packets[n];
    AyiyaWorker::Candidate& candidate = worker.candidates[count];
    const uint32_t number = burst.work[index].tunnel;
    if (!check_ayiya_tunnel(burst, index, unix_s) ||
        (candidate.payment.own = budget.pay_own(number, context.now_ns)) == nullptr) [[unlikely]] {
      burst.leave(index);
      continue;
    }
    candidate.index = index;
    const Packet& packet = burst.packets[index];
    const std::size_t size = packet.at<UdpHeader>(kAyiyaUdpAt)->length.value() - sizeof(UdpHeader);
    worker.jobs[count] = {packet.at<uint8_t>(kAyiyaAt), size, candidate.digest.data(),
                          burst.table.snapshot.slot(number).secret_sha1};
    if (count < Sha1Batch::kFetched) Sha1Batch::fetch(worker.jobs[count]);
    ++count;
  }
  const std::span<AyiyaWorker::Candidate> candidates = std::span(worker.candidates).first(count);
  if (!budget.pay_common(count, context.now_ns)) [[unlikely]] {
    for (const AyiyaWorker::Candidate& candidate : candidates) {
      HashBudget::give_back_own(candidate.payment.own);
      burst.leave(candidate.index);
    }
    return;
  }
  worker.sha1().run(std::span(worker.jobs).first(count));
  budget.give_back_common(count);

  TunnelCounters* counters = context.tunnel_counters;
  const Fate fate = sent_by(uplink, burst);
  uint64_t done = 0;
  for (const AyiyaWorker::Candidate& candidate : candidates) {
    HashBudget::give_back_own(candidate.payment.own);
    Packet& packet = burst.packets[candidate.index];
    if (!same_20_bytes(packet.at<AyiyaHeader>(kAyiyaAt)->signature.data(), candidate.digest.data()))
        [[unlikely]] {
      burst.leave(candidate.index);
      continue;
    }
    const uint32_t slot = burst.work[candidate.index].tunnel;
    auto* inner = packet.at<Ipv6Header>(kAyiyaInnerAt);
    const std::size_t length = sizeof(Ipv6Header) + inner->payload_length.value();
    --inner->hop_limit;
    const auto behind = static_cast<unsigned>(packet.length - kAyiyaInnerAt - length);
    put_on_link<kAyiyaOverheadIpv4>(packet, packet.data, uplink.bytes, fate, behind);
    packet.inner = packet.network;
    packet.inner_length = static_cast<uint16_t>(length);
    packet.in_slot = slot;
    packet.encapsulation = Encapsulation::kAyiya;
    packet.transport = kAyiyaUdpAt;
    counter_add(counters[slot].in_packets, 1);
    counter_add(counters[slot].in_bytes, length);
    ++done;
  }
  context.counters.add(WorkerCounter::kAyiyaAccepted, done);
  context.counters.add(WorkerCounter::kDecapsulated, done);
}

}  // namespace simplon
