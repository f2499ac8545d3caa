// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "tests/unit/slowpath_bed.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <tuple>

#include "dataplane/crypto/md5.h"
#include "dataplane/net/checksum.h"
#include "dataplane/net/heartbeat.h"
#include "dataplane/table/crc32c.h"

namespace simplon::test {
namespace {

// Also from destructors and under the fuzzer, so neither an exception nor a check of Catch.
void must(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "slow path bed: %s\n", what);
  std::abort();
}

constexpr std::size_t kHeadroom = 128;
constexpr uint32_t kSlots = 16;  // unless the test changes that

template <std::size_t N>
void put(std::span<const uint8_t> from, uint8_t (&to)[N]) {
  std::memcpy(to, from.data(), N);
}

PopRecord make_pop() {
  PopRecord pop{};
  put(v6("2001:db8:ff:ffff::1").bytes, pop.ipv6_address);
  put(Ipv6Address::from_ipv4(v4("192.0.2.1")).bytes, pop.local_addresses[0]);
  put(Ipv6Address::from_ipv4(v4("192.0.2.77")).bytes, pop.local_addresses[1]);
  put(v6("2001:db8:a::1").bytes, pop.local_addresses[2]);
  pop.local_address_count = 3;
  pop.interface_count = 2;
  pop.icmp_errors_per_second = 1000;
  pop.icmp_errors_per_second_per_tunnel = 1000;
  InterfaceRecord& wan = pop.interfaces[0];
  std::strcpy(wan.port, "wan0");
  wan.mtu = 1500;
  wan.flags =
      kInterfaceHasIpv4 | kInterfaceHasIpv6 | kInterfaceHasIpv4Gateway | kInterfaceHasIpv6Gateway;
  wan.ipv4_length = 24;
  wan.ipv6_length = 64;
  put(v4("192.0.2.1").bytes, wan.ipv4_address);
  put(v4("192.0.2.254").bytes, wan.ipv4_gateway);
  put(v6("2001:db8:a::1").bytes, wan.ipv6_address);
  put(v6("2001:db8:a::ffff").bytes, wan.ipv6_gateway);
  InterfaceRecord& vlan = pop.interfaces[1];
  std::strcpy(vlan.port, "wan0");
  vlan.vlan = 7;
  vlan.mtu = 1500;
  vlan.flags = kInterfaceHasIpv4 | kInterfaceHasIpv6;
  vlan.ipv4_length = 24;
  vlan.ipv6_length = 64;
  put(v4("10.7.0.1").bytes, vlan.ipv4_address);
  put(v6("2001:db8:7::1").bytes, vlan.ipv6_address);
  return pop;
}

std::vector<PoolRecord> make_pools(bool ipv4) {
  const auto pool = [](std::string_view prefix, uint32_t units, uint8_t shift, PoolKind kind) {
    PoolRecord p{};
    p.base = v6(prefix).hi();
    p.unit_count = units;
    p.shift = shift;
    p.mask = ~((uint64_t{units} << shift) - 1);
    p.kind = static_cast<uint32_t>(kind);
    if (kind == PoolKind::kDelegated) p.mapped_units = units;
    return p;
  };
  std::vector<PoolRecord> pools{pool("2001:db8:ff::", 1 << 16, 0, PoolKind::kLink),
                                pool("2001:db8:100::", 1 << 16, 0, PoolKind::kRouted),
                                pool("2001:db8:1000::", 16, 16, PoolKind::kDelegated)};
  if (ipv4) {
    PoolRecord p = pools[1];
    p.base = ipv4_pool_key(v4("198.18.0.0").value());
    p.unit_count = 16;
    p.shift = 4;
    p.mask = ~uint64_t{255};
    pools.insert(pools.begin(), p);
  }
  return pools;
}

std::vector<TunnelSlot> make_slots() {
  std::vector<TunnelSlot> slots(kSlots);
  const auto add = [&slots](uint32_t slot, std::string_view remote, uint16_t mtu) -> TunnelSlot& {
    TunnelSlot& s = slots[slot];
    s.tunnel_id = slot;
    s.kind = static_cast<uint8_t>(TunnelKind::kProto41);
    s.flags = kTunnelEnabled;
    s.mtu = mtu;
    put(Ipv6Address::from_ipv4(v4(remote)).bytes, s.remote);
    s.outer_ttl = 64;
    s.cold_index = kNoSlot;
    return s;
  };
  add(1, "198.51.100.10", 1480);
  add(2, "198.51.100.20", 1280);
  TunnelSlot& t3 = add(3, "198.51.100.30", 1480);
  t3.flags |= kTunnelStaticMtu;
  t3.local_index = 1;
  add(4, "198.51.100.40", 1480).flags = 0;
  add(5, "198.51.100.50", 1480);
  add(6, "198.51.100.50", 1480);
  const auto add_dynamic = [&](uint32_t slot, TunnelKind kind, uint32_t cold) -> TunnelSlot& {
    TunnelSlot& s = add(slot, "0.0.0.0", 1480);
    std::memset(s.remote, 0, sizeof s.remote);
    s.kind = static_cast<uint8_t>(kind);
    s.beat_timeout_s = 180;
    s.cold_index = cold;
    return s;
  };
  add_dynamic(kHeartbeatSlot, TunnelKind::kHeartbeat, 0);
  add_dynamic(kDynamicSlot, TunnelKind::kDynamic, 1);
  add_dynamic(kAyiyaSlot, TunnelKind::kAyiya, kNoSlot).mtu = 1428;
  add_dynamic(10, TunnelKind::kHeartbeat, 2).flags = 0;
  for (const uint32_t slot : {kDynamicSlot, kAyiyaSlot}) {
    // Any number will do where no AYIYA is signed.
    std::memset(slots[slot].secret_sha1, 0x5a, sizeof slots[slot].secret_sha1);
  }
  return slots;
}

// The dynamic tunnels of `slots` in the order of their cold_index.
std::vector<TunnelCold> make_cold(std::span<const TunnelSlot> slots, std::string& passwords) {
  std::vector<TunnelCold> cold;
  passwords = std::string(kPassword) + std::string(kOtherPassword);
  for (uint32_t i = 0; i < slots.size(); ++i) {
    if (slots[i].cold_index == kNoSlot || slots[i].kind == 0) continue;
    TunnelCold c{};
    c.slot = i;
    c.password_length[0] = static_cast<uint8_t>(kPassword.size());
    if ((slots[i].options & kTunnelOptionRotation) != 0) {
      c.password_offset[1] = static_cast<uint32_t>(kPassword.size());
      c.password_length[1] = static_cast<uint8_t>(kOtherPassword.size());
      if (slots[i].kind == static_cast<uint8_t>(TunnelKind::kDynamic)) {
        std::memset(c.previous_sha1, 0xa5, sizeof c.previous_sha1);
      }
    }
    cold.push_back(c);
  }
  return cold;
}

// Memory of a snapshot, aligned as SnapshotView wants it.
struct alignas(64) Line {
  std::byte bytes[64];
};

std::vector<Line> make_snapshot(const PopRecord& pop, std::span<const PoolRecord> pools,
                                std::span<const TunnelSlot> slots, uint64_t generation) {
  std::vector<uint32_t> units(16, kNoSlot);
  units[0] = 1;
  units[1] = 2;
  units[2] = kHeartbeatSlot;
  units[3] = kDynamicSlot;
  std::vector<uint32_t> outer;
  uint32_t tunnels = 0;
  for (uint32_t i = 0; i < slots.size(); ++i) {
    const auto kind = static_cast<TunnelKind>(slots[i].kind);
    if (kind == TunnelKind::kUnused) continue;
    ++tunnels;
    if (!is_dynamic(kind)) outer.push_back(i);
  }
  std::sort(outer.begin(), outer.end(), [slots](uint32_t a, uint32_t b) {
    const auto key = [slots](uint32_t s) {
      return std::tuple(Ipv6Address::from_bytes(slots[s].remote), slots[s].local_index, s);
    };
    return key(a) < key(b);
  });

  SnapshotHeader header{};
  std::memcpy(header.magic, kSnapshotMagic, sizeof(header.magic));
  header.abi_major = kSnapshotAbiMajor;
  header.abi_minor = kSnapshotAbiMinor;
  header.endian_tag = kEndianTag;
  header.header_size = sizeof(SnapshotHeader);
  header.generation = generation;
  header.config_revision = 1;
  header.slot_capacity = static_cast<uint32_t>(slots.size());
  header.tunnel_count = tunnels;

  std::vector<std::byte> bytes(kSnapshotSectionAlignment);
  const auto section = [&]<typename T>(SnapshotSectionType type, std::span<const T> elements) {
    SnapshotSection& s = header.sections[header.section_count++];
    bytes.resize((bytes.size() + kSnapshotSectionAlignment - 1) / kSnapshotSectionAlignment *
                 kSnapshotSectionAlignment);
    s.type = static_cast<uint32_t>(type);
    s.element_size = sizeof(T);
    s.offset = bytes.size();
    s.size = elements.size_bytes();
    s.crc32c = crc32c(elements.data(), elements.size_bytes());
    const auto raw = std::as_bytes(elements);
    bytes.insert(bytes.end(), raw.begin(), raw.end());
  };
  section(SnapshotSectionType::kPop, std::span<const PopRecord>(&pop, 1));
  section(SnapshotSectionType::kPools, pools);
  section(SnapshotSectionType::kSlots, slots);
  section(SnapshotSectionType::kUnitToSlot, std::span<const uint32_t>(units));
  section(SnapshotSectionType::kOuterIndex, std::span<const uint32_t>(outer));
  std::string passwords;
  const std::vector<TunnelCold> cold = make_cold(slots, passwords);
  const Ipv6Address refused = Ipv6Address::from_ipv4(v4("203.0.113.200"));
  section(SnapshotSectionType::kCold, std::span<const TunnelCold>(cold));
  section(SnapshotSectionType::kPasswords, std::span<const char>(passwords));
  section(SnapshotSectionType::kRefusedEndpoints, std::span<const Ipv6Address>(&refused, 1));
  header.total_size = bytes.size();
  header.header_crc32c = crc32c(&header, offsetof(SnapshotHeader, header_crc32c));
  std::memcpy(bytes.data(), &header, sizeof(header));

  std::vector<Line> lines((bytes.size() + sizeof(Line) - 1) / sizeof(Line));
  std::memcpy(lines.data(), bytes.data(), bytes.size());
  return lines;
}

std::size_t snapshot_size(const std::vector<Line>& lines) {
  return reinterpret_cast<const SnapshotHeader*>(lines.data())->total_size;
}

}  // namespace

struct SlowPathBed::Table {
  std::vector<Line> memory;
  std::optional<ForwardingTable> forwarding;
};

SlowPathBed::SlowPathBed(const Options& options)
    : worker_column_(kWorkerCounterCapacity),
      slow_column_(kWorkerCounterCapacity),
      worker_ledger_(64 * kLedgerWays),
      slow_ledger_(64 * kLedgerWays),
      slots_(make_slots()),
      ipv4_pool_(options.ipv4_pool) {
  if (options.rotation) slots_[kHeartbeatSlot].options |= kTunnelOptionRotation;
  if (options.change_slots) options.change_slots(slots_);
  worker_tunnels_.resize(slots_.size());
  slow_tunnels_.resize(slots_.size());
  runtime_records_.resize(slots_.size());
  runtime_ = RuntimeTable(runtime_records_);
  worker_.emplace(worker_column_.data(), worker_tunnels_.data(), neighbors_, uint16_t{0},
                  uint16_t{2});
  slow_.emplace(slow_column_.data(), slow_tunnels_.data(), neighbors_, uint16_t{1}, uint16_t{2});
  worker_->runtime = slow_->runtime = runtime_;
  worker_->ledger = ErrorLedger(worker_ledger_);
  slow_->ledger = ErrorLedger(slow_ledger_);
  worker_->notes = slow_->notes = &notes_;
  slow_path_.emplace(*slow_, neighbors_, static_cast<PacketIo&>(*this), options.seed,
                     options.announce, static_cast<EventSink*>(this));
  if (options.traffic_counts) {
    slow_path_->set_tunnel_columns({worker_tunnels_.data(), slow_tunnels_.data()});
  }
  if (options.gateways_known) {
    neighbors_.set(0, Ipv6Address::from_ipv4(v4("192.0.2.254")), kRouterMac);
    neighbors_.set(0, v6("2001:db8:a::ffff"), kRouterMac);
  }
  publish(options.change_pop);
}

SlowPathBed::~SlowPathBed() {
  check();
  slow_path_->flush();
  check();
  must(counter(WorkerCounter::kHeldNeighbor) == 0, "packets are held for neighbours after a flush");
  must(counter(WorkerCounter::kHeldReassembly) == 0, "fragments are held after a flush");
  must(buffers_.empty(), "a buffer was lost");
}

void SlowPathBed::publish(const std::function<void(PopRecord&)>& change_pop) {
  PopRecord pop = make_pop();
  if (change_pop) change_pop(pop);
  auto table = std::make_unique<Table>();
  table->memory = make_snapshot(pop, make_pools(ipv4_pool_), slots_, ++generation_);
  auto opened = SnapshotView::over(
      std::as_bytes(std::span(table->memory)).first(snapshot_size(table->memory)));
  if (!opened) throw std::logic_error("snapshot refused: " + opened.error.reason);
  const PortInfo port{"wan0", kPopMac};
  LinkTable::Error error;
  auto links = LinkTable::build(opened.view->pop(), {&port, 1}, error);
  if (!links) throw std::logic_error("links refused: " + error.reason);
  table->forwarding.emplace(ForwardingTable{std::move(*opened.view), *links});
  tables_.push_back(std::move(table));
}

bool SlowPathBed::new_buffer(Packet& packet, std::size_t headroom, std::size_t room) {
  auto memory = std::make_unique<uint8_t[]>(headroom + room);
  packet = {};
  packet.buffer = memory.get();
  packet.data = memory.get() + headroom;
  packet.headroom = static_cast<uint16_t>(headroom);
  packet.tailroom = static_cast<uint16_t>(room);
  buffers_.emplace(packet.buffer, std::move(memory));
  return true;
}

void SlowPathBed::set_time() {
  BurstTime time;
  time.now_ns = now;
  time.unix_ns = unix_s() * kSecond + now % kSecond;
  time.boot_s = static_cast<uint32_t>(now / kSecond);
  time.unix_before_step_s = unix_before_step_s;
  worker_->set_time(time);
  slow_->set_time(time);
}

void SlowPathBed::drain_notes() {
  TunnelEvent event;
  while (notes_.pop(event)) slow_path_->note(*tables_.back()->forwarding, event, now);
}

void SlowPathBed::publish(TunnelEvent event) {
  events.push_back(event);
}

std::vector<TunnelEventKind> SlowPathBed::take_event_kinds() {
  std::vector<TunnelEventKind> kinds;
  for (const TunnelEvent& event : events) kinds.push_back(static_cast<TunnelEventKind>(event.kind));
  events.clear();
  return kinds;
}

LedgerRecord SlowPathBed::ledger(uint32_t slot, uint8_t reason) const {
  LedgerRecord sum{};
  for (const auto* records : {&worker_ledger_, &slow_ledger_}) {
    for (const LedgerRecord& record : *records) {
      if (record.count == 0 || record.slot != slot || record.reason != reason) continue;
      const uint64_t count = sum.count + record.count;
      sum = record;
      sum.count = count;
    }
  }
  return sum;
}

TunnelCommandDone SlowPathBed::command(const TunnelCommand& command) {
  set_time();
  return slow_path_->command(*tables_.back()->forwarding, command, now);
}

void SlowPathBed::note(const TunnelEvent& event) {
  set_time();
  slow_path_->note(*tables_.back()->forwarding, event, now);
  check();
}

std::string SlowPathBed::beat_text(std::string_view identity, std::string_view sender,
                                   uint64_t epoch, std::string_view password) {
  std::string text = "HEARTBEAT TUNNEL ";
  text.append(identity).append(" ").append(sender).append(" ");
  text += std::to_string(epoch) + " ";
  for (const uint8_t byte : md5(text, password)) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

void SlowPathBed::receive_beat(std::string_view text, std::string_view source,
                               std::string_view local) {
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(text.data()), text.size());
  PacketBuilder frame = from_router();
  if (Ipv4Address::parse(source)) {
    frame.ipv4(source, local);
  } else {
    frame.ipv6(source, local);
  }
  receive(frame.udp(50'000, kHeartbeatPort).raw(bytes));
}

void SlowPathBed::receive(const Bytes& frame) {
  set_time();
  worker_->counters.add(WorkerCounter::kRxPackets);
  Packet packet;
  new_buffer(packet, kHeadroom, frame.size());
  if (!frame.empty()) std::memcpy(packet.data, frame.data(), frame.size());
  packet.length = static_cast<uint16_t>(frame.size());
  packet.tailroom = 0;
  const ForwardingTable& table = *tables_.back()->forwarding;
  process_burst(*worker_, table, {&packet, 1});
  switch (packet.verdict) {
    case Verdict::kTransmit:
      worker_->counters.add(WorkerCounter::kTxPackets);
      sent.emplace_back(packet.data, packet.data + packet.length);
      release(packet);
      break;
    case Verdict::kDrop:
    case Verdict::kConsumed:
      release(packet);
      break;
    case Verdict::kPunt:
      worker_->counters.add(WorkerCounter::kPunted);
      slow_path_->handle(table, packet, now);
      break;
    case Verdict::kPending:
      must(false, "a packet was left pending");
  }
  drain_notes();
  check();
}

void SlowPathBed::tick() {
  set_time();
  slow_path_->tick(*tables_.back()->forwarding, now);
  check();
}

void SlowPathBed::advance(uint64_t ns) {
  constexpr uint64_t kStep = kSecond / 10;
  const uint64_t end = now + ns;
  while (now < end) {
    now = std::min(now + kStep, end);
    tick();
  }
}

Bytes SlowPathBed::take() {
  if (sent.size() != 1) {
    throw std::logic_error("expected one frame, got " + std::to_string(sent.size()));
  }
  Bytes only = sent.front();
  sent.clear();
  return only;
}

bool SlowPathBed::allocate(Packet& packet) {
  return !out_of_buffers && new_buffer(packet, kHeadroom, 2000);
}

void SlowPathBed::transmit(Packet& packet) {
  must(packet.verdict == Verdict::kTransmit && packet.port == 0, "sent without a verdict or port");
  slow_->counters.add(WorkerCounter::kTxPackets);
  sent.emplace_back(packet.data, packet.data + packet.length);
  release(packet);
}

void SlowPathBed::release(Packet& packet) {
  must(buffers_.erase(packet.buffer) == 1, "a buffer was freed twice");
}

uint64_t SlowPathBed::counter(WorkerCounter c) const {
  return worker_->counters.get(c) + slow_->counters.get(c);
}

uint64_t SlowPathBed::drops(DropReason r) const {
  return worker_->counters.drops(r) + slow_->counters.drops(r);
}

uint64_t SlowPathBed::all_drops() const {
  return conservation().drops;
}

TunnelCounters SlowPathBed::tunnel(uint32_t slot) const {
  TunnelCounters sum = worker_tunnels_[slot];
  sum.in_packets += slow_tunnels_[slot].in_packets;
  sum.in_bytes += slow_tunnels_[slot].in_bytes;
  sum.out_packets += slow_tunnels_[slot].out_packets;
  sum.out_bytes += slow_tunnels_[slot].out_bytes;
  return sum;
}

Conservation SlowPathBed::conservation() const {
  const uint64_t* const columns[] = {worker_column_.data(), slow_column_.data()};
  return simplon::conservation(columns);
}

void SlowPathBed::check() const {
  must(conservation().imbalance() == 0, "the law of conservation is broken");
}

bool SlowPathBed::knows(uint8_t interface, std::string_view address, MacAddress* mac) const {
  MacAddress found;
  const auto v4_address = Ipv4Address::parse(address);
  const bool known = neighbors_.lookup(
      interface, v4_address ? Ipv6Address::from_ipv4(*v4_address) : v6(address), found);
  if (known && mac != nullptr) *mac = found;
  return known;
}

Bytes outer_of(const Bytes& frame) {
  std::size_t header = sizeof(EthernetHeader);
  if (at<EthernetHeader>(frame, 0).type.value() == kEtherTypeVlan) header += sizeof(VlanTag);
  const std::size_t length =
      at<uint8_t>(frame, header) >> 4 == 4
          ? at<Ipv4Header>(frame, header).total_length.value()
          : at<Ipv6Header>(frame, header).payload_length.value() + sizeof(Ipv6Header);
  if (frame.size() < header + length) throw std::logic_error("frame is cut off");
  return {frame.begin() + static_cast<std::ptrdiff_t>(header),
          frame.begin() + static_cast<std::ptrdiff_t>(header + length)};
}

Bytes inner_of(const Bytes& frame) {
  Bytes packet = outer_of(frame);
  if (at<uint8_t>(packet, 0) >> 4 == 4) {
    packet.erase(packet.begin(), packet.begin() + sizeof(Ipv4Header));
    const std::size_t length =
        at<Ipv6Header>(packet, 0).payload_length.value() + sizeof(Ipv6Header);
    if (packet.size() != length) throw std::logic_error("outer and inner length differ");
  }
  return packet;
}

bool icmpv6_sums_up(const Bytes& packet) {
  return icmpv6_valid(at<Ipv6Header>(packet, 0), std::span(packet).subspan(sizeof(Ipv6Header)));
}

Ipv6Address v6(std::string_view text) {
  const auto a = Ipv6Address::parse(text);
  if (!a) throw std::logic_error("not an IPv6 address: " + std::string(text));
  return *a;
}

Ipv4Address v4(std::string_view text) {
  const auto a = Ipv4Address::parse(text);
  if (!a) throw std::logic_error("not an IPv4 address: " + std::string(text));
  return *a;
}

}  // namespace simplon::test
