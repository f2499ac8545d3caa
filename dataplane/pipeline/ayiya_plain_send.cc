// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Into AYIYA tunnels that are up, verified and reached over IPv4, on the plain path.

#include <bit>
#include <cstring>

#include "dataplane/net/ayiya.h"
#include "dataplane/pipeline/ayiya_send.h"
#include "dataplane/pipeline/ayiya_worker.h"
#include "dataplane/pipeline/encap.h"
#include "dataplane/pipeline/plain_burst.h"

namespace simplon {
namespace {

struct AyiyaWay {
  uint8_t local_index;
  uint16_t port;    // as in memory
  uint32_t remote;  // as in memory
};

// Where the client is, if there is nothing to think about.
[[gnu::always_inline]] inline bool find_ayiya_way(const PlainBurst& burst, uint32_t number,
                                                  const TunnelSlot& slot, AyiyaWay& way) {
  using namespace endpoint_word;
  constexpr uint64_t kPlain = kStateMask | kAyiya | kIpv6 | kPreviousSecret;
  const uint64_t word = burst.context.runtime.word(number);
  const auto address = static_cast<uint32_t>(word);
  way.local_index = local_index(word);
  way.port = byte_swap(static_cast<uint16_t>(word >> kPortShift));
  way.remote = byte_swap(address);
  return (word & kPlain) == (kUpVerified | kAyiya) && incarnation(word) == slot.incarnation &&
         address != 0 && burst.table.plain.local_end(way.local_index).address != 0 &&
         !burst.table.plain.is_on_link(way.remote);
}

// Upper halves of link prefixes, by the pool of the last one asked for.
class LinkMemo {
 public:
  explicit LinkMemo(const SnapshotView& view) : view_(view) {}

  bool find(uint32_t slot, uint64_t& hi) {
    if (slot - first_ >= count_) [[unlikely]] {
      if (!find_pool(slot)) return false;
    }
    hi = base_ | (slot - first_);
    return true;
  }

 private:
  bool find_pool(uint32_t slot) {
    const PoolRecord* pool = view_.link_pool(slot);
    if (pool == nullptr) return false;
    base_ = pool->base;
    first_ = pool->first;
    count_ = pool->unit_count;
    return true;
  }

  const SnapshotView& view_;
  uint64_t base_ = 0;
  uint32_t first_ = 0;
  uint32_t count_ = 0;
};

// IPv4, UDP and AYIYA but for the signature, before the packet at `inner`. Put together in
// registers.
[[gnu::always_inline]] inline void write_ayiya(uint8_t* inner, const PlainTable& plain,
                                               const TunnelSlot& slot, const AyiyaWay& way,
                                               std::size_t length, uint8_t tos, uint32_t epoch,
                                               uint64_t link_hi) {
  // The sum of PlainTable is that of 6in4.
  constexpr uint32_t kOtherProtocol = (uint32_t{kProtocolIpv6} - kProtocolUdp) << 8;
  const PlainTable::LocalEnd& local = plain.local_end(way.local_index);
  uint8_t* const ip = inner - kAyiyaOverheadIpv4;
  const std::size_t datagram = kAyiyaOverheadIpv4 - sizeof(Ipv4Header) + length;
  const uint32_t total = byte_swap(static_cast<uint16_t>(kAyiyaOverheadIpv4 + length));
  const uint64_t sum = uint64_t{local.outer_sum} - kOtherProtocol + way.remote + total +
                       (uint32_t{tos} << 8) + slot.outer_ttl;
  auto folded = static_cast<uint32_t>(sum) + static_cast<uint32_t>(sum >> 32);
  folded = (folded + std::rotl(folded, 16)) >> 16;
  const uint64_t words[] = {
      0x45u | uint32_t{tos} << 8 | total << 16 | uint64_t{0x0040} << 48,
      slot.outer_ttl | uint32_t{kProtocolUdp} << 8 | (~folded & 0xffff) << 16 |
          uint64_t{local.address} << 32,
      // Destination, and the UDP header without a checksum.
      way.remote | uint64_t{byte_swap(kPortAyiya)} << 32 | uint64_t{way.port} << 48,
      byte_swap(static_cast<uint16_t>(datagram)) | uint64_t{kAyiyaForwardIpv6} << 32,
  };
  std::memcpy(ip, &words[0], 8);
  std::memcpy(ip + 8, &words[1], 8);
  std::memcpy(ip + 16, &words[2], 8);
  std::memcpy(ip + 24, &words[3], 8);
  const uint32_t time = byte_swap(epoch);
  const uint64_t hi = byte_swap(link_hi);
  constexpr uint64_t kLo = byte_swap(uint64_t{1});
  std::memcpy(ip + 32, &time, sizeof time);
  std::memcpy(ip + 36, &hi, sizeof hi);
  std::memcpy(ip + 44, &kLo, sizeof kLo);
}

}  // namespace

void ayiya_plain_send(PlainBurst& burst, const LinkTemplate& link, unsigned candidates) {
  WorkerContext& context = burst.context;
  const ForwardingTable& table = burst.table;
  // DF is for links that carry a minimal packet whole.
  if (context.ayiya == nullptr || link.mtu < kIpv6MinimumMtu + kAyiyaOverheadIpv4) {
    for (unsigned n = 0; n < candidates; ++n) burst.leave(burst.work[n].packet);
    return;
  }
  AyiyaWorker& worker = *context.ayiya;
  TunnelCounters* counters = context.tunnel_counters;
  const uint32_t epoch = context.time.unix_s();
  LinkMemo links(table.snapshot);
  unsigned count = 0;
  const Fate fate = sent_by(link, burst);
  std::array<Packet*, kMaxBurst> taken;
  for (unsigned n = 0; n < candidates; ++n) {
    const PlainPacket& work = burst.work[n];
    Packet& packet = *work.packet;
    const uint32_t number = work.slot;
    const TunnelSlot& slot = table.snapshot.slot(number);
    auto* inner = packet.at<Ipv6Header>(sizeof(EthernetHeader));
    const std::size_t length = work.length;
    AyiyaWay way;
    const bool fine = number < context.runtime.capacity() &&
                      find_ayiya_way(burst, number, slot, way) &&
                      (slot.flags & kTunnelStaticMtu) == 0 && length <= slot.mtu &&
                      length + kAyiyaOverheadIpv4 <= link.mtu;
    uint64_t link_hi = 0;
    if (!fine || !links.find(number, link_hi)) [[unlikely]] {
      burst.leave(&packet);
      continue;
    }
    const uint8_t tos = outer_tos(slot, inner->traffic_class());
    --inner->hop_limit;
    uint8_t* const at = packet.data + sizeof(EthernetHeader);
    write_ayiya(at, table.plain, slot, way, length, tos, epoch, link_hi);
    put_on_link<-static_cast<int>(kAyiyaOverheadIpv4)>(packet, packet.data, link.bytes, fate,
                                                       work.behind);
    packet.inner = sizeof(EthernetHeader) + kAyiyaOverheadIpv4;
    packet.inner_length = static_cast<uint16_t>(length);
    packet.out_slot = number;
    packet.encapsulation = Encapsulation::kAyiya;
    packet.transport = sizeof(Ipv4Header);  // as the stages leave it
    uint8_t* const header = at - sizeof(AyiyaHeader);
    worker.jobs[count] = {header, sizeof(AyiyaHeader) + length, header + kSha1KeyOffset,
                          slot.secret_sha1};
    if (count < Sha1Batch::kFetched) Sha1Batch::fetch(worker.jobs[count]);
    taken[count++] = &packet;
    counter_add(counters[number].out_packets, 1);
    counter_add(counters[number].out_bytes, length);
  }
  worker.sha1().run(std::span(worker.jobs).first(count));
  if ((table.snapshot.pop().flags & kPopAyiyaUdpChecksum) != 0) {
    for (unsigned n = 0; n < count; ++n) {
      Packet& packet = *taken[n];
      put_udp_checksum(packet, packet.network + sizeof(Ipv4Header));
    }
  }
  context.counters.add(WorkerCounter::kAyiyaSent, count);
  context.counters.add(WorkerCounter::kEncapsulated, count);
}

}  // namespace simplon
