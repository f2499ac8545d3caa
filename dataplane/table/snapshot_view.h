// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// A validated snapshot (proto/link/snapshot_format.h), read-only and immutable. Everything the
// accessors return was checked when it was opened: indexes are in range, kinds and flags are known,
// addresses are sane for their use.

#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dataplane/net/address.h"
#include "dataplane/table/pool_index.h"
#include "dataplane/table/snapshot_memory.h"
#include "proto/link/snapshot_format.h"

namespace simplon {

// Where and why a snapshot was refused. `section` is kNone for the header and the file.
struct SnapshotError {
  SnapshotSectionType section = SnapshotSectionType::kNone;
  uint64_t index = 0;  // element in the section
  std::string reason;
};

// "pools", "slots"...; "header" for kNone, "unknown" for a number without a name.
std::string_view section_name(SnapshotSectionType section);

struct SnapshotOpenOptions {
  // The descriptor must be sealed against writing, shrinking and growing. Without it the contents
  // are always copied, because whoever holds the file could change or truncate it after the check.
  bool require_seals = true;
  // Copies into private memory in huge pages where the kernel has them, instead of mapping the
  // descriptor.
  bool copy = false;
  // Where memory for copies comes from and goes back to, if not to the kernel.
  SnapshotMemory* memory = nullptr;
  // What the reader has room for.
  uint32_t max_slot_capacity = kMaxSlots;
  uint64_t max_size = uint64_t{1} << 30;
};

struct SnapshotOpenResult;

class SnapshotView {
 public:
  // Maps (or copies) and validates. The descriptor is not closed and not needed afterwards. Service
  // threads.
  static SnapshotOpenResult open(int fd, const SnapshotOpenOptions& options = {});

  // Validates memory of the caller's, which must outlive the view and not change. For tests and
  // fuzzers. `bytes` must be aligned to 64.
  static SnapshotOpenResult over(std::span<const std::byte> bytes,
                                 const SnapshotOpenOptions& options = {});

  SnapshotView(SnapshotView&&) noexcept = default;
  SnapshotView& operator=(SnapshotView&&) noexcept = default;
  ~SnapshotView() = default;

  // ---- Workers.

  uint64_t generation() const { return generation_; }

  // Step 1: which pool covers the address, and which unit is it. `hi`: upper 64 bits of an IPv6
  // address, host value; those that look like the keys of IPv4 pools are in none. Touches the pools
  // only.
  PoolLookup lookup(uint64_t hi) const {
    if (hi >> 32 == 0xffff) [[unlikely]]
      return {};
    return pools_.lookup(hi);
  }
  PoolLookup lookup(Ipv4Address address) const {
    return pools_.lookup(ipv4_pool_key(address.value()));
  }

  // Between the steps, a few packets ahead. Always inline: GCC takes a function that only
  // prefetches for one without effect, and drops calls of it.
  [[gnu::always_inline]] void prefetch(const PoolLookup& found) const {
    if (found.is_mapped()) __builtin_prefetch(&unit_to_slot_[found.value]);
  }

  // Step 2: the slot, or kNoSlot when no pool covers the address or the unit belongs to nobody. The
  // slot itself may still be unused.
  uint32_t resolve(const PoolLookup& found) const {
    return found.is_mapped() ? unit_to_slot_[found.value] : found.value;
  }

  // Both steps, where there is nothing to overlap.
  uint32_t find_slot(uint64_t hi) const { return resolve(lookup(hi)); }
  uint32_t find_slot(Ipv4Address address) const { return resolve(lookup(address)); }

  // `slot` < slot_capacity(); slots named by resolve() are.
  const TunnelSlot& slot(uint32_t slot) const { return slots_[slot]; }
  const TunnelSlot* slots() const { return slots_; }  // for prefetching

  const PopRecord& pop() const { return *pop_; }

  // ---- Slow path and service threads.

  uint64_t revision() const { return revision_; }
  uint64_t created_unix_ns() const { return created_unix_ns_; }
  uint32_t slot_capacity() const { return slot_capacity_; }
  uint32_t tunnel_count() const { return tunnel_count_; }
  uint64_t size() const { return size_; }  // bytes
  std::span<const PoolRecord> pools() const { return {pool_records_, pool_count_}; }
  std::span<const uint32_t> unit_to_slot() const { return {unit_to_slot_, unit_count_}; }
  std::span<const uint32_t> outer_index() const { return {outer_index_, outer_count_}; }
  // What does not fit the line; null: there is nothing, or no such slot. Passwords are clear text:
  // they go into no log and no answer. `which`: 0 the current one, 1 the one before.
  const TunnelCold* cold(uint32_t slot) const;
  std::string_view password(const TunnelCold& cold, std::size_t which) const;
  // An address of another PoP.
  bool is_refused_endpoint(const Ipv6Address& address) const;
  const PoolIndex& pool_index() const { return pools_; }

  // The pool of the slot's link prefix; null: none covers it.
  const PoolRecord* link_pool(uint32_t slot) const {
    return identity_pool(PoolKind::kLink, false, slot);
  }

  // Upper half of the slot's link prefix (…::1 the PoP, …::2 the client) and of its default routed
  // /64, if a pool covers it.
  std::optional<uint64_t> link_hi(uint32_t slot) const {
    return identity_hi(PoolKind::kLink, slot);
  }
  std::optional<uint64_t> routed_hi(uint32_t slot) const {
    return identity_hi(PoolKind::kRouted, slot);
  }
  // The slot's default IPv4 prefix, if a pool covers it.
  std::optional<Ipv4Prefix> routed_ipv4(uint32_t slot) const;

  // The slots of the tunnels with this configured outer remote address (IPv4 as IPv4-mapped), by
  // all or by one of the local addresses. Several tunnels may share an address behind one NAT.
  // O(log n).
  std::span<const uint32_t> outer_index_find(const Ipv6Address& remote) const;
  std::span<const uint32_t> outer_index_find(const Ipv6Address& remote, uint8_t local_index) const;

 private:
  SnapshotView() = default;

  // `mapping` holds `bytes`; null if the memory is somebody else's.
  static SnapshotOpenResult adopt(std::span<const std::byte> bytes,
                                  const SnapshotOpenOptions& options, SnapshotMapping mapping);
  const PoolRecord* identity_pool(PoolKind kind, bool ipv4, uint32_t slot) const;
  std::optional<uint64_t> identity_hi(PoolKind kind, uint32_t slot) const;

  // The workers' line.
  alignas(64) const TunnelSlot* slots_ = nullptr;
  const uint32_t* unit_to_slot_ = nullptr;
  const PopRecord* pop_ = nullptr;
  uint64_t generation_ = 0;
  uint32_t slot_capacity_ = 0;
  uint32_t tunnel_count_ = 0;

  PoolIndex pools_;

  const PoolRecord* pool_records_ = nullptr;
  const uint32_t* outer_index_ = nullptr;
  std::size_t outer_count_ = 0;
  std::span<const TunnelCold> cold_;
  std::string_view passwords_;
  std::span<const Ipv6Address> refused_endpoints_;
  std::size_t pool_count_ = 0;
  std::size_t unit_count_ = 0;
  uint64_t revision_ = 0;
  uint64_t created_unix_ns_ = 0;
  uint64_t size_ = 0;
  SnapshotMapping mapping_;
};

struct SnapshotOpenResult {
  std::optional<SnapshotView> view;  // empty: see error
  SnapshotError error;

  explicit operator bool() const { return view.has_value(); }
};

}  // namespace simplon
