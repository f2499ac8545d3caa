// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/state/segment.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <new>
#include <utility>
#include <vector>

#include "dataplane/state/conservation.h"
#include "dataplane/state/errno_text.h"

namespace simplon {
namespace {

constexpr uint64_t kPage = 4096;

std::string with_errno(const std::string& what) {
  return what + ": " + errno_text();
}

uint64_t worker_counters_size(uint32_t columns) {
  return uint64_t{columns} * kWorkerCounterCapacity * sizeof(uint64_t);
}

uint64_t random_id() {
  uint64_t id = 0;
  while (id == 0) {
    if (getrandom(&id, sizeof id, 0) != sizeof id) id = static_cast<uint64_t>(getpid());
  }
  return id;
}

// Fields of a plain copy: SegmentHeader itself holds an atomic and cannot be copied.
void describe(SegmentHeader& h, uint32_t worker_count, uint32_t slot_capacity) {
  std::memcpy(h.magic, kCountersMagic, sizeof h.magic);
  h.abi_major = kSegmentAbiMajor;
  h.header_size = sizeof(SegmentHeader);
  h.column_count = worker_count + 1;
  h.slot_capacity = slot_capacity;
  h.worker_counters_offset = kPage;
  h.tunnel_counters_offset = kPage + worker_counters_size(h.column_count);
  h.total_size = CountersSegment::size_of(worker_count, slot_capacity);
  h.counter_list_hash = counter_list_hash();
}

// Why a segment of another process cannot be gone on with; empty: it can.
std::string compare(const SegmentHeader& found, const SegmentHeader& expected) {
  if (std::memcmp(found.magic, expected.magic, sizeof found.magic) != 0) {
    return "not a counters segment";
  }
  if (found.abi_major != expected.abi_major) {
    return "ABI " + std::to_string(found.abi_major) + ", this program has " +
           std::to_string(expected.abi_major);
  }
  // Pairs with the release in create(): who sees it ready sees the rest.
  if (found.ready.load(std::memory_order_acquire) != 1) return "its creation was interrupted";
  if (found.column_count != expected.column_count) {
    return "made for " + std::to_string(found.column_count - 1) + " workers, now there are " +
           std::to_string(expected.column_count - 1);
  }
  if (found.slot_capacity != expected.slot_capacity) {
    return "made for " + std::to_string(found.slot_capacity) + " slots, now there are " +
           std::to_string(expected.slot_capacity);
  }
  if (found.counter_list_hash != expected.counter_list_hash) return "another list of counters";
  if (found.header_size != expected.header_size || found.total_size != expected.total_size ||
      found.worker_counters_offset != expected.worker_counters_offset ||
      found.tunnel_counters_offset != expected.tunnel_counters_offset) {
    return "another layout";
  }
  return {};
}

}  // namespace

uint64_t CountersSegment::size_of(uint32_t worker_count, uint32_t slot_capacity) {
  const uint32_t columns = worker_count + 1;
  return kPage + worker_counters_size(columns) +
         uint64_t{columns} * slot_capacity * sizeof(TunnelCounters);
}

std::optional<CountersSegment> CountersSegment::open(const std::string& directory,
                                                     uint32_t worker_count, uint32_t slot_capacity,
                                                     std::string& error) {
  SegmentHeader expected{};
  describe(expected, worker_count, slot_capacity);
  const std::string path = directory + "/" + kFileName;

  std::string refusal;
  if (auto known = reopen(path, expected, refusal)) {
    known->origin_ = Origin::kReopened;
    known->settle_accounts();
    return known;
  }
  if (!refusal.empty()) {
    const std::string aside = path + ".old";
    if (std::rename(path.c_str(), aside.c_str()) != 0) {
      error = with_errno("cannot move " + path + " (" + refusal + ") to " + aside);
      return std::nullopt;
    }
  }
  auto segment = create(path, expected, error);
  if (segment && !refusal.empty()) {
    segment->origin_ = Origin::kReplaced;
    segment->refusal_ = refusal;
  }
  return segment;
}

// Nullopt with an empty `refusal`: there is no such file.
std::optional<CountersSegment> CountersSegment::reopen(const std::string& path,
                                                       const SegmentHeader& expected,
                                                       std::string& refusal) {
  const FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) {
    if (errno != ENOENT) refusal = with_errno("cannot be opened");
    return std::nullopt;
  }
  struct stat status {};
  if (fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
    refusal = "not a regular file";
    return std::nullopt;
  }
  if (static_cast<uint64_t>(status.st_size) < kPage) {
    refusal = "shorter than its header";
    return std::nullopt;
  }
  CountersSegment segment;
  if (!segment.map(fd.get(), static_cast<uint64_t>(status.st_size), refusal)) return std::nullopt;
  refusal = compare(*segment.header_, expected);
  if (refusal.empty() && segment.size_ != expected.total_size) refusal = "truncated or extended";
  if (!refusal.empty()) return std::nullopt;
  return segment;
}

std::optional<CountersSegment> CountersSegment::create(const std::string& path,
                                                       const SegmentHeader& expected,
                                                       std::string& error) {
  const std::string temporary = path + ".new";
  unlink(temporary.c_str());
  const FileDescriptor fd(
      ::open(temporary.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd) {
    error = with_errno("cannot create " + temporary);
    return std::nullopt;
  }
  if (ftruncate(fd.get(), static_cast<off_t>(expected.total_size)) != 0) {
    error = with_errno("cannot size " + temporary);
    return std::nullopt;
  }
  // What every packet writes must never meet a full file system: that would be a SIGBUS.
  const int full =
      posix_fallocate(fd.get(), 0, static_cast<off_t>(expected.tunnel_counters_offset));
  if (full != 0) {
    error = "no room for " + temporary + ": " + errno_text(full);
    return std::nullopt;
  }
  CountersSegment segment;
  if (!segment.map(fd.get(), expected.total_size, error)) return std::nullopt;
  SegmentHeader& h = *new (segment.header_) SegmentHeader{};
  describe(h, expected.column_count - 1, expected.slot_capacity);
  h.instance_id = random_id();
  // Last: who sees it sees the rest. Pairs with the acquire in compare() and in readers.
  h.ready.store(1, std::memory_order_release);
  if (std::rename(temporary.c_str(), path.c_str()) != 0) {
    error = with_errno("cannot rename " + temporary + " to " + path);
    return std::nullopt;
  }
  return segment;
}

bool CountersSegment::map(int fd, uint64_t size, std::string& error) {
  void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (p == MAP_FAILED) {
    error = with_errno("cannot map the counters segment");
    return false;
  }
  header_ = static_cast<SegmentHeader*>(p);
  size_ = size;
  // A second open file description: passing on the writable one would let a reader write.
  const std::string self = "/proc/self/fd/" + std::to_string(fd);
  read_only_fd_ = FileDescriptor(::open(self.c_str(), O_RDONLY | O_CLOEXEC));
  if (!read_only_fd_) {
    error = with_errno("cannot open the counters segment for readers");
    return false;
  }
  return true;
}

// A process that died took along the packets it held. Totals must not go back, so they are booked
// as dropped, and nothing is held any more.
void CountersSegment::settle_accounts() {
  std::vector<const uint64_t*> columns;
  for (uint32_t c = 0; c < column_count(); ++c) columns.push_back(worker_counters(c));
  const Conservation books = conservation(columns);
  WorkerCounters slow_path(worker_counters(column_count() - 1));
  uint64_t in_rings = 0;
  for (uint32_t c = 0; c < column_count(); ++c) {
    WorkerCounters column(worker_counters(c));
    in_rings += column.get(WorkerCounter::kPunted) - column.get(WorkerCounter::kPuntsTaken);
    column.set(WorkerCounter::kHeldReassembly, 0);
    column.set(WorkerCounter::kHeldNeighbor, 0);
    column.set(WorkerCounter::kHeldTx, 0);
  }
  slow_path.add(WorkerCounter::kPuntsTaken, in_rings);
  // A worker counts a packet in before it counts it out, so this is not negative.
  const int64_t lost = books.imbalance() + static_cast<int64_t>(books.held);
  if (lost > 0) {
    lost_packets_ = static_cast<uint64_t>(lost);
    slow_path.drop(DropReason::kLostInCrash, lost_packets_);
  }
}

CountersSegment::CountersSegment(CountersSegment&& other) noexcept
    : header_(std::exchange(other.header_, nullptr)),
      size_(other.size_),
      read_only_fd_(std::move(other.read_only_fd_)),
      origin_(other.origin_),
      refusal_(std::move(other.refusal_)),
      lost_packets_(other.lost_packets_) {}

CountersSegment& CountersSegment::operator=(CountersSegment&& other) noexcept {
  std::swap(header_, other.header_);
  std::swap(size_, other.size_);
  std::swap(read_only_fd_, other.read_only_fd_);
  origin_ = other.origin_;
  refusal_ = std::move(other.refusal_);
  lost_packets_ = other.lost_packets_;
  return *this;
}

CountersSegment::~CountersSegment() {
  if (header_ != nullptr) munmap(header_, size_);
}

uint64_t* CountersSegment::worker_counters(uint32_t column) const {
  auto* base =
      reinterpret_cast<std::byte*>(header_) + header_->worker_counters_offset;  // page-aligned
  return reinterpret_cast<uint64_t*>(base) + std::size_t{column} * kWorkerCounterCapacity;
}

TunnelCounters* CountersSegment::tunnel_counters(uint32_t column) const {
  auto* base = reinterpret_cast<std::byte*>(header_) + header_->tunnel_counters_offset;
  return reinterpret_cast<TunnelCounters*>(base) + std::size_t{column} * header_->slot_capacity;
}

}  // namespace simplon
