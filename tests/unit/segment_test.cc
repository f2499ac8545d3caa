// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/state/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstddef>
#include <filesystem>

#include "tests/support/catch.h"
#include "tests/support/temporary_directory.h"

namespace simplon {
namespace {

using testing::ContainsSubstring;
using testing::TemporaryDirectory;

constexpr uint32_t kWorkers = 2;
constexpr uint32_t kSlots = 4096;

std::optional<CountersSegment> open_segment(const TemporaryDirectory& directory,
                                            uint32_t workers = kWorkers, uint32_t slots = kSlots) {
  std::string error;
  auto segment = CountersSegment::open(directory.path(), workers, slots, error);
  INFO(error);
  REQUIRE(segment);
  return segment;
}

ino_t inode_of(const std::string& path) {
  struct stat status {};
  REQUIRE(stat(path.c_str(), &status) == 0);
  return status.st_ino;
}

// Overwrites bytes of the file, as a fault would.
void patch(const std::string& path, std::size_t offset, const void* bytes, std::size_t size) {
  const FileDescriptor fd(::open(path.c_str(), O_WRONLY));
  REQUIRE(pwrite(fd.get(), bytes, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size));
}

TEST_CASE("a new segment is ready, zero, sparse and readable by others through its descriptor") {
  const TemporaryDirectory directory;
  const auto segment = open_segment(directory);
  CHECK(segment->origin() == CountersSegment::Origin::kCreated);
  CHECK(segment->column_count() == kWorkers + 1);
  for (uint32_t c = 0; c <= kWorkers; ++c) {
    CHECK(WorkerCounters(segment->worker_counters(c)).get(WorkerCounter::kRxPackets) == 0);
    CHECK(segment->tunnel_counters(c)[kSlots - 1].out_bytes == 0);
  }
  WorkerCounters(segment->worker_counters(1)).add(WorkerCounter::kRxPackets, 7);

  const uint64_t size = CountersSegment::size_of(kWorkers, kSlots);
  void* p = mmap(nullptr, size, PROT_READ, MAP_SHARED, segment->read_only_fd(), 0);
  REQUIRE(p != MAP_FAILED);
  const auto* header = static_cast<const SegmentHeader*>(p);
  CHECK(header->ready.load() == 1);
  CHECK(header->total_size == size);
  const auto* column = reinterpret_cast<const uint64_t*>(static_cast<const std::byte*>(p) +
                                                         header->worker_counters_offset) +
                       kWorkerCounterCapacity;
  CHECK(column[std::size_t(WorkerCounter::kRxPackets)] == 7);
  munmap(p, size);
  // A reader must not be able to write.
  CHECK(mmap(nullptr, size, PROT_WRITE, MAP_SHARED, segment->read_only_fd(), 0) == MAP_FAILED);

  struct stat status {};
  REQUIRE(fstat(segment->read_only_fd(), &status) == 0);
  CHECK(static_cast<uint64_t>(status.st_blocks) * 512 < size);
  CHECK((status.st_mode & 0777) == 0600);
}

TEST_CASE("counters go on after the process that wrote them was killed") {
  const TemporaryDirectory directory;
  const std::string path = directory.file(CountersSegment::kFileName);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    std::string error;
    auto segment = CountersSegment::open(directory.path(), kWorkers, kSlots, error);
    WorkerCounters w(segment->worker_counters(0));
    w.add(WorkerCounter::kRxPackets, 100);
    w.add(WorkerCounter::kTxPackets, 60);
    w.drop(DropReason::kNoRoute, 10);
    w.add(WorkerCounter::kPunted, 9);  // 21 more were between RX and their verdict
    WorkerCounters s(segment->worker_counters(kWorkers));
    s.add(WorkerCounter::kPuntsTaken, 4);
    s.set(WorkerCounter::kHeldNeighbor, 4);
    segment->tunnel_counters(1)[17].in_bytes = 1280;
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
  const ino_t inode = inode_of(path);

  const auto segment = open_segment(directory);
  CHECK(segment->origin() == CountersSegment::Origin::kReopened);
  CHECK(inode_of(path) == inode);
  const WorkerCounters w(segment->worker_counters(0));
  const WorkerCounters s(segment->worker_counters(kWorkers));
  CHECK(w.get(WorkerCounter::kRxPackets) == 100);
  CHECK(w.drops(DropReason::kNoRoute) == 10);
  CHECK(segment->tunnel_counters(1)[17].in_bytes == 1280);

  // What it had in its hands is booked, and the law holds.
  CHECK(segment->lost_packets() == 30);
  CHECK(s.drops(DropReason::kLostInCrash) == 30);
  CHECK(s.get(WorkerCounter::kHeldNeighbor) == 0);
  CHECK(w.get(WorkerCounter::kPunted) ==
        w.get(WorkerCounter::kPuntsTaken) + s.get(WorkerCounter::kPuntsTaken));
}

TEST_CASE("a segment left in order is taken over without losses") {
  const TemporaryDirectory directory;
  {
    const auto segment = open_segment(directory);
    WorkerCounters w(segment->worker_counters(0));
    w.add(WorkerCounter::kRxPackets, 5);
    w.add(WorkerCounter::kTxPackets, 5);
  }
  const auto segment = open_segment(directory);
  CHECK(segment->origin() == CountersSegment::Origin::kReopened);
  CHECK(segment->lost_packets() == 0);
}

TEST_CASE("a segment of another shape is moved aside, and its readers keep it") {
  const TemporaryDirectory directory;
  const std::string path = directory.file(CountersSegment::kFileName);
  const uint64_t size = CountersSegment::size_of(kWorkers, kSlots);
  auto old = open_segment(directory);
  WorkerCounters(old->worker_counters(0)).add(WorkerCounter::kRxPackets, 5);
  const ino_t inode = inode_of(path);

  const auto replaced_because = [&](const char* reason, uint32_t workers, uint32_t slots) {
    const auto segment = open_segment(directory, workers, slots);
    CHECK(segment->origin() == CountersSegment::Origin::kReplaced);
    CHECK_THAT(segment->refusal(), ContainsSubstring(reason));
    CHECK(WorkerCounters(segment->worker_counters(0)).get(WorkerCounter::kRxPackets) == 0);
    CHECK(inode_of(path) != inode);
    CHECK(inode_of(path + ".old") == inode);
    // Whole, and still counting for whoever has it mapped.
    CHECK(WorkerCounters(old->worker_counters(0)).get(WorkerCounter::kRxPackets) == 5);
    struct stat status {};
    REQUIRE(fstat(old->read_only_fd(), &status) == 0);
    CHECK(static_cast<uint64_t>(status.st_size) == size);
  };

  SECTION("more workers") {
    replaced_because("2 workers, now there are 3", 3, kSlots);
  }
  SECTION("fewer slots") {
    replaced_because("4096 slots, now there are 1024", kWorkers, 1024);
  }
  SECTION("another ABI") {
    const uint16_t abi = kSegmentAbiMajor + 1;
    patch(path, offsetof(SegmentHeader, abi_major), &abi, sizeof abi);
    replaced_because("ABI 2", kWorkers, kSlots);
  }
  SECTION("other counters") {
    const uint32_t hash = counter_list_hash() + 1;
    patch(path, offsetof(SegmentHeader, counter_list_hash), &hash, sizeof hash);
    replaced_because("another list of counters", kWorkers, kSlots);
  }
  SECTION("creation interrupted") {
    const uint32_t ready = 0;
    patch(path, offsetof(SegmentHeader, ready), &ready, sizeof ready);
    replaced_because("interrupted", kWorkers, kSlots);
  }
  SECTION("other offsets") {
    const uint64_t offset = 8192;
    patch(path, offsetof(SegmentHeader, tunnel_counters_offset), &offset, sizeof offset);
    replaced_because("another layout", kWorkers, kSlots);
  }
  SECTION("something else altogether") {
    patch(path, 0, "NOTASEGM", 8);
    replaced_because("not a counters segment", kWorkers, kSlots);
  }
}

TEST_CASE("a truncated segment is refused without touching what is missing") {
  const TemporaryDirectory directory;
  const std::string path = directory.file(CountersSegment::kFileName);
  open_segment(directory);
  for (const uint64_t size : {uint64_t{0}, uint64_t{100}, uint64_t{4096}, uint64_t{8192}}) {
    std::filesystem::resize_file(path, size);
    const auto segment = open_segment(directory);
    CHECK(segment->origin() == CountersSegment::Origin::kReplaced);
  }
}

TEST_CASE("a directory that is not there is an error that names the file") {
  std::string error;
  CHECK_FALSE(CountersSegment::open("/nonexistent", kWorkers, kSlots, error));
  CHECK_THAT(error, ContainsSubstring("/nonexistent/counters"));
}

}  // namespace
}  // namespace simplon
