// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pcap/offline_pop.h"

#include <algorithm>
#include <map>
#include <utility>

#include "dataplane/net/checksum.h"

namespace simplon::offline {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kTickNs = 100'000'000;
// Nobody waits longer than this for anything; a longer silence in a capture need not be ticked
// through.
constexpr uint64_t kLongestSilenceNs = 600'000'000'000;

constexpr std::size_t kHeadroom = 128;  // as RTE_PKTMBUF_HEADROOM
static_assert(kHeadroom >= kRequiredHeadroom);
// Room of the buffers the slow path asks for.
constexpr std::size_t kSlowPathRoom = 2048;

constexpr std::size_t kLedgerSets = 256;
// How long the clock before a step is believed.
constexpr uint64_t kBelievedNs = 600'000'000'000;

// A made-up neighbour: recognisable and different for each address.
MacAddress made_up_mac(const Ipv6Address& address) {
  return {0x02, 0x53, address.bytes[12], address.bytes[13], address.bytes[14], address.bytes[15]};
}

}  // namespace

struct OfflinePop::Buffer {
  uint64_t time_ns;   // when it was received or made
  std::size_t index;  // in the burst, for received ones
  std::size_t size;
  std::unique_ptr<uint8_t[]> bytes;
};

OfflinePop::OfflinePop(std::vector<OfflinePort> ports, const OfflineOptions& options, Sink sink)
    : ports_(std::move(ports)),
      options_(options),
      sink_(std::move(sink)),
      clock_offset_ns_(options.clock_offset_ns) {}

OfflinePop::~OfflinePop() {
  flush();
}

std::unique_ptr<OfflinePop> OfflinePop::create(std::span<const std::byte> snapshot,
                                               std::vector<OfflinePort> ports,
                                               const OfflineOptions& options, Sink sink,
                                               std::string& error) {
  std::unique_ptr<OfflinePop> pop(new OfflinePop(std::move(ports), options, std::move(sink)));

  pop->snapshot_ = AlignedBytes(snapshot);
  SnapshotOpenResult opened = SnapshotView::over(pop->snapshot_.bytes());
  if (!opened) {
    error = "snapshot: " + std::string(section_name(opened.error.section)) + "[" +
            std::to_string(opened.error.index) + "]: " + opened.error.reason;
    return nullptr;
  }

  std::vector<PortInfo> infos;
  for (const OfflinePort& port : pop->ports_) infos.push_back({port.name, port.mac});
  LinkTable::Error link_error;
  auto links = LinkTable::build(opened.view->pop(), infos, link_error);
  if (!links) {
    error = "pop.interfaces[" + std::to_string(link_error.interface) + "]: " + link_error.reason;
    return nullptr;
  }
  const uint32_t slots = opened.view->slot_capacity();
  pop->table_ = std::make_unique<ForwardingTable>(ForwardingTable{std::move(*opened.view), *links});
  for (auto& column : pop->columns_) column.resize(kWorkerCounterCapacity);
  for (auto& tunnels : pop->tunnels_) tunnels.resize(slots);
  pop->worker_.emplace(pop->columns_[kWorker].data(), pop->tunnels_[kWorker].data(),
                       pop->neighbors_, uint16_t{0}, uint16_t{1});
  pop->slow_context_.emplace(pop->columns_[kSlowPath].data(), pop->tunnels_[kSlowPath].data(),
                             pop->neighbors_, uint16_t{1}, uint16_t{1});
  pop->slow_context_->next_ipv4_id = 0x8000;  // as in the dataplane
  pop->runtime_records_.resize(slots);
  pop->runtime_ = RuntimeTable(pop->runtime_records_);
  for (std::size_t column : {kWorker, kSlowPath}) {
    pop->ledgers_[column].resize(kLedgerSets * kLedgerWays);
    WorkerContext& context = column == kWorker ? *pop->worker_ : *pop->slow_context_;
    context.runtime = pop->runtime_;
    context.ledger = ErrorLedger(pop->ledgers_[column]);
    context.notes = &pop->notes_;
    pop->ayiya_[column] = AyiyaWorker::create(options.seed, error);
    if (pop->ayiya_[column] == nullptr) return nullptr;
    context.ayiya = pop->ayiya_[column].get();
  }
  PacketIo& io = *pop;
  EventSink& events = *pop;
  pop->slow_context_->io = &io;
  pop->worker_->io = &pop->worker_io_;
  pop->slow_path_.emplace(*pop->slow_context_, pop->neighbors_, io, options.seed,
                          /*announce=*/false, &events);
  pop->slow_path_->set_tunnel_columns(
      {pop->tunnels_[kWorker].data(), pop->tunnels_[kSlowPath].data()});
  return pop;
}

bool OfflinePop::add_neighbor(uint8_t port, uint16_t vlan, const Ipv6Address& address,
                              const MacAddress& mac) {
  const uint8_t interface = table_->links.interface_of(port, vlan);
  return interface != kNoInterfaceIndex && neighbors_.set(interface, address, mac);
}

void OfflinePop::set_time() {
  BurstTime time;
  time.now_ns = now_ns_;
  time.unix_ns = now_ns_ + static_cast<uint64_t>(clock_offset_ns_);
  time.boot_s = static_cast<uint32_t>(now_ns_ / kSecondNs);
  if (now_ns_ < believed_until_ns_) {
    time.unix_before_step_s = static_cast<uint32_t>(
        (now_ns_ + static_cast<uint64_t>(offset_before_step_ns_)) / kSecondNs);
  }
  worker_->set_time(time);
  slow_context_->set_time(time);
}

void OfflinePop::step_clock(int64_t by_ns) {
  offset_before_step_ns_ = clock_offset_ns_;
  clock_offset_ns_ += by_ns;
  believed_until_ns_ = now_ns_ + kBelievedNs;
  set_time();
  TunnelEvent event{};
  event.unix_ns = slow_context_->time.unix_ns;
  event.slot = kNoSlot;
  event.kind = static_cast<uint8_t>(TunnelEventKind::kClockStep);
  event.count = static_cast<uint32_t>(by_ns / int64_t{kSecondNs});
  slow_path_->note(*table_, event, now_ns_);
}

void OfflinePop::advance(uint64_t now_ns) {
  if (!started_) {
    started_ = true;
    next_tick_ns_ = now_ns;
  }
  if (now_ns > next_tick_ns_ + kLongestSilenceNs) next_tick_ns_ = now_ns - kLongestSilenceNs;
  for (; next_tick_ns_ <= now_ns; next_tick_ns_ += kTickNs) {
    now_ns_ = next_tick_ns_;
    set_time();
    slow_path_->tick(*table_, now_ns_);
    receive({});  // what resolve_all has answered
  }
  now_ns_ = std::max(now_ns, now_ns_);
}

void OfflinePop::receive(std::span<const Frame> burst) {
  receive_burst(burst);
  const std::vector<Fate> fates = fates_;
  while (!answers_.empty()) {
    const auto answers = std::move(answers_);
    answers_.clear();
    for (const auto& [port, bytes] : answers) {
      const Frame frame{port, now_ns_, bytes};
      receive_burst({&frame, 1});
    }
  }
  fates_ = fates;
}

void OfflinePop::receive_burst(std::span<const Frame> burst) {
  std::array<Packet, kMaxBurst> packets;
  std::size_t count = 0;
  fates_.assign(burst.size(), {});
  set_time();
  for (std::size_t i = 0; i < burst.size(); ++i) {
    const Frame& frame = burst[i];
    worker_->counters.add(WorkerCounter::kRxPackets);
    worker_->counters.add(WorkerCounter::kRxBytes, frame.bytes.size());
    Packet& packet = packets[count];
    packet = {};
    const std::size_t room = options_.exact_buffers ? frame.bytes.size() : options_.max_frame;
    DropReason refused{};
    if (frame.bytes.size() > options_.max_frame) {
      refused = DropReason::kMultiSegment;
    } else if (new_buffer(packet, kHeadroom, room)) {
      std::copy(frame.bytes.begin(), frame.bytes.end(), packet.data);
      packet.length = static_cast<uint16_t>(frame.bytes.size());
      packet.tailroom = static_cast<uint16_t>(room - frame.bytes.size());
      packet.port = frame.port;
      auto* buffer = static_cast<Buffer*>(packet.buffer);
      buffer->time_ns = frame.time_ns;
      buffer->index = i;
      ++count;
      continue;
    } else {
      refused = DropReason::kNoBuffer;
    }
    worker_->counters.drop(refused);
    fates_[i].verdict = Verdict::kDrop;
    fates_[i].reason = refused;
  }

  process_burst(*worker_, *table_, {packets.data(), count});
  for (Packet& packet : std::span(packets.data(), count)) {
    fates_[static_cast<Buffer*>(packet.buffer)->index] = {
        packet.verdict, packet.reason, packet.punt_class, packet.in_slot, packet.out_slot};
    switch (packet.verdict) {
      case Verdict::kTransmit:
        send(packet, kWorker);
        break;
      case Verdict::kPunt:
        worker_->counters.add(WorkerCounter::kPunted);
        slow_path_->handle(*table_, packet, now_ns_);
        break;
      case Verdict::kDrop:
      case Verdict::kConsumed:
        release(packet);
        break;
      case Verdict::kPending:  // a packet without a verdict: the conservation law will say so
        release(packet);
        break;
    }
  }
  pass_notes();
}

// What the worker has seen happen to tunnels. The slow path's answers follow those of the burst.
void OfflinePop::pass_notes() {
  TunnelEvent event;
  while (notes_.pop(event)) slow_path_->note(*table_, event, now_ns_);
}

void OfflinePop::publish(TunnelEvent event) {
  event.number = events_.size() + 1;
  events_.push_back(event);
}

void OfflinePop::flush() {
  if (slow_path_) slow_path_->flush();
}

bool OfflinePop::new_buffer(Packet& packet, std::size_t headroom, std::size_t room) {
  if (buffers_in_use_ >= options_.max_buffers) return false;
  ++buffers_in_use_;
  Buffer* buffer = nullptr;
  if (!free_buffers_.empty() && free_buffers_.back()->size >= headroom + room) {
    buffer = free_buffers_.back().release();
    free_buffers_.pop_back();
  } else {
    const std::size_t size = headroom + room;
    buffer = new Buffer{0, 0, size, std::make_unique<uint8_t[]>(size)};
  }
  buffer->time_ns = now_ns_;
  packet.buffer = buffer;
  packet.data = buffer->bytes.get() + headroom;
  packet.length = 0;
  packet.headroom = static_cast<uint16_t>(headroom);
  packet.tailroom = static_cast<uint16_t>(room);
  return true;
}

bool OfflinePop::allocate(Packet& packet) {
  packet = {};
  return new_buffer(packet, kHeadroom, kSlowPathRoom);
}

void OfflinePop::release(Packet& packet) {
  std::unique_ptr<Buffer> buffer(static_cast<Buffer*>(packet.buffer));
  packet.buffer = nullptr;
  // Exact ones are of use only once.
  if (!options_.exact_buffers && buffer->size >= kHeadroom + options_.max_frame) {
    free_buffers_.push_back(std::move(buffer));
  }
  --buffers_in_use_;
}

void OfflinePop::transmit(Packet& packet) {
  // Its own time is when it came in; it may have waited.
  static_cast<Buffer*>(packet.buffer)->time_ns =
      std::max(static_cast<Buffer*>(packet.buffer)->time_ns, now_ns_);
  if (options_.resolve_all) answer_solicitation(packet);
  send(packet, kSlowPath);
}

void OfflinePop::send(Packet& packet, std::size_t column) {
  WorkerContext& context = column == kWorker ? *worker_ : *slow_context_;
  context.counters.add(WorkerCounter::kTxPackets);
  context.counters.add(WorkerCounter::kTxBytes, packet.length);
  sink_({packet.port, static_cast<Buffer*>(packet.buffer)->time_ns, {packet.data, packet.length}});
  release(packet);
}

// Plays the neighbour for whom the PoP asks, if that is what the frame does.
void OfflinePop::answer_solicitation(const Packet& packet) {
  std::vector<uint8_t> frame(packet.data, packet.data + packet.length);
  if (frame.size() < sizeof(EthernetHeader)) return;
  auto* ethernet = reinterpret_cast<EthernetHeader*>(frame.data());
  std::size_t header = sizeof(EthernetHeader);
  uint16_t type = ethernet->type.value();
  if (type == kEtherTypeVlan && frame.size() >= header + sizeof(VlanTag)) {
    type = reinterpret_cast<VlanTag*>(frame.data() + header)->type.value();
    header += sizeof(VlanTag);
  }
  if (type == kEtherTypeArp && frame.size() >= header + sizeof(ArpPacket)) {
    auto* arp = reinterpret_cast<ArpPacket*>(frame.data() + header);
    if (arp->operation.value() != 1) return;
    const MacAddress mac = made_up_mac(Ipv6Address::from_ipv4(arp->target_ip));
    arp->operation = uint16_t{2};
    arp->target_mac = arp->sender_mac;
    std::swap(arp->sender_ip, arp->target_ip);
    arp->sender_mac = mac;
    ethernet->destination = ethernet->source;
    ethernet->source = mac;
    answers_.emplace_back(packet.port, std::move(frame));
    return;
  }
  // Neighbour solicitation: the target follows the eight bytes of ICMPv6.
  constexpr std::size_t kTarget = sizeof(Ipv6Header) + sizeof(IcmpHeader);
  constexpr std::size_t kMessage = sizeof(IcmpHeader) + sizeof(Ipv6Address) + 8;
  if (type != kEtherTypeIpv6 || frame.size() < header + kTarget + sizeof(Ipv6Address)) return;
  auto* ip = reinterpret_cast<Ipv6Header*>(frame.data() + header);
  auto* icmp = reinterpret_cast<IcmpHeader*>(ip + 1);
  if (ip->next_header != kProtocolIcmpv6 || icmp->type != kIcmpv6NeighborSolicitation) return;
  const Ipv6Address target = Ipv6Address::from_bytes(frame.data() + header + kTarget);
  const MacAddress mac = made_up_mac(target);
  frame.resize(header + sizeof(Ipv6Header) + kMessage);
  ethernet = reinterpret_cast<EthernetHeader*>(frame.data());
  ip = reinterpret_cast<Ipv6Header*>(frame.data() + header);
  icmp = reinterpret_cast<IcmpHeader*>(ip + 1);
  ethernet->destination = ethernet->source;
  ethernet->source = mac;
  ip->payload_length = static_cast<uint16_t>(kMessage);
  ip->destination = ip->source;
  ip->source = target;
  *icmp = {kIcmpv6NeighborAdvertisement, 0, uint16_t{0}, 0x60000000u};  // solicited, override
  uint8_t* option = frame.data() + header + kTarget + sizeof(Ipv6Address);
  option[0] = 2;  // target link-layer address
  option[1] = 1;
  std::copy(mac.begin(), mac.end(), option + 2);
  icmp->checksum = icmpv6_checksum(*ip, {reinterpret_cast<uint8_t*>(icmp), kMessage});
  answers_.emplace_back(packet.port, std::move(frame));
}

Conservation OfflinePop::conservation() const {
  const uint64_t* const columns[] = {columns_[kWorker].data(), columns_[kSlowPath].data()};
  return simplon::conservation(columns);
}

uint64_t OfflinePop::counter(WorkerCounter c) const {
  return columns_[kWorker][std::size_t(c)] + columns_[kSlowPath][std::size_t(c)];
}

uint64_t OfflinePop::drops(DropReason r) const {
  const std::size_t at = kDropsOffset + std::size_t(r);
  return columns_[kWorker][at] + columns_[kSlowPath][at];
}

TunnelCounters OfflinePop::tunnel(uint32_t slot) const {
  const TunnelCounters& a = tunnels_[kWorker][slot];
  const TunnelCounters& b = tunnels_[kSlowPath][slot];
  return {a.in_packets + b.in_packets, a.in_bytes + b.in_bytes, a.out_packets + b.out_packets,
          a.out_bytes + b.out_bytes};
}

std::vector<LedgerRecord> OfflinePop::errors() const {
  std::map<std::pair<uint32_t, uint8_t>, LedgerRecord> sums;
  for (const auto& ledger : ledgers_) {
    for (const LedgerRecord& record : ledger) {
      if (record.count == 0) continue;
      const auto [known, added] = sums.try_emplace({record.slot, record.reason}, record);
      if (added) continue;
      LedgerRecord& sum = known->second;
      const uint64_t count = sum.count + record.count;
      if (record.last_unix_ns >= sum.last_unix_ns) sum = record;
      sum.count = count;
    }
  }
  std::vector<LedgerRecord> result;
  for (const auto& [key, record] : sums) result.push_back(record);
  return result;
}

}  // namespace simplon::offline
