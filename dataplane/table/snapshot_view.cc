// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/table/snapshot_view.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <tuple>
#include <utility>

#include "dataplane/table/snapshot_validate.h"

namespace simplon {
namespace {

SnapshotOpenResult refuse(std::string reason) {
  return {std::nullopt, {SnapshotSectionType::kNone, 0, std::move(reason)}};
}

SnapshotOpenResult refuse_errno(const std::string& what) {
  return refuse(what + ": " + std::generic_category().message(errno));
}

bool read_all(int fd, void* to, std::size_t size) {
  auto* p = static_cast<char*>(to);
  std::size_t done = 0;
  while (done < size) {
    const ssize_t n = pread(fd, p + done, size - done, static_cast<off_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n == 0) errno = EIO;  // shorter than fstat said: somebody truncated it
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

}  // namespace

std::string_view section_name(SnapshotSectionType section) {
  switch (section) {
    case SnapshotSectionType::kNone:
      return "header";
    case SnapshotSectionType::kPop:
      return "pop";
    case SnapshotSectionType::kPools:
      return "pools";
    case SnapshotSectionType::kSlots:
      return "slots";
    case SnapshotSectionType::kUnitToSlot:
      return "unit_to_slot";
    case SnapshotSectionType::kOuterIndex:
      return "outer_index";
    case SnapshotSectionType::kCold:
      return "cold";
    case SnapshotSectionType::kPasswords:
      return "passwords";
    case SnapshotSectionType::kRefusedEndpoints:
      return "refused_endpoints";
  }
  return "unknown";
}

SnapshotOpenResult SnapshotView::open(int fd, const SnapshotOpenOptions& options) {
  struct stat status;
  if (fstat(fd, &status) != 0) return refuse_errno("cannot stat the snapshot");
  if (!S_ISREG(status.st_mode)) return refuse("not a regular file or memfd");
  // The size first: with the seals in place it cannot change any more.
  if (options.require_seals) {
    constexpr int kNeeded = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW;
    const int seals = fcntl(fd, F_GET_SEALS);
    if (seals < 0) return refuse_errno("not a memfd, cannot be sealed");
    if ((seals & kNeeded) != kNeeded) return refuse("not sealed against write, shrink and grow");
    if (fstat(fd, &status) != 0) return refuse_errno("cannot stat the snapshot");
  }
  const auto size = static_cast<uint64_t>(status.st_size);
  if (size < kSnapshotSectionAlignment) return refuse("shorter than one page");
  if (size > options.max_size) {
    return refuse("larger than the " + std::to_string(options.max_size) + " bytes allowed");
  }

  SnapshotMapping mapping;
  if (options.copy || !options.require_seals) {
    mapping = SnapshotMemory::take(size, options.memory);
    if (!mapping) return refuse_errno("cannot allocate memory for the snapshot");
    if (!read_all(fd, mapping.get(), size)) return refuse_errno("cannot read the snapshot");
    if (mprotect(mapping.get(), mapping.get_deleter().size, PROT_READ) != 0) {
      return refuse_errno("cannot make the snapshot read-only");
    }
  } else {
    void* const p = mmap(nullptr, size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (p == MAP_FAILED) return refuse_errno("cannot map the snapshot");
    mapping = SnapshotMapping(static_cast<std::byte*>(p), Unmapper{size});
  }
  const std::span<const std::byte> bytes{mapping.get(), size};
  return adopt(bytes, options, std::move(mapping));
}

SnapshotOpenResult SnapshotView::over(std::span<const std::byte> bytes,
                                      const SnapshotOpenOptions& options) {
  if (reinterpret_cast<uintptr_t>(bytes.data()) % alignof(TunnelSlot) != 0) {
    return refuse("memory is not aligned");
  }
  if (bytes.size() > options.max_size) return refuse("larger than allowed");
  return adopt(bytes, options, nullptr);
}

SnapshotOpenResult SnapshotView::adopt(std::span<const std::byte> bytes,
                                       const SnapshotOpenOptions& options,
                                       SnapshotMapping mapping) {
  SnapshotParts parts;
  if (auto error = validate_snapshot(bytes, options, parts)) {
    return {std::nullopt, std::move(*error)};
  }
  SnapshotView view;
  view.slots_ = parts.slots.data();
  view.unit_to_slot_ = parts.unit_to_slot.data();
  view.unit_count_ = parts.unit_to_slot.size();
  view.pop_ = parts.pop;
  view.generation_ = parts.header->generation;
  view.slot_capacity_ = parts.header->slot_capacity;
  view.tunnel_count_ = parts.header->tunnel_count;
  view.pools_ = parts.index;
  view.pool_records_ = parts.pools.data();
  view.pool_count_ = parts.pools.size();
  view.outer_index_ = parts.outer_index.data();
  view.outer_count_ = parts.outer_index.size();
  view.cold_ = parts.cold;
  view.passwords_ = parts.passwords;
  view.refused_endpoints_ = parts.refused_endpoints;
  view.revision_ = parts.header->config_revision;
  view.created_unix_ns_ = parts.header->created_unix_ns;
  view.size_ = bytes.size();
  view.mapping_ = std::move(mapping);
  return {std::move(view), {}};
}

const PoolRecord* SnapshotView::identity_pool(PoolKind kind, bool ipv4, uint32_t slot) const {
  for (const PoolRecord& pool : pools()) {
    if (pool.kind == static_cast<uint32_t>(kind) && is_ipv4_pool(pool) == ipv4 &&
        slot >= pool.first && slot - pool.first < pool.unit_count) {
      return &pool;
    }
  }
  return nullptr;
}

std::optional<uint64_t> SnapshotView::identity_hi(PoolKind kind, uint32_t slot) const {
  const PoolRecord* pool = identity_pool(kind, false, slot);
  if (pool == nullptr) return std::nullopt;
  return pool->base | (slot - pool->first);
}

std::optional<Ipv4Prefix> SnapshotView::routed_ipv4(uint32_t slot) const {
  const PoolRecord* pool = identity_pool(PoolKind::kRouted, true, slot);
  if (pool == nullptr) return std::nullopt;
  const uint64_t key = pool->base | uint64_t{slot - pool->first} << pool->shift;
  return Ipv4Prefix{Ipv4Address::from_value(static_cast<uint32_t>(key)),
                    static_cast<uint8_t>(32 - pool->shift)};
}

// The bounds were checked when the view was opened; they are looked at again because what stands
// behind them is secret.
const TunnelCold* SnapshotView::cold(uint32_t slot) const {
  if (slot >= slot_capacity_) return nullptr;
  const uint32_t index = slots_[slot].cold_index;
  return slots_[slot].kind != 0 && index < cold_.size() ? &cold_[index] : nullptr;
}

std::string_view SnapshotView::password(const TunnelCold& cold, std::size_t which) const {
  if (which > 1) return {};
  const std::size_t offset = cold.password_offset[which];
  const std::size_t length = cold.password_length[which];
  if (offset > passwords_.size() || length > passwords_.size() - offset) return {};
  return {passwords_.data() + offset, length};
}

bool SnapshotView::is_refused_endpoint(const Ipv6Address& address) const {
  return std::binary_search(refused_endpoints_.begin(), refused_endpoints_.end(), address);
}

std::span<const uint32_t> SnapshotView::outer_index_find(const Ipv6Address& remote) const {
  const auto all = outer_index();
  const auto first = std::partition_point(all.begin(), all.end(), [&](uint32_t s) {
    return Ipv6Address::from_bytes(slots_[s].remote) < remote;
  });
  const auto last = std::partition_point(first, all.end(), [&](uint32_t s) {
    return Ipv6Address::from_bytes(slots_[s].remote) <= remote;
  });
  return {first, last};
}

std::span<const uint32_t> SnapshotView::outer_index_find(const Ipv6Address& remote,
                                                         uint8_t local_index) const {
  const auto same_remote = outer_index_find(remote);
  const auto first = std::partition_point(same_remote.begin(), same_remote.end(), [&](uint32_t s) {
    return slots_[s].local_index < local_index;
  });
  const auto last = std::partition_point(
      first, same_remote.end(), [&](uint32_t s) { return slots_[s].local_index <= local_index; });
  return {first, last};
}

}  // namespace simplon
