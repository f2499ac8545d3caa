// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What a heartbeat costs the slow path, through SlowPath::handle as in the dataplane: valid beats
// of random tunnels, beats with a bad digest from the present endpoint (hashed) and from a stranger
// over his budget (not hashed); and what the scan for expired tunnels costs.

#include <x86intrin.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "dataplane/crypto/md5.h"
#include "dataplane/net/checksum.h"
#include "dataplane/net/heartbeat.h"
#include "dataplane/slowpath/slow_path.h"
#include "dataplane/table/crc32c.h"
#include "tests/bench/command_line.h"
#include "tests/bench/huge_memory.h"
#include "tests/bench/json_line.h"

namespace simplon::bench {
namespace {

// Time this thread ran, in seconds: the machine may have other things to do.
double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

constexpr std::string_view kPassword = "91915d757a09bfc94d5028832d85cc0d";
constexpr uint64_t kPrefix = 0x2001'0db8'0000'0000;  // of the links; the slot is below
constexpr uint64_t kSecondNs = 1'000'000'000;
constexpr uint64_t kUnixS = 1'700'000'000;
constexpr std::size_t kBeats = 65'536;  // different ones

// Of the time stamp counter, measured once.
double tsc_hz() {
  static const double hz = [] {
    const auto start = std::chrono::steady_clock::now();
    const uint64_t first = __rdtsc();
    std::chrono::duration<double> gone{};
    do {
      gone = std::chrono::steady_clock::now() - start;
    } while (gone.count() < 0.05);
    return static_cast<double>(__rdtsc() - first) / gone.count();
  }();
  return hz;
}

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "bench_beats: %s\n", why.c_str());
  std::exit(1);
}

Ipv4Address client_of(uint32_t slot) {
  return Ipv4Address::from_value(0x0b000000 + slot);  // 11/8
}

// A snapshot of `tunnels` heartbeat tunnels, slots 1 and up, made by hand: what is measured needs
// nothing of control.
class Table {
 public:
  explicit Table(uint32_t tunnels) : capacity_(tunnels + 1) {
    PopRecord pop{};
    put(Ipv6Address::from_ipv4(*Ipv4Address::parse("192.0.2.1")), pop.local_addresses[0]);
    pop.local_address_count = 1;
    pop.interface_count = 1;
    InterfaceRecord& wan = pop.interfaces[0];
    std::strcpy(wan.port, "wan0");
    wan.mtu = 1500;
    wan.flags = kInterfaceHasIpv4 | kInterfaceHasIpv4Gateway;
    wan.ipv4_length = 24;
    std::memcpy(wan.ipv4_address, Ipv4Address::parse("192.0.2.1")->bytes.data(), 4);
    std::memcpy(wan.ipv4_gateway, Ipv4Address::parse("192.0.2.254")->bytes.data(), 4);
    PoolRecord pool{};
    pool.base = kPrefix;
    pool.unit_count = kMaxPoolUnits;
    pool.mask = ~uint64_t{kMaxPoolUnits - 1};
    pool.kind = static_cast<uint32_t>(PoolKind::kLink);

    std::vector<TunnelSlot> slots(capacity_);
    std::vector<TunnelCold> cold(tunnels);
    std::string passwords;
    for (uint32_t i = 1; i < capacity_; ++i) {
      TunnelSlot& s = slots[i];
      s.tunnel_id = i;
      s.kind = static_cast<uint8_t>(TunnelKind::kHeartbeat);
      s.flags = kTunnelEnabled;
      s.mtu = 1480;
      s.outer_ttl = 64;
      s.beat_timeout_s = 3600;
      s.cold_index = i - 1;
      cold[i - 1].slot = i;
      cold[i - 1].password_offset[0] = static_cast<uint32_t>(passwords.size());
      cold[i - 1].password_length[0] = static_cast<uint8_t>(kPassword.size());
      passwords += kPassword;
    }
    SnapshotHeader header{};
    std::memcpy(header.magic, kSnapshotMagic, sizeof header.magic);
    header.abi_major = kSnapshotAbiMajor;
    header.abi_minor = kSnapshotAbiMinor;
    header.endian_tag = kEndianTag;
    header.header_size = sizeof header;
    header.generation = 1;
    header.slot_capacity = capacity_;
    header.tunnel_count = tunnels;
    std::size_t end = kSnapshotSectionAlignment;
    HugeArray<std::byte>& bytes =
        memory_.emplace(kSnapshotSectionAlignment * 16 + slots.size() * sizeof(TunnelSlot) +
                        cold.size() * sizeof(TunnelCold) + passwords.size());
    const auto add = [&]<typename T>(SnapshotSectionType type, const T* data, std::size_t count) {
      SnapshotSection& s = header.sections[header.section_count++];
      end = (end + kSnapshotSectionAlignment - 1) / kSnapshotSectionAlignment *
            kSnapshotSectionAlignment;
      s.type = static_cast<uint32_t>(type);
      s.element_size = sizeof(T);
      s.offset = end;
      s.size = count * sizeof(T);
      s.crc32c = crc32c(data, s.size);
      if (s.size != 0) std::memcpy(bytes.data() + end, data, s.size);
      end += s.size;
    };
    const uint32_t none = 0;
    add(SnapshotSectionType::kPop, &pop, 1);
    add(SnapshotSectionType::kPools, &pool, 1);
    add(SnapshotSectionType::kSlots, slots.data(), slots.size());
    add(SnapshotSectionType::kUnitToSlot, &none, 0);
    add(SnapshotSectionType::kOuterIndex, &none, 0);
    add(SnapshotSectionType::kCold, cold.data(), cold.size());
    add(SnapshotSectionType::kPasswords, passwords.data(), passwords.size());
    header.total_size = end;
    header.header_crc32c = crc32c(&header, offsetof(SnapshotHeader, header_crc32c));
    std::memcpy(bytes.data(), &header, sizeof header);
    auto opened = SnapshotView::over(std::span<const std::byte>(bytes.data(), end));
    if (!opened) fail("snapshot: " + opened.error.reason);
    const PortInfo port{"wan0", MacAddress{2, 0, 0, 0, 0, 1}};
    LinkTable::Error error;
    auto links = LinkTable::build(opened.view->pop(), {&port, 1}, error);
    if (!links) fail("links: " + error.reason);
    forwarding_.emplace(ForwardingTable{std::move(*opened.view), *links});
  }

  const ForwardingTable& forwarding() const { return *forwarding_; }
  uint32_t capacity() const { return capacity_; }

 private:
  static void put(const Ipv6Address& a, uint8_t (&to)[16]) {
    std::memcpy(to, a.bytes.data(), sizeof to);
  }
  uint32_t capacity_;
  std::optional<HugeArray<std::byte>> memory_;
  std::optional<ForwardingTable> forwarding_;
};

class NoIo final : public PacketIo {
 public:
  bool allocate(Packet&) override { return false; }
  void transmit(Packet&) override {}
  void release(Packet&) override {}
};

struct Frame {
  uint16_t length = 0;
  uint8_t bytes[254];
};

// From Ethernet to the digest.
Frame make_beat(uint32_t slot, Ipv4Address source, bool good) {
  std::string text = "HEARTBEAT TUNNEL " + Ipv6Address::from_halves(kPrefix + slot, 2).to_string() +
                     " sender " + std::to_string(kUnixS) + " ";
  const Md5Digest digest = md5(text, good ? kPassword : "wrong");
  for (const uint8_t byte : digest) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  Frame frame;
  auto* ip = reinterpret_cast<Ipv4Header*>(frame.bytes + sizeof(EthernetHeader));
  auto* udp = reinterpret_cast<UdpHeader*>(ip + 1);
  const std::size_t datagram = sizeof(UdpHeader) + text.size();
  *ip = {.version_ihl = 0x45,
         .tos = 0,
         .total_length = static_cast<uint16_t>(sizeof(Ipv4Header) + datagram),
         .id = uint16_t{0},
         .flags_fragment = kIpv4DontFragment,
         .ttl = 60,
         .protocol = kProtocolUdp,
         .checksum = uint16_t{0},
         .source = source,
         .destination = *Ipv4Address::parse("192.0.2.1")};
  *udp = {uint16_t{50'000}, kHeartbeatPort, static_cast<uint16_t>(datagram), uint16_t{0}};
  std::memcpy(udp + 1, text.data(), text.size());
  frame.length = static_cast<uint16_t>(sizeof(EthernetHeader) + sizeof(Ipv4Header) + datagram);
  return frame;
}

struct Bed {
  explicit Bed(uint32_t tunnels)
      : table(tunnels),
        columns(kWorkerCounterCapacity),
        tunnel_counters(table.capacity()),
        records(table.capacity()),
        context(columns.data(), tunnel_counters.data(), neighbors, 0, 1) {
    context.runtime = RuntimeTable({records.data(), table.capacity()});
    set_time();
    for (uint32_t slot = 1; slot < table.capacity(); ++slot) {
      Endpoint place;
      place.address = Ipv6Address::from_ipv4(client_of(slot));
      place.up = true;
      place.verified = true;
      context.runtime.set(slot, 0, place, context.time.boot_s);
    }
    slow_path.emplace(context, neighbors, io, 1, false);
  }

  void set_time() {
    BurstTime time;
    time.now_ns = now;
    time.unix_ns = kUnixS * kSecondNs;
    time.boot_s = static_cast<uint32_t>(now / kSecondNs);
    context.set_time(time);
  }

  Table table;
  std::vector<uint64_t> columns;
  HugeArray<TunnelCounters> tunnel_counters;
  HugeArray<TunnelRuntime> records;
  NeighborTable neighbors;
  WorkerContext context;
  NoIo io;
  std::optional<SlowPath> slow_path;
  uint64_t now = 1000 * kSecondNs;
};

struct Options {
  bool json = false;
  uint32_t seconds = 1;
  std::vector<uint32_t> tunnels{1'000, 1'000'000};
};

// One case: the frames again and again for the time given.
void run(Bed& bed, const Options& options, const std::string& name, std::vector<Frame>& frames,
         PuntClass punt_class, WorkerCounter expected_counter, DropReason expected_drop) {
  const uint64_t accepted_before = bed.context.counters.get(expected_counter);
  const uint64_t drops_before = bed.context.counters.drops(expected_drop);
  uint64_t count = 0;
  double seconds = 0;
  while (seconds < options.seconds) {
    bed.now += kSecondNs;  // no budget runs out that a fresh second fills
    bed.set_time();
    const double start = cpu_seconds();
    for (Frame& frame : frames) {
      Packet packet;
      packet.data = frame.bytes;
      packet.length = frame.length;
      packet.network = sizeof(EthernetHeader);
      packet.inner = packet.network;
      packet.transport = sizeof(EthernetHeader) + sizeof(Ipv4Header);
      packet.interface = 0;
      packet.verdict = Verdict::kPunt;
      packet.punt_class = punt_class;
      bed.slow_path->handle(bed.table.forwarding(), packet, bed.now);
    }
    seconds += cpu_seconds() - start;
    count += frames.size();
  }
  const uint64_t as_expected = bed.context.counters.get(expected_counter) - accepted_before +
                               (expected_drop == DropReason::kNoSnapshot
                                    ? 0
                                    : bed.context.counters.drops(expected_drop) - drops_before);
  if (as_expected < count * 99 / 100) {
    fail(name + ": only " + std::to_string(as_expected) + " of " + std::to_string(count) +
         " beats ended as they should");
  }
  print({.bench = "beats",
         .name = name,
         .metric = "beats_per_s",
         .value = static_cast<double>(count) / seconds,
         .reference = {}},
        options.json);
  print({.bench = "beats",
         .name = name,
         .metric = "cycles_per_beat",
         .value = seconds * tsc_hz() / static_cast<double>(count),
         .reference = {}},
        options.json);
}

void measure(const Options& options, uint32_t tunnels) {
  Bed bed(tunnels);
  std::mt19937 random(1);
  std::vector<Frame> good, bad, stranger;
  for (std::size_t i = 0; i < kBeats; ++i) {
    const uint32_t slot = 1 + static_cast<uint32_t>(random()) % tunnels;
    good.push_back(make_beat(slot, client_of(slot), true));
    bad.push_back(make_beat(slot, client_of(slot), false));
    stranger.push_back(make_beat(slot, *Ipv4Address::parse("198.51.100.66"), false));
  }
  const std::string size = "/" + std::to_string(tunnels);
  run(bed, options, "valid" + size, good, PuntClass::kBeat, WorkerCounter::kBeatsAccepted,
      DropReason::kNoSnapshot);
  run(bed, options, "bad-digest" + size, bad, PuntClass::kBeat, WorkerCounter::kNotesLost,
      DropReason::kBeatBadDigest);
  run(bed, options, "stranger" + size, stranger, PuntClass::kNewBeat, WorkerCounter::kNotesLost,
      DropReason::kBeatPoliced);

  // Ten seconds of ticks, as the dataplane's: each hundredth of a second. The first second is
  // another matter: it meets all endpoints for the first time.
  double start = 0;
  for (int tick = 0; tick < 1100; ++tick) {
    if (tick == 100) start = cpu_seconds();
    bed.now += kSecondNs / 100;
    bed.set_time();
    bed.slow_path->tick(bed.table.forwarding(), bed.now);
  }
  const double seconds = cpu_seconds() - start;
  if (bed.slow_path->summary().up != tunnels) fail("the scan did not see every tunnel");
  print({.bench = "beats",
         .name = "scan" + size,
         .metric = "percent_of_core",
         .value = seconds / 10 * 100,
         .reference = {}},
        options.json);
}

int main_of(int argc, char** argv) {
  Options options;
  CommandLine("bench_beats",
              "Heartbeats through the slow path: valid ones, bad digests of present endpoints, a "
              "stranger over "
              "his budget; and the scan for expired tunnels as a share of one core")
      .json(options.json)
      .number("--seconds", options.seconds, 1, 3600, "Of each case")
      .numbers("--tunnels", options.tunnels, 1, kMaxSlots - 1, "Tunnels in the table")
      .parse(argc, argv);
  for (const uint32_t tunnels : options.tunnels) measure(options, tunnels);
  return 0;
}

}  // namespace
}  // namespace simplon::bench

int main(int argc, char** argv) {
  return simplon::bench::main_of(argc, argv);
}
