// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Cycles per packet of AYIYA through the whole pipeline: received (checked, verified, learned from,
// decapsulated, routed) and sent (encapsulated, signed); beside libipsec-mb's own SHA-1 jobs,
// sixteen at a time, over messages of the same length in the same memory, measured in the same run.
// Frames come from memory, tunnels are drawn at random and anew for every pass; ports and drivers
// are not in it.

#include <x86intrin.h>

// Old names of the library that collide with others.
#define NO_COMPAT_IMB_API_053
#include <intel-ipsec-mb.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/ayiya_forwarder.h"
#include "tests/bench/ayiya_traffic.h"
#include "tests/bench/command_line.h"
#include "tests/bench/json_line.h"
#include "tests/bench/turns.h"

namespace simplon::bench {
namespace {

[[noreturn]] void fail(const std::string& why) {
  throw std::runtime_error(why);
}

constexpr std::size_t kBareWidth = 16;

// What libipsec-mb does by itself, as it sets itself up for this processor: by its jobs, and by its
// bursts of them.
class BareJobs {
 public:
  enum class Interface : uint8_t { kJobs, kBursts };

  BareJobs() : manager_(alloc_mb_mgr(0)) {
    if (manager_ == nullptr) fail("libipsec-mb: no memory");
    init_mb_mgr_auto(manager_, nullptr);
  }
  BareJobs(const BareJobs&) = delete;
  BareJobs& operator=(const BareJobs&) = delete;
  ~BareJobs() { free_mb_mgr(manager_); }

  void run(Interface interface, std::span<const Sha1Job, kBareWidth> jobs) {
    interface == Interface::kJobs ? run_jobs(jobs) : run_burst(jobs);
  }

 private:
  static void set_up(IMB_JOB& slot, const Sha1Job& job) {
    slot.cipher_mode = IMB_CIPHER_NULL;
    slot.cipher_direction = IMB_DIR_ENCRYPT;
    slot.chain_order = IMB_ORDER_HASH_CIPHER;
    slot.hash_alg = IMB_AUTH_SHA_1;
    slot.src = job.message;
    slot.hash_start_src_offset_in_bytes = 0;
    slot.msg_len_to_hash_in_bytes = job.length;
    slot.auth_tag_output = job.digest;
    slot.auth_tag_output_len_in_bytes = kSha1Size;
  }

  void run_jobs(std::span<const Sha1Job, kBareWidth> jobs) {
    for (const Sha1Job& job : jobs) {
      set_up(*IMB_GET_NEXT_JOB(manager_), job);
      for (const IMB_JOB* done = IMB_SUBMIT_JOB_NOCHECK(manager_); done != nullptr;) {
        done = IMB_GET_COMPLETED_JOB(manager_);
      }
    }
    while (IMB_FLUSH_JOB(manager_) != nullptr) {
    }
  }

  void run_burst(std::span<const Sha1Job, kBareWidth> jobs) {
    std::array<IMB_JOB*, kBareWidth> slots;
    if (IMB_GET_NEXT_BURST(manager_, kBareWidth, slots.data()) != kBareWidth) {
      fail("libipsec-mb: no room for a burst");
    }
    for (std::size_t i = 0; i < kBareWidth; ++i) set_up(*slots[i], jobs[i]);
    uint32_t done = IMB_SUBMIT_BURST_NOCHECK(manager_, kBareWidth, slots.data());
    while (done < kBareWidth) {
      const uint32_t more = IMB_FLUSH_BURST(manager_, kBareWidth, slots.data());
      if (more == 0) fail("libipsec-mb: jobs are lost");
      done += more;
    }
  }

  IMB_MGR* manager_;
};

// Packets timed at once, so that a busy machine spoils few of the values.
constexpr std::size_t kTimed = 64;
using Values = std::vector<double>;

void pass(AyiyaForwarder& forwarder, AyiyaDirection direction, AyiyaTraffic& traffic,
          std::size_t burst, Values& values) {
  for (std::size_t first = 0; first < kPackets; first += kTimed) {
    const uint64_t start = __rdtsc();
    for (std::size_t i = 0; i < kTimed; i += burst) {
      forwarder.run(direction, traffic, first + i, burst);
    }
    values.push_back(static_cast<double>(__rdtsc() - start) / kTimed);
  }
}

// Both at once: a burst in, a burst out.
void pass_both_ways(AyiyaForwarder& forwarder, AyiyaTraffic& in, AyiyaTraffic& out,
                    Values& values) {
  in.draw(AyiyaDirection::kReceive);
  out.draw(AyiyaDirection::kSend);
  for (std::size_t first = 0; first < kPackets; first += kBurst) {
    const uint64_t start = __rdtsc();
    forwarder.run(AyiyaDirection::kReceive, in, first, kBurst);
    forwarder.run(AyiyaDirection::kSend, out, first, kBurst);
    values.push_back(static_cast<double>(__rdtsc() - start) / (2 * kBurst));
  }
}

void bare_pass(BareJobs& bare, BareJobs::Interface interface, AyiyaTraffic& traffic,
               Values& values) {
  traffic.draw(AyiyaDirection::kReceive);
  std::array<std::array<uint8_t, kSha1Size>, kBareWidth> digests;
  std::array<Sha1Job, kBareWidth> jobs;
  for (std::size_t first = 0; first < kPackets; first += kTimed) {
    const uint64_t start = __rdtsc();
    for (std::size_t i = first; i < first + kTimed; i += kBareWidth) {
      for (std::size_t k = 0; k < kBareWidth; ++k) {
        const uint8_t* datagram =
            traffic.frame(i + k) + sizeof(EthernetHeader) + sizeof(Ipv4Header) + sizeof(UdpHeader);
        jobs[k] = {datagram, traffic.hashed_length(), digests[k].data()};
      }
      bare.run(interface, jobs);
    }
    values.push_back(static_cast<double>(__rdtsc() - start) / kTimed);
  }
}

// What a pass takes beside one of the library's, by each of its interfaces.
class BesideLibrary {
 public:
  template <typename Pass>
  void measure(AyiyaTraffic& traffic, Pass pass) {
    const double jobs = bare(BareJobs::Interface::kJobs, traffic);
    Values ours;
    pass(ours);
    const double value = median(ours);
    jobs_.push_back({value, jobs});
    bursts_.push_back({value, bare(BareJobs::Interface::kBursts, traffic)});
  }
  // Beside the better one.
  Turn result() const {
    return library(jobs_) < library(bursts_) ? middle(jobs_) : middle(bursts_);
  }

 private:
  double bare(BareJobs::Interface interface, AyiyaTraffic& traffic) {
    Values values;
    bare_pass(bare_, interface, traffic, values);
    return median(values);
  }
  static double library(const std::vector<Turn>& turns) {
    Values values;
    for (const Turn& turn : turns) values.push_back(turn.reference);
    return median(values);
  }

  BareJobs bare_;
  std::vector<Turn> jobs_;
  std::vector<Turn> bursts_;
};

double cycles_per_second() {
  using Clock = std::chrono::steady_clock;
  const auto begin = Clock::now();
  const uint64_t start = __rdtsc();
  while (Clock::now() - begin < std::chrono::milliseconds(50)) {
  }
  const uint64_t cycles = __rdtsc() - start;
  return static_cast<double>(cycles) / std::chrono::duration<double>(Clock::now() - begin).count();
}

struct Options {
  bool json = false;
  bool engines = false;
  std::string only;  // this case
  int runs = 5;
  uint32_t tunnels = 10'000;
};

constexpr int kPasses = 4;  // a run

std::string case_name(const char* what, std::size_t inner, std::size_t burst) {
  return std::string(what) + "/" + std::to_string(inner) + "/" + std::to_string(burst);
}

bool is_wanted(const Options& options, const std::string& name) {
  return options.only.empty() || options.only == name;
}

void print_gbit(const Options& options, const std::string& name, std::size_t inner, double cycles,
                std::optional<Bar> bar = {}) {
  static const double frequency = cycles_per_second();
  const double gbit = static_cast<double>(inner) * 8 * frequency / cycles / 1e9;
  print({"ayiya", name, "gbit_per_second", gbit, {}, options.runs, bar}, options.json);
}

void measure(const Options& options, AyiyaForwarder& forwarder, AyiyaDirection direction,
             std::size_t inner, std::size_t burst, bool checksums) {
  const char* what = direction == AyiyaDirection::kSend ? "send"
                     : checksums                        ? "receive-checksum"
                                                        : "receive";
  const std::string name = case_name(what, inner, burst);
  if (!is_wanted(options, name)) return;
  AyiyaTraffic traffic(options.tunnels, inner);
  BesideLibrary beside;
  for (int n = 0; n < options.runs * kPasses; ++n) {
    beside.measure(traffic, [&](Values& values) {
      traffic.draw(direction);
      if (checksums) traffic.add_udp_checksums();
      pass(forwarder, direction, traffic, burst, values);
    });
  }
  // What is promised is promised of full bursts.
  std::optional<Bar> bar;
  if (burst == kBurst && inner == 84) bar = {.limit = 1.0};
  if (burst == kBurst && inner == 1280) bar = {.limit = 1.25};
  const Turn turn = beside.result();
  print({"ayiya", name, "cycles_per_packet", turn.value, turn.reference, options.runs,
         checksums ? std::nullopt : bar},
        options.json);
  print_gbit(options, name, inner, turn.value);
}

void measure_both_ways(const Options& options, AyiyaForwarder& forwarder, std::size_t inner) {
  const std::string name = case_name("both", inner, kBurst);
  if (!is_wanted(options, name)) return;
  AyiyaTraffic in(options.tunnels, inner);
  AyiyaTraffic out(options.tunnels, inner);
  Values values;
  for (int n = 0; n < options.runs * kPasses; ++n) {
    pass_both_ways(forwarder, in, out, values);
  }
  const double cycles = median(values);
  print({"ayiya", name, "cycles_per_packet", cycles, {}, options.runs}, options.json);
  std::optional<Bar> bar;
  if (inner == 1280) bar = {.limit = 20, .at_least = true};
  print_gbit(options, name, inner, cycles, bar);
}

// Ten million packets a second with signatures that are not good: what each costs, and how many of
// them are hashed before they are dropped.
void measure_flood(const Options& options, bool strangers) {
  constexpr std::size_t kInner = 84;
  constexpr uint64_t kNanosecondsEach = 100;
  const std::string name =
      case_name(strangers ? "flood-of-strangers" : "flood-from-endpoints", kInner, kBurst);
  if (!is_wanted(options, name)) return;
  AyiyaForwarder forwarder(options.tunnels);
  AyiyaTraffic traffic(options.tunnels, kInner);
  Values values;
  uint64_t sent = 0;
  uint64_t before = 0;
  const int passes = options.runs * kPasses;
  for (int n = 0; n < 2 * passes; ++n) {
    traffic.draw(AyiyaDirection::kReceive);
    traffic.forge(strangers);
    if (n == passes) {
      // What budgets let through at once is through.
      values.clear();
      sent = 0;
      before = forwarder.drops(DropReason::kAyiyaBadSignature);
    }
    for (std::size_t first = 0; first < kPackets; first += kBurst) {
      const uint64_t start = __rdtsc();
      forwarder.run(AyiyaDirection::kReceive, traffic, first, kBurst);
      values.push_back(static_cast<double>(__rdtsc() - start) / kBurst);
      forwarder.advance(kBurst * kNanosecondsEach);
      sent += kBurst;
    }
  }
  const auto hashed = static_cast<double>(forwarder.drops(DropReason::kAyiyaBadSignature) - before);
  print({"ayiya", name, "cycles_per_packet", median(values), {}, options.runs}, options.json);
  print(
      {"ayiya", name, "hashed_percent", 100 * hashed / static_cast<double>(sent), {}, options.runs},
      options.json);
}

// What Sha1Batch chooses from, and what it chooses.
void measure_engines(const Options& options) {
  std::string error;
  const auto batch = Sha1Batch::create(error);
  if (batch == nullptr) fail(error);
  using Engine = Sha1Batch::Engine;
  struct Choice {
    const char* name;
    std::optional<Engine> engine;
  };
  constexpr Choice kChoices[] = {
      {"sixteen", Engine::kSixteen}, {"eight", Engine::kEight},
      {"ahead", Engine::kAhead},     {"instructions", Engine::kInstructions},
      {"single", Engine::kSingle},   {"chosen", std::nullopt}};
  for (const std::size_t inner : {std::size_t{84}, std::size_t{512}, std::size_t{1280}}) {
    AyiyaTraffic traffic(1, inner);
    traffic.draw(AyiyaDirection::kReceive);
    std::array<std::array<uint8_t, kSha1Size>, Sha1Batch::kMaxJobs> digests;
    for (const std::size_t size : {1, 2, 4, 6, 8, 16, 32, 64}) {
      std::vector<Sha1Job> jobs;
      for (std::size_t i = 0; i < size; ++i) {
        jobs.push_back({traffic.frame(i), traffic.hashed_length(), digests[i].data()});
      }
      for (const Choice& choice : kChoices) {
        if (choice.engine && !batch->has(*choice.engine)) continue;
        std::vector<double> values;
        for (int run = 0; run < 200; ++run) {
          const uint64_t start = __rdtsc();
          choice.engine ? batch->run(*choice.engine, jobs) : batch->run(jobs);
          values.push_back(static_cast<double>(__rdtsc() - start) / static_cast<double>(size));
        }
        print({"ayiya",
               std::string("sha1-") + choice.name + "/" + std::to_string(inner) + "/" +
                   std::to_string(size),
               "cycles_per_job",
               median(values),
               {},
               200},
              options.json);
      }
    }
  }
}

}  // namespace

int run(int argc, char** argv) {
  Options options;
  CommandLine(
      "bench_ayiya",
      "Cycles (TSC) per packet and Gbit/s (of inner packets) of AYIYA received and sent over "
      "random "
      "tunnels: 84, 512 and 1280 bytes, bursts of 1 to 32; beside libipsec-mb's SHA-1, sixteen "
      "jobs at "
      "a time, by the faster of its interfaces, of the same run. Then both ways at once, with UDP "
      "checksums, and two floods")
      .json(options.json)
      .runs(options.runs)
      .number("--tunnels", options.tunnels, 1, kUnits, "Tunnels in the table")
      .word("--case", options.only, {}, "This one alone, as receive/84/32")
      .flag("--engines", options.engines, "The ways to hash a batch instead, by its size")
      .parse(argc, argv);
  if (options.engines) {
    measure_engines(options);
    return 0;
  }
  AyiyaForwarder forwarder(options.tunnels);
  if (!options.json) std::printf("SHA-1: %s\n", forwarder.engine().c_str());
  for (const std::size_t inner : {std::size_t{84}, std::size_t{512}, std::size_t{1280}}) {
    for (const AyiyaDirection direction : {AyiyaDirection::kReceive, AyiyaDirection::kSend}) {
      for (const std::size_t burst : {1, 4, 8, 16, 32}) {
        measure(options, forwarder, direction, inner, burst, false);
      }
    }
    measure(options, forwarder, AyiyaDirection::kReceive, inner, kBurst, true);
    measure_both_ways(options, forwarder, inner);
  }
  measure_flood(options, false);
  measure_flood(options, true);
  if (forwarder.refused() != 0) {
    fail(std::to_string(forwarder.refused()) + " packets were not forwarded");
  }
  return 0;
}

}  // namespace simplon::bench

int main(int argc, char** argv) {
  try {
    return simplon::bench::run(argc, argv);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bench_ayiya: %s\n", e.what());
    return 1;
  }
}
