// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// One worker under a mixture of everything: 6in4 and AYIYA both ways, packets from one tunnel into
// another (hairpin), and pings of the PoP itself, which are the slow path's. Frames come from
// memory in random order, 64-byte inner packets of random tunnels. Beside the mixture each kind by
// itself, and how much of the cycles it accounts for in the mixture.

#include <rte_cycles.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "control/table/build_snapshot.h"
#include "dataplane/net/checksum.h"
#include "dataplane/pipeline/ayiya_worker.h"
#include "tests/bench/ayiya_traffic.h"
#include "tests/bench/command_line.h"
#include "tests/bench/config.h"
#include "tests/bench/json_line.h"
#include "tests/bench/worker_bed.h"

namespace simplon::bench {
namespace {

constexpr std::size_t kInner = 64;
constexpr double kSeconds = 0.3;
constexpr std::array<unsigned, 1> kWorker{0};

enum class Part : uint8_t { k6in4, kAyiya, kHairpin, kSlowPath };
struct Share {
  Part part;
  const char* name;
  unsigned per_mille;
};
constexpr std::array<Share, 4> kShares{{{Part::k6in4, "6in4", 500},
                                        {Part::kAyiya, "ayiya", 300},
                                        {Part::kHairpin, "hairpin", 190},
                                        {Part::kSlowPath, "slow-path", 10}}};

struct Options {
  bool json = false;
  int runs = 7;
  uint32_t tunnels = 10'000;  // of each kind
};

[[noreturn]] void fail(const std::string& why) {
  std::fprintf(stderr, "bench_mixed: %s\n", why.c_str());
  std::exit(1);
}

// AYIYA tunnels take the first slots, and are addressed in the pool of links; 6in4 tunnels follow,
// in the delegated pool.
v1::Config make_mixed_config(const Plan& plan) {
  v1::Config config = make_config(plan);
  for (v1::Tunnel& tunnel : *config.mutable_tunnels()) {
    tunnel.set_id(tunnel.id() + plan.tunnels());
    tunnel.set_slot(tunnel.slot() + plan.tunnels());
  }
  const v1::Config ayiya = AyiyaTraffic::make_config(plan.tunnels());
  config.mutable_tunnels()->MergeFrom(ayiya.tunnels());
  return config;
}

// Frames of each part, to be drawn from.
class Frames {
 public:
  explicit Frames(const Plan& plan)
      : plan_(plan),
        encap_(plan, kInner),
        decap_(plan, kInner),
        hairpin_(plan, kInner),
        received_(plan.tunnels(), kInner),
        sent_(plan.tunnels(), kInner) {
    encap_.draw(Direction::kEncap);
    decap_.draw(Direction::kDecap);
    hairpin_.draw(Direction::kDecap);
    received_.draw(AyiyaDirection::kReceive);
    sent_.draw(AyiyaDirection::kSend);
    for (std::size_t i = 0; i < kPackets; ++i) {
      auto* inner = reinterpret_cast<Ipv6Header*>(hairpin_.frame(i) + sizeof(EthernetHeader) +
                                                  plan.overhead());
      inner->destination = Ipv6Address::from_halves(kPoolHi | random_() % plan.units(), 0x4321);
    }
    make_ping();
  }

  // Fills the store with frames of one part, or of all by their shares.
  void fill(FrameStore& store, std::span<const Share> shares) {
    std::vector<Part> parts;
    while (parts.size() < store.size()) {
      for (const Share& s : shares) parts.insert(parts.end(), s.per_mille, s.part);
      if (shares.size() == 1) parts.resize(store.size(), shares[0].part);
    }
    std::shuffle(parts.begin(), parts.end(), random_);
    for (std::size_t i = 0; i < store.size(); ++i) draw(store, i, parts[i]);
  }

 private:
  void draw(FrameStore& store, std::size_t at, Part part) {
    const std::size_t n = random_() % kPackets;
    const bool in = random_() % 2 == 0;
    switch (part) {
      case Part::k6in4: {
        Traffic& traffic = in ? decap_ : encap_;
        const Direction d = in ? Direction::kDecap : Direction::kEncap;
        return store.set(at, traffic.frame(n), traffic.frame_length(d));
      }
      case Part::kAyiya: {
        AyiyaTraffic& traffic = in ? received_ : sent_;
        const auto d = in ? AyiyaDirection::kReceive : AyiyaDirection::kSend;
        return store.set(at, traffic.frame(n), traffic.frame_length(d));
      }
      case Part::kHairpin:
        return store.set(at, hairpin_.frame(n), hairpin_.frame_length(Direction::kDecap));
      case Part::kSlowPath:
        return store.set(at, ping_.data(), ping_.size());
    }
  }

  void make_ping() {
    const EthernetHeader ethernet{kOwnMac, kGatewayMac, kEtherTypeIpv6};
    const Ipv6Header ip{uint32_t{6} << 28,
                        uint16_t{24},
                        kProtocolIcmpv6,
                        64,
                        Ipv6Address::from_halves(0x2001'0db8'ffff'0000, 0x99),
                        kLocalV6};
    std::array<uint8_t, 24> message{128};
    const Be16 checksum = icmpv6_checksum(ip, message);
    std::memcpy(&message[2], &checksum, sizeof checksum);
    std::memcpy(&ping_[0], &ethernet, sizeof ethernet);
    std::memcpy(&ping_[sizeof ethernet], &ip, sizeof ip);
    std::memcpy(&ping_[sizeof ethernet + sizeof ip], message.data(), message.size());
  }

  Plan plan_;
  Traffic encap_;
  Traffic decap_;
  Traffic hairpin_;
  AyiyaTraffic received_;
  AyiyaTraffic sent_;
  std::array<uint8_t, sizeof(EthernetHeader) + sizeof(Ipv6Header) + 24> ping_{};
  std::mt19937 random_{
      2};  // another sequence than theirs, or hairpins go back where they came from
};

struct Figures {
  double per_second = 0;
  double cycles = 0;
};

Figures measure_once(WorkerBed& bed, const Options& options) {
  std::vector<double> rate;
  std::vector<double> cycles;
  for (int run = 0; run < options.runs; ++run) {
    const WorkerBed::Load load = bed.run(kWorker, kSeconds)[0];
    rate.push_back(load.per_second());
    cycles.push_back(load.cycles_per_packet());
  }
  return {median(rate), median(cycles)};
}

int measure(const Options& options) {
  const Plan plan(options.tunnels);
  const auto snapshot = control::build_snapshot(make_mixed_config(plan), 1, 1);
  if (!snapshot.ok()) fail(std::string(snapshot.status().message()));
  Frames frames(plan);
  FrameStore store(2 * kPackets);
  const std::array<const FrameStore*, 1> stores{&store};

  HugeArray<TunnelRuntime> runtime(snapshot->slot_capacity);
  std::string error;
  const auto ayiya = AyiyaWorker::create(1, error);
  if (ayiya == nullptr) fail(error);
  WorkerBed bed(
      *snapshot, stores,
      [&](WorkerContext& context, const ForwardingTable& table) {
        timespec boot{};
        clock_gettime(CLOCK_BOOTTIME, &boot);
        context.ayiya = ayiya.get();
        context.runtime = RuntimeTable({runtime.data(), snapshot->slot_capacity});
        for (uint32_t i = 0; i < options.tunnels; ++i) {
          context.runtime.set(i, table.snapshot.slot(i).incarnation, AyiyaTraffic::endpoint(i),
                              static_cast<uint32_t>(boot.tv_sec));
        }
      },
      AyiyaTraffic::kEpoch);

  const auto report = [&](const std::string& name, const char* metric, double value,
                          std::optional<double> reference = std::nullopt) {
    print({"mixed", name + "/" + std::to_string(options.tunnels), metric, value, reference,
           options.runs},
          options.json);
  };
  frames.fill(store, kShares);
  const uint64_t received = bed.count(0, WorkerCounter::kRxPackets);
  const Figures all = measure_once(bed, options);
  const auto of_received = [&](uint64_t n) {
    return 100.0 * static_cast<double>(n) /
           static_cast<double>(bed.count(0, WorkerCounter::kRxPackets) - received);
  };
  report("all", "packets_per_second", all.per_second);
  report("all", "cycles_per_packet", all.cycles);
  report("all/hairpin", "percent_of_packets", of_received(bed.count(0, WorkerCounter::kHairpin)));
  report("all/ayiya", "percent_of_packets",
         of_received(bed.count(0, WorkerCounter::kAyiyaAccepted) +
                     bed.count(0, WorkerCounter::kAyiyaSent)));
  // More than so many a second are the PoP's to refuse: the classes of punts have budgets.
  report("all/slow-path", "percent_punted", of_received(bed.count(0, WorkerCounter::kPunted)));
  report("all/slow-path", "percent_over_budget", of_received(bed.drops(0)));
  for (const Share& share : kShares) {
    frames.fill(store, {&share, 1});
    const Figures alone = measure_once(bed, options);
    const std::string name = share.name;
    report(name, "cycles_per_packet", alone.cycles);
    report(name, "percent_of_cycles_mixed", share.per_mille / 10.0 * alone.cycles / all.cycles);
  }
  if (bed.lost() == 0) return 0;
  std::fprintf(stderr, "bench_mixed: %ld packets were lost\n", bed.lost());
  return 1;
}

}  // namespace

int run(int argc, char** argv) {
  Options options;
  CommandLine(
      "bench_mixed",
      "Packets per second and cycles per packet of one worker under 50 % 6in4, 30 % AYIYA, 19 % "
      "hairpin and 1 % slow path")
      .json(options.json)
      .runs(options.runs)
      .number("--tunnels", options.tunnels, 1, kUnits / 2, "Tunnels of each kind")
      .parse(argc, argv);
  start_eal("bench_mixed", 1);
  return measure(options);
}

}  // namespace simplon::bench

int main(int argc, char** argv) {
  return simplon::bench::run(argc, argv);
}
