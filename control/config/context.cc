// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/config/context.h"

#include <algorithm>

namespace simplon::control {

ConfigContext::ConfigContext(const v1::Pop& pop, const PoolList& pools, Violations& violations) {
  const std::size_t before = violations.size();
  pop_ = compile_pop(pop, violations);
  pools_ = compile_pools(pools, pop_, violations);
  complete_ = violations.size() == before;
  std::vector<PoolRecord> records;
  std::size_t units = 0;
  for (const CompiledPool& pool : pools_) {
    records.push_back(pool.record);
    if (pool.record.kind == static_cast<uint32_t>(PoolKind::kDelegated)) {
      units += pool.record.unit_count;
    }
  }
  index_.build(records, kMaxSlots);
  unit_owner_.resize(units);
  const PoolLookup own = index_.lookup(Ipv6Address::from_bytes(pop_.ipv6_address).hi());
  if (own.hit()) (own.kind == PoolKind::kDelegated ? reserved_unit_ : reserved_slot_) = own.value;
}

std::optional<uint8_t> ConfigContext::local_index(Ipv4Address address) const {
  const auto mapped = Ipv6Address::from_ipv4(address);
  for (uint32_t i = 0; i < pop_.local_address_count; ++i) {
    if (Ipv6Address::from_bytes(pop_.local_addresses[i]) == mapped) return static_cast<uint8_t>(i);
  }
  return std::nullopt;
}

namespace {

bool has(const InterfaceRecord& interface, uint8_t flag) {
  return (interface.flags & flag) != 0;
}

Ipv4Prefix on_link(const InterfaceRecord& interface) {
  return {Ipv4Address::from_bytes(interface.ipv4_address), interface.ipv4_length};
}

}  // namespace

const InterfaceRecord* ConfigContext::on_link_interface(Ipv4Address remote) const {
  for (uint32_t i = 0; i < pop_.interface_count; ++i) {
    const InterfaceRecord& interface = pop_.interfaces[i];
    if (has(interface, kInterfaceHasIpv4) && on_link(interface).contains(remote)) return &interface;
  }
  return nullptr;
}

uint32_t ConfigContext::link_mtu(Ipv4Address remote) const {
  if (const InterfaceRecord* interface = on_link_interface(remote)) return interface->mtu;
  uint32_t smallest = kDefaultLinkMtu;
  for (uint32_t i = 0; i < pop_.interface_count; ++i) {
    const InterfaceRecord& interface = pop_.interfaces[i];
    if (has(interface, kInterfaceHasIpv4Gateway)) return interface.mtu;
    if (has(interface, kInterfaceHasIpv4)) smallest = std::min<uint32_t>(smallest, interface.mtu);
  }
  return smallest;
}

const CompiledPool* ConfigContext::identity_pool(PoolKind kind, uint32_t slot) const {
  for (const CompiledPool& pool : pools_) {
    if (pool.record.kind == static_cast<uint32_t>(kind) && slot >= pool.record.first &&
        slot - pool.record.first < pool.record.unit_count) {
      return &pool;
    }
  }
  return nullptr;
}

const CompiledPool* ConfigContext::delegated_pool(const Ipv6Prefix& prefix) const {
  const uint64_t hi = prefix.address.hi();
  for (const CompiledPool& pool : pools_) {
    if (pool.record.kind == static_cast<uint32_t>(PoolKind::kDelegated) &&
        (hi & pool.record.mask) == pool.record.base &&
        prefix_mask64(prefix.length) >= pool.record.mask) {
      return &pool;
    }
  }
  return nullptr;
}

std::optional<Ipv6Prefix> ConfigContext::identity_prefix(PoolKind kind, uint32_t slot) const {
  const CompiledPool* pool = identity_pool(kind, slot);
  if (pool == nullptr) return std::nullopt;
  const uint64_t hi = pool->record.base | (slot - pool->record.first);
  return Ipv6Prefix{Ipv6Address::from_halves(hi, 0), 64};
}

std::optional<uint32_t> ConfigContext::slot_of(uint32_t tunnel_id) const {
  const auto found = slot_of_.find(tunnel_id);
  if (found == slot_of_.end()) return std::nullopt;
  return found->second;
}

uint32_t ConfigContext::owner_of(const Ipv6Address& address) const {
  const PoolLookup found = index_.lookup(address.hi());
  if (found.kind == PoolKind::kDelegated) return unit_owner_[found.value];
  return found.hit() ? owner_of_slot(found.value) : 0;
}

uint32_t ConfigContext::lowest_free_slot() {
  uint32_t lowest = kNoSlot;
  for (const CompiledPool& pool : pools_) {
    if (pool.record.kind != static_cast<uint32_t>(PoolKind::kLink)) continue;
    const uint32_t end = pool.record.first + pool.record.unit_count;
    for (uint32_t slot = std::max(pool.record.first, lowest_maybe_free_);
         slot < end && slot < lowest; ++slot) {
      if (owner_of_slot(slot) == 0 && !is_reserved(slot)) lowest = slot;
    }
  }
  lowest_maybe_free_ = lowest;
  return lowest;
}

void ConfigContext::add(const CompiledTunnel& tunnel) {
  const uint32_t id = tunnel.line.tunnel_id;
  if (tunnel.slot >= slot_owner_.size()) slot_owner_.resize(tunnel.slot + std::size_t{1});
  slot_owner_[tunnel.slot] = id;
  slot_of_[id] = tunnel.slot;
  for (const UnitRange& range : tunnel.delegated) {
    std::fill_n(unit_owner_.begin() + range.first, range.count, id);
  }
  if (tunnel.slot == lowest_maybe_free_) ++lowest_maybe_free_;
}

void ConfigContext::remove(const CompiledTunnel& tunnel) {
  slot_owner_[tunnel.slot] = 0;
  slot_of_.erase(tunnel.line.tunnel_id);
  for (const UnitRange& range : tunnel.delegated) {
    std::fill_n(unit_owner_.begin() + range.first, range.count, 0);
  }
  lowest_maybe_free_ = std::min(lowest_maybe_free_, tunnel.slot);
}

}  // namespace simplon::control
