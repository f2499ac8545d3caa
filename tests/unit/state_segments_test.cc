// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The runtime and ledger segments over restarts, kills and damage. What they share with the
// counters is in segment_test.cc.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <string_view>
#include <thread>

#include "dataplane/state/drop_reason.h"
#include "dataplane/state/ledger_segment.h"
#include "dataplane/state/runtime_segment.h"
#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

namespace simplon {
namespace {

using testing::ContainsSubstring;
using testing::TemporaryDirectory;

constexpr uint32_t kSlots = 4096;
constexpr uint32_t kWorkers = 2;
constexpr uint32_t kSets = 16;
constexpr uint32_t kEpoch = 1'700'000'000;
constexpr BootTime kBoot{77, 1000};

Endpoint place(std::string_view ipv6, uint16_t port = 0) {
  Endpoint e;
  e.address = *Ipv6Address::parse(ipv6);
  e.port = port;
  e.transport = port != 0 ? Transport::kAyiya : Transport::kProto41;
  return e;
}

RuntimeSegment open_runtime(const TemporaryDirectory& directory, const BootTime& boot = kBoot,
                            uint32_t slots = kSlots) {
  std::string error;
  auto segment = RuntimeSegment::open(directory.path(), slots, boot, error);
  INFO(error);
  REQUIRE(segment);
  return std::move(*segment);
}

LedgerSegment open_ledger(const TemporaryDirectory& directory, uint32_t workers = kWorkers) {
  std::string error;
  auto segment = LedgerSegment::open(directory.path(), workers, error, kSets);
  INFO(error);
  REQUIRE(segment);
  return std::move(*segment);
}

template <typename T>
void patch(const std::string& path, std::size_t offset, T value) {
  const FileDescriptor fd(::open(path.c_str(), O_WRONLY));
  REQUIRE(pwrite(fd.get(), &value, sizeof value, static_cast<off_t>(offset)) == sizeof value);
}

// Runs `work` in a process that is then killed, at once or after `milliseconds`.
template <typename Work>
void run_and_kill(Work work, int milliseconds = 0) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    work();
    kill(getpid(), SIGKILL);
  }
  if (milliseconds != 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    kill(child, SIGKILL);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
}

bool is_allocated(int fd) {
  struct stat status {};
  REQUIRE(fstat(fd, &status) == 0);
  return status.st_blocks * 512 >= status.st_size;
}

TEST_CASE("a new runtime segment knows nothing, has room for all it will write, and is private") {
  const TemporaryDirectory directory;
  const RuntimeSegment segment = open_runtime(directory);
  CHECK(segment.origin() == SegmentFile::Origin::kCreated);
  CHECK(segment.instance_id() != 0);
  CHECK(segment.table().capacity() == kSlots);
  CHECK(segment.events().newest() == 0);
  CHECK(is_allocated(segment.read_only_fd()));
  struct stat status {};
  REQUIRE(fstat(segment.read_only_fd(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  CHECK(static_cast<uint64_t>(status.st_size) == RuntimeSegment::size_of(kSlots));
  CHECK(mmap(nullptr, 4096, PROT_WRITE, MAP_SHARED, segment.read_only_fd(), 0) == MAP_FAILED);

  // As another process reads it.
  void* p = mmap(nullptr, RuntimeSegment::size_of(kSlots), PROT_READ, MAP_SHARED,
                 segment.read_only_fd(), 0);
  REQUIRE(p != MAP_FAILED);
  const auto* header = static_cast<const RuntimeHeader*>(p);
  CHECK(header->ready.load() == 1);
  auto* records =
      reinterpret_cast<TunnelRuntime*>(static_cast<std::byte*>(p) + header->records_offset);
  const RuntimeTable reader{std::span(records, kSlots)};
  RuntimeTable writer = segment.table();
  REQUIRE(writer.learn(kSlots - 1, 1, place("2001:db8::7"), kEpoch, 5) == Learned::kUp);
  CHECK(reader.load(kSlots - 1, 1).same_place(place("2001:db8::7")));
  munmap(p, RuntimeSegment::size_of(kSlots));
}

TEST_CASE("endpoints, epochs, times and events outlive a killed process") {
  const TemporaryDirectory directory;
  uint64_t instance = 0;
  {
    const RuntimeSegment segment = open_runtime(directory);
    instance = segment.instance_id();
  }
  run_and_kill([&] {
    const RuntimeSegment segment = open_runtime(directory);
    RuntimeTable table = segment.table();
    table.learn(1, 1, place("::ffff:198.51.100.7"), kEpoch, 1001);
    table.learn(2, 2, place("2001:db8::7", 4711), kEpoch + 1, 1002);
    table.verify(2, 2, place("2001:db8::7", 4711));
    EventRing ring = segment.event_ring();
    TunnelEvent event{};
    event.slot = 2;
    ring.publish(event);
  });
  const RuntimeSegment segment = open_runtime(directory, {77, 1010});
  CHECK(segment.origin() == SegmentFile::Origin::kReopened);
  CHECK(segment.instance_id() == instance);
  CHECK(segment.repaired() == 0);
  CHECK_FALSE(segment.rebooted());
  RuntimeTable table = segment.table();
  CHECK(table.load(1, 1).same_place(place("::ffff:198.51.100.7")));
  CHECK(table.load(1, 1).up);
  CHECK(table.highest_epoch(1, 1) == kEpoch);
  CHECK(table.last_seen_s(1, 1) == 1001);
  CHECK(table.load(2, 2).same_place(place("2001:db8::7", 4711)));
  CHECK(table.load(2, 2).verified);
  CHECK(table.learn(2, 2, place("2001:db8::8"), kEpoch + 1, 1010) == Learned::kReplayed);
  // The ring goes on with the next number.
  EventRing ring = segment.event_ring();
  ring.publish({});
  CHECK(segment.events().newest() == 2);
}

TEST_CASE("whatever a process is killed at, the next one finds no endpoint nobody had") {
  const TemporaryDirectory directory;
  open_runtime(directory);
  constexpr uint32_t kBusySlots = 4;
  for (int round = 0; round < 10; ++round) {
    run_and_kill(
        [&] {
          const RuntimeSegment segment = open_runtime(directory);
          RuntimeTable table = segment.table();
          EventRing ring = segment.event_ring();
          uint32_t epoch = std::max(1u, table.highest_epoch(0, 1));
          for (;; ++epoch) {
            // Both halves of the address and the port say the same.
            const auto n = static_cast<uint16_t>(epoch % 60'000 + 1);
            std::array<char, 40> text{};
            std::snprintf(text.data(), text.size(), "2001:%x::%x", n, n);
            for (uint32_t slot = 0; slot < kBusySlots; ++slot) {
              table.learn(slot, 1, place(text.data(), n), epoch, epoch);
            }
            TunnelEvent event{};
            event.slot = event.count = epoch;
            ring.publish(event);
          }
        },
        20);
    const RuntimeSegment segment = open_runtime(directory);
    const RuntimeTable table = segment.table();
    CHECK(segment.repaired() <= 1);
    uint32_t known = 0;
    for (uint32_t slot = 0; slot < kBusySlots; ++slot) {
      const Endpoint e = table.load(slot, 1);
      if (!e.known()) continue;
      ++known;
      CHECK((e.address.bytes[2] << 8 | e.address.bytes[3]) == e.port);
      CHECK((e.address.bytes[14] << 8 | e.address.bytes[15]) == e.port);
      CHECK(table.highest_epoch(slot, 1) % 60'000 + 1 == e.port);
    }
    CHECK(known + segment.repaired() == kBusySlots);
    const EventReader events = segment.events();
    std::vector<TunnelEvent> out(kEventRingSize);
    const auto result = events.read_after(0, out);
    CHECK(result.lost + result.count == events.newest());
    for (std::size_t i = 0; i < result.count; ++i) REQUIRE(out[i].slot == out[i].count);
  }
}

TEST_CASE("a record and an event a process died in the middle of are mended, and counted") {
  const TemporaryDirectory directory;
  {
    const RuntimeSegment segment = open_runtime(directory);
    RuntimeTable table = segment.table();
    REQUIRE(table.learn(9, 1, place("2001:db8::7"), kEpoch, 1001) == Learned::kUp);
    REQUIRE(table.learn(10, 1, place("2001:db8::7"), kEpoch, 1001) == Learned::kUp);
  }
  // The sequence number of slot 9 is odd.
  const std::string path = directory.file(RuntimeSegment::kFileName);
  const std::size_t at = 4096 + 9 * sizeof(TunnelRuntime);
  const FileDescriptor fd(::open(path.c_str(), O_RDONLY));
  uint64_t word = 0;
  REQUIRE(pread(fd.get(), &word, sizeof word, static_cast<off_t>(at)) == sizeof word);
  patch(path, at, word | 1);
  const RuntimeSegment segment = open_runtime(directory);
  CHECK(segment.repaired() == 1);
  CHECK_FALSE(segment.table().load(9, 1).known());
  CHECK(segment.table().highest_epoch(9, 1) == kEpoch);
  CHECK(segment.table().load(10, 1).known());
}

TEST_CASE("after a boot a tunnel that was up has its timeout from then on") {
  const TemporaryDirectory directory;
  {
    const RuntimeSegment segment = open_runtime(directory, {77, 900'000});
    REQUIRE(segment.table().capacity() != 0);
    RuntimeTable table = segment.table();
    REQUIRE(table.learn(1, 1, place("2001:db8::7"), kEpoch, 900'000) == Learned::kUp);
  }
  {
    const RuntimeSegment segment = open_runtime(directory, {78, 20});
    CHECK(segment.origin() == SegmentFile::Origin::kReopened);
    CHECK(segment.rebooted());
    RuntimeTable table = segment.table();
    CHECK(table.load(1, 1).up);
    CHECK(table.last_seen_s(1, 1) == 20);
    CHECK(table.highest_epoch(1, 1) == kEpoch);
  }
  const RuntimeSegment segment = open_runtime(directory, {78, 90});
  CHECK_FALSE(segment.rebooted());
  CHECK(segment.table().last_seen_s(1, 1) == 20);
}

TEST_CASE("a runtime segment of another shape is moved aside, and the new one says so by its id") {
  const TemporaryDirectory directory;
  const std::string path = directory.file(RuntimeSegment::kFileName);
  const uint64_t instance = open_runtime(directory).instance_id();
  const auto replaced_because = [&](const char* reason, uint32_t slots = kSlots) {
    const RuntimeSegment segment = open_runtime(directory, kBoot, slots);
    CHECK(segment.origin() == SegmentFile::Origin::kReplaced);
    CHECK_THAT(segment.refusal(), ContainsSubstring(reason));
    CHECK(segment.instance_id() != instance);
    CHECK(std::filesystem::exists(path + ".old"));
  };
  SECTION("fewer slots") {
    replaced_because("made for 4096 slots, now there are 1024", 1024);
  }
  SECTION("another ABI") {
    patch<uint16_t>(path, offsetof(RuntimeHeader, abi_major), kRuntimeAbiMajor + 1);
    replaced_because("ABI 2, this program has 1");
  }
  SECTION("another segment") {
    patch(path, 7, 'C');
    replaced_because("not a runtime segment");
  }
  SECTION("another ring") {
    patch<uint32_t>(path, offsetof(RuntimeHeader, event_ring_size), 3);
    replaced_because("another layout");
  }
  SECTION("creation interrupted") {
    patch<uint32_t>(path, offsetof(RuntimeHeader, ready), 0);
    replaced_because("interrupted");
  }
  SECTION("truncated") {
    const uint64_t size = GENERATE(uint64_t{0}, uint64_t{100}, uint64_t{4096}, uint64_t{100'000});
    std::filesystem::resize_file(path, size);
    replaced_because(size < 4096 ? "shorter" : "truncated");
  }
  SECTION("a directory in its place") {
    std::filesystem::remove(path);
    std::filesystem::create_directory(path);
    replaced_because("");
  }
}

TEST_CASE("holes of a segment that came from a copy are filled before packets find them") {
  const TemporaryDirectory directory;
  const std::string path = directory.file(RuntimeSegment::kFileName);
  {
    const RuntimeSegment segment = open_runtime(directory);
    const FileDescriptor fd(::open(path.c_str(), O_RDWR));
    if (fallocate(fd.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 8192, 65'536) != 0) return;
    REQUIRE_FALSE(is_allocated(fd.get()));
  }
  const RuntimeSegment segment = open_runtime(directory);
  CHECK(segment.origin() == SegmentFile::Origin::kReopened);
  CHECK(is_allocated(segment.read_only_fd()));
}

TEST_CASE("the ledger outlives a killed process, without the record it was writing") {
  const TemporaryDirectory directory;
  constexpr auto kReason = static_cast<uint8_t>(DropReason::kNoRoute);
  const std::array<uint8_t, 40> packet{0x60};
  run_and_kill([&] {
    const LedgerSegment segment = open_ledger(directory);
    for (uint32_t c = 0; c < segment.column_count(); ++c) {
      ErrorLedger ledger = segment.ledger(c);
      for (uint32_t i = 0; i <= c; ++i) ledger.book({7, 1, kReason, 0, packet}, 1000 + i);
    }
    // In the middle of another tunnel's record.
    for (LedgerRecord& r : segment.column(1)) {
      if (r.count != 0) continue;
      r.version = 3;
      r.slot = 8;
      r.count = 5;
      break;
    }
  });
  const LedgerSegment segment = open_ledger(directory);
  CHECK(segment.origin() == SegmentFile::Origin::kReopened);
  CHECK(segment.repaired() == 1);
  CHECK(segment.column_count() == kWorkers + 1);
  CHECK(is_allocated(segment.read_only_fd()));
  for (uint32_t c = 0; c < segment.column_count(); ++c) {
    uint64_t count = 0;
    LedgerRecord copy{};
    for (const LedgerRecord& r : segment.column(c)) {
      if (!read_ledger_record(r, copy)) continue;
      CHECK(copy.slot == 7);
      count += copy.count;
    }
    CHECK(count == c + 1);
  }
}

TEST_CASE("a ledger of another shape is moved aside") {
  const TemporaryDirectory directory;
  const std::string path = directory.file(LedgerSegment::kFileName);
  open_ledger(directory);
  const auto replaced_because = [&](const char* reason, uint32_t workers = kWorkers) {
    const LedgerSegment segment = open_ledger(directory, workers);
    CHECK(segment.origin() == SegmentFile::Origin::kReplaced);
    CHECK_THAT(segment.refusal(), ContainsSubstring(reason));
  };
  SECTION("more workers") {
    replaced_because("made for 2 workers, now there are 3", 3);
  }
  SECTION("other reasons") {
    patch<uint32_t>(path, offsetof(LedgerHeader, counter_list_hash), 1);
    replaced_because("another list of counters");
  }
  SECTION("another number of sets") {
    patch<uint32_t>(path, offsetof(LedgerHeader, sets_per_column), 8);
    replaced_because("another layout");
  }
  SECTION("extended") {
    std::filesystem::resize_file(path, LedgerSegment::size_of(kWorkers, kSets) + 4096);
    replaced_because("truncated or extended");
  }
}

}  // namespace
}  // namespace simplon
