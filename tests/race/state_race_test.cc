// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What workers, slow path and control do to the runtime table, the ledger and the event ring at the
// same time. What is written can be told to be whole, so a torn read shows; ThreadSanitizer says
// the rest.

#include <array>
#include <atomic>
#include <chrono>
#include <cstring>
#include <memory>
#include <thread>
#include <vector>

#include "dataplane/state/drop_reason.h"
#include "dataplane/state/error_ledger.h"
#include "dataplane/state/event_ring.h"
#include "dataplane/state/note_queue.h"
#include "dataplane/state/tunnel_runtime.h"
#include "tests/support/catch.h"

namespace simplon {
namespace {

constexpr uint32_t kEpoch = 1'700'000'000;
constexpr uint8_t kIncarnation = 1;

// Place number n, 1..65535: every part of it says n, so half of another one shows.
Endpoint place(uint32_t n) {
  Endpoint e;
  const auto high = static_cast<uint8_t>(n >> 8);
  const auto low = static_cast<uint8_t>(n);
  if (n % 3 == 0) {
    e.address = Ipv6Address::from_ipv4(Ipv4Address::from_value(n << 16 | n));
  } else {
    for (std::size_t i = 0; i < 16; i += 2) {
      e.address.bytes[i] = high;
      e.address.bytes[i + 1] = low;
    }
  }
  e.port = static_cast<uint16_t>(n);
  e.transport = n % 2 == 0 ? Transport::kAyiya : Transport::kProto41;
  e.local_index = static_cast<uint8_t>(n % 16);
  return e;
}

bool is_whole(const Endpoint& e) {
  return e.port != 0 && e.same_place(place(e.port));
}

// Long enough for threads to meet, and to be stopped in the middle of something, on a busy machine.
class Deadline {
 public:
  bool passed() const { return std::chrono::steady_clock::now() >= end_; }

 private:
  std::chrono::steady_clock::time_point end_ =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(400);
};

// Starts all at once, so that they meet.
template <typename Work>
void run_threads(unsigned count, Work work) {
  std::atomic<unsigned> waiting{0};
  std::vector<std::thread> threads;
  for (unsigned t = 0; t < count; ++t) {
    threads.emplace_back([&, t] {
      ++waiting;
      while (waiting < count) std::this_thread::yield();
      work(t);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_CASE("readers never see an endpoint nobody had, while four threads move it") {
  std::array<TunnelRuntime, 4> records{};
  RuntimeTable table{std::span(records)};
  std::atomic<uint32_t> clock{0};
  std::atomic<unsigned> writers{4};
  std::atomic<uint64_t> seen{0};
  std::atomic<uint64_t> torn{0};
  const Deadline deadline;
  run_threads(6, [&](unsigned t) {
    if (t < 4) {
      for (int i = 0; i < 1'000 || i % 100 != 0 || !deadline.passed(); ++i) {
        const uint32_t now = ++clock;
        const uint32_t slot = now % records.size();
        const uint32_t n = now % 65'535 + 1;
        table.learn(slot, kIncarnation, place(n), kEpoch + now, now);
        if (i % 7 == 0) table.verify(slot, kIncarnation, table.load(slot, kIncarnation));
        if (i % 11 == 0) table.expire(slot, kIncarnation, now + 1000, 1);
        if (i % 101 == 0) table.forget(slot, kIncarnation);
      }
      --writers;
      return;
    }
    uint64_t found = 0;
    while (writers != 0) {
      for (uint32_t slot = 0; slot < records.size(); ++slot) {
        const Endpoint e = table.load(slot, kIncarnation);
        if (!e.known()) continue;
        ++found;
        if (!is_whole(e)) ++torn;
      }
    }
    seen += found;
  });
  CHECK(torn == 0);
  CHECK(seen > 0);
}

TEST_CASE("of several that race to move a tunnel with one epoch exactly one does") {
  constexpr unsigned kThreads = 4;
  constexpr uint32_t kRounds = 3'000;
  std::array<TunnelRuntime, 1> records{};
  RuntimeTable table{std::span(records)};
  std::atomic<unsigned> arrived{0};
  std::array<std::atomic<uint32_t>, kRounds> movers{};
  std::array<std::atomic<uint32_t>, kRounds> winner{};
  std::atomic<uint32_t> others{0};
  run_threads(kThreads, [&](unsigned t) {
    for (uint32_t round = 0; round < kRounds; ++round) {
      ++arrived;
      while (arrived < (round + 1) * kThreads) std::this_thread::yield();
      const uint32_t n = round * kThreads % 60'000 + t + 1;
      // Again, as a client does: who met another writer tries with the same epoch.
      Learned learned = Learned::kBusy;
      while (learned == Learned::kBusy) {
        learned = table.learn(0, kIncarnation, place(n), kEpoch + round, round + 1);
      }
      if (learned == Learned::kMoved || learned == Learned::kUp) {
        ++movers[round];
        winner[round] = n;
      } else if (learned != Learned::kReplayed) {
        ++others;
      }
    }
  });
  for (uint32_t round = 0; round < kRounds; ++round) REQUIRE(movers[round] == 1);
  CHECK(others == 0);
  CHECK(table.load(0, kIncarnation).same_place(place(winner[kRounds - 1])));
  CHECK(table.highest_epoch(0, kIncarnation) == kEpoch + kRounds - 1);
}

TEST_CASE("the endpoint is always the one that brought the newest epoch of all moves") {
  // Movers at their own pace, some with epochs that are old by the time they come; the place says
  // which epoch it came with. An endpoint once replaced by a newer one must not come back.
  std::array<TunnelRuntime, 1> records{};
  RuntimeTable table{std::span(records)};
  std::atomic<uint32_t> clock{1};
  std::atomic<unsigned> writers{3};
  std::atomic<uint32_t> went_back{0};
  run_threads(4, [&](unsigned t) {
    if (t < 3) {
      for (int i = 0; i < 15'000; ++i) {
        const uint32_t epoch = clock++ - (i % 5 == 0 ? std::min(5u, clock.load() - 1) : 0);
        table.learn(0, kIncarnation, place(epoch), epoch, epoch);
      }
      --writers;
      return;
    }
    uint32_t newest = 0;
    while (writers != 0) {
      const Endpoint e = table.load(0, kIncarnation);
      if (!e.known()) continue;
      if (e.port < newest) ++went_back;
      newest = std::max<uint32_t>(newest, e.port);
    }
  });
  CHECK(went_back == 0);
  // And none is newer than the epoch that guards it.
  CHECK(table.load(0, kIncarnation).port == table.highest_epoch(0, kIncarnation));
}

TEST_CASE(
    "a client that stays where it is never looks down to a reader, whoever tries to take over") {
  std::array<TunnelRuntime, 1> records{};
  RuntimeTable table{std::span(records)};
  const uint32_t home = GENERATE(3u, 4u);  // IPv4, IPv6
  REQUIRE(table.learn(0, kIncarnation, place(home), kEpoch, 1) == Learned::kUp);
  std::atomic<bool> stop{false};
  std::atomic<uint32_t> gone{0};
  std::atomic<uint32_t> taken{0};
  run_threads(4, [&](unsigned t) {
    switch (t) {
      case 0:  // the client, AYIYA once a packet, seconds going by
        for (uint32_t i = 0; i < 20'000; ++i) {
          const Learned l =
              table.learn(0, kIncarnation, place(home), kEpoch + i / 100, 1 + i / 100);
          if (l == Learned::kMoved || l == Learned::kUp || l == Learned::kReplayed) ++taken;
        }
        stop = true;
        return;
      case 1:  // captured packets, from elsewhere
        while (!stop) {
          const uint32_t known = table.highest_epoch(0, kIncarnation);
          if (table.learn(0, kIncarnation, place(5), known, 1) != Learned::kReplayed) ++taken;
        }
        return;
      case 2:  // the slow path
        while (!stop) {
          table.verify(0, kIncarnation, place(home));
          table.expire(0, kIncarnation, table.last_seen_s(0, kIncarnation), 180);
          // No newer than what has been learned: a journal that knows more would take over.
          table.seed(0, kIncarnation, place(7), kEpoch, 1);
        }
        return;
      default:  // who sends to it
        while (!stop) {
          const Endpoint e = table.load(0, kIncarnation);
          if (!e.up || !e.same_place(place(home))) ++gone;
        }
    }
  });
  CHECK(gone == 0);
  CHECK(taken == 0);
}

TEST_CASE("a slot that passes from one tunnel to the next while both are heard of mixes nothing") {
  std::array<TunnelRuntime, 1> records{};
  RuntimeTable table{std::span(records)};
  std::atomic<unsigned> writers{3};
  std::atomic<uint32_t> mixed{0};
  run_threads(4, [&](unsigned t) {
    if (t < 3) {
      // Workers with tables of three generations. Odd places are the one tunnel's, even ones the
      // other's, with epochs far apart.
      for (uint32_t i = 1; i <= 10'000; ++i) {
        const auto incarnation = static_cast<uint8_t>(1 + (i / 50 + t) % 2);
        const uint32_t n = 2 * (i % 30'000) + incarnation;
        table.learn(0, incarnation, place(n), kEpoch + incarnation * 1'000'000 + i, i);
      }
      --writers;
      return;
    }
    while (writers != 0) {
      for (uint8_t incarnation = 1; incarnation <= 2; ++incarnation) {
        const Endpoint e = table.load(0, incarnation);
        if (!e.known()) continue;
        if (!is_whole(e) || e.port % 2 != incarnation % 2) ++mixed;
      }
    }
  });
  CHECK(mixed == 0);
}

TEST_CASE("a ledger is read whole while it is written") {
  constexpr auto kReason = static_cast<uint8_t>(DropReason::kBeatClockSkew);  // has a detail
  constexpr uint32_t kSets = 1;  // everything in four records: each write evicts
  std::vector<LedgerRecord> records(kSets * kLedgerWays);
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> torn{0};
  std::atomic<uint64_t> seen{0};
  const Deadline deadline;
  run_threads(2, [&](unsigned t) {
    if (t == 0) {
      ErrorLedger ledger{std::span(records)};
      std::array<uint8_t, 128> packet{};
      for (uint32_t i = 0; i < 1'000 || i % 100 != 0 || !deadline.passed(); ++i) {
        const uint32_t slot = i % 64;
        packet.fill(static_cast<uint8_t>(slot));
        ledger.book({slot, static_cast<uint8_t>(slot), kReason, slot, packet},
                    i * ErrorLedger::kSampleNs);
      }
      stop = true;
      return;
    }
    while (!stop) {
      for (const LedgerRecord& record : records) {
        LedgerRecord copy{};
        if (!read_ledger_record(record, copy)) continue;
        ++seen;
        bool whole = copy.incarnation == copy.slot && copy.detail == copy.slot &&
                     copy.last_unix_ns / ErrorLedger::kSampleNs % 64 == copy.slot;
        for (const uint8_t byte : copy.bytes) whole = whole && byte == copy.slot;
        if (!whole) ++torn;
      }
    }
  });
  CHECK(torn == 0);
  CHECK(seen > 0);
}

TEST_CASE("events reach a reader whole, in order and counted, from workers through the slow path") {
  uint32_t sent = 0;
  RuntimeHeader header{};
  std::array<TunnelEvent, 4> events{};  // small: the reader is overrun now and then
  NoteQueue notes;
  std::atomic<bool> worker_done{false};
  std::atomic<bool> slow_path_done{false};
  uint64_t lost_notes = 0;
  uint64_t received = 0;
  uint64_t lost = 0;
  uint64_t wrong = 0;
  const Deadline deadline;
  run_threads(3, [&](unsigned t) {
    switch (t) {
      case 0:
        for (uint32_t i = 1; i < 1'000 || i % 100 != 0 || !deadline.passed(); ++i, ++sent) {
          TunnelEvent event{};
          event.slot = event.count = i;
          event.port = event.old_port = static_cast<uint16_t>(i);
          std::memset(event.address, static_cast<int>(i % 256), sizeof event.address);
          std::memset(event.old_address, static_cast<int>(i % 256), sizeof event.old_address);
          if (!notes.push(event)) ++lost_notes;
        }
        worker_done = true;
        return;
      case 1: {
        EventRing ring{header, events};
        TunnelEvent event;
        while (true) {
          const bool last = worker_done;
          while (notes.pop(event)) ring.publish(event);
          if (last) break;
        }
        slow_path_done = true;
        return;
      }
      default: {
        const EventReader reader{header, events};
        std::array<TunnelEvent, 16> out;
        uint64_t after = 0;
        uint32_t before = 0;
        while (true) {
          const bool last = slow_path_done;
          const auto result = reader.read_after(after, out);
          for (std::size_t i = 0; i < result.count; ++i) {
            const TunnelEvent& e = out[i];
            const auto byte = static_cast<uint8_t>(e.slot % 256);
            const bool whole = e.count == e.slot && e.port == static_cast<uint16_t>(e.slot) &&
                               e.old_port == e.port && e.address[0] == byte &&
                               e.address[15] == byte && e.old_address[15] == byte;
            if (!whole || e.slot <= before || e.number != after + result.lost + i + 1) ++wrong;
            before = e.slot;
          }
          received += result.count;
          lost += result.lost;
          after = result.last;
          if (last && result.count == 0 && result.lost == 0) break;
        }
        return;
      }
    }
  });
  CHECK(wrong == 0);
  CHECK(received > 0);
  CHECK(received + lost + lost_notes == sent);
}

}  // namespace
}  // namespace simplon
