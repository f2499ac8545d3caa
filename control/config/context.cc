// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/config/context.h"

#include <algorithm>

#include "control/config/outer_address.h"

namespace simplon::control {

ConfigContext::ConfigContext(const v1::Pop& pop, const PoolList& pools, Violations& violations) {
  const std::size_t before = violations.size();
  pop_ = compile_pop(pop, violations);
  refused_endpoints_ = compile_refused_endpoints(pop, pop_, violations);
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

std::optional<uint8_t> ConfigContext::local_index(const Ipv6Address& address) const {
  for (uint32_t i = 0; i < pop_.local_address_count; ++i) {
    if (Ipv6Address::from_bytes(pop_.local_addresses[i]) == address) return static_cast<uint8_t>(i);
  }
  return std::nullopt;
}

std::optional<uint8_t> ConfigContext::first_local_index(bool ipv6) const {
  for (uint32_t i = 0; i < pop_.local_address_count; ++i) {
    const bool mapped = Ipv6Address::from_bytes(pop_.local_addresses[i]).is_ipv4_mapped();
    if (mapped != ipv6) return static_cast<uint8_t>(i);
  }
  return std::nullopt;
}

namespace {

bool has(const InterfaceRecord& interface, uint8_t flag) {
  return (interface.flags & flag) != 0;
}

bool is_on_link(const InterfaceRecord& interface, const Ipv6Address& a) {
  if (a.is_ipv4_mapped()) {
    const Ipv4Prefix prefix{Ipv4Address::from_bytes(interface.ipv4_address), interface.ipv4_length};
    return has(interface, kInterfaceHasIpv4) && prefix.contains(a.ipv4());
  }
  const Ipv6Prefix prefix{Ipv6Address::from_bytes(interface.ipv6_address), interface.ipv6_length};
  return has(interface, kInterfaceHasIpv6) && prefix.contains(a);
}

}  // namespace

const InterfaceRecord* ConfigContext::on_link_interface(const Ipv6Address& remote) const {
  for (uint32_t i = 0; i < pop_.interface_count; ++i) {
    if (is_on_link(pop_.interfaces[i], remote)) return &pop_.interfaces[i];
  }
  return nullptr;
}

uint32_t ConfigContext::link_mtu(const Ipv6Address& remote) const {
  if (const InterfaceRecord* interface = on_link_interface(remote)) return interface->mtu;
  const bool ipv4 = remote.is_ipv4_mapped();
  uint32_t smallest = kDefaultLinkMtu;
  for (uint32_t i = 0; i < pop_.interface_count; ++i) {
    const InterfaceRecord& interface = pop_.interfaces[i];
    if (has(interface, ipv4 ? kInterfaceHasIpv4Gateway : kInterfaceHasIpv6Gateway)) {
      return interface.mtu;
    }
    if (has(interface, ipv4 ? kInterfaceHasIpv4 : kInterfaceHasIpv6)) {
      smallest = std::min<uint32_t>(smallest, interface.mtu);
    }
  }
  return smallest;
}

const CompiledPool* ConfigContext::pool_of(const Ipv6Address& address) const {
  const auto key = pool_key(address);
  if (!key) return nullptr;
  for (const CompiledPool& pool : pools_) {
    if ((*key & pool.record.mask) == pool.record.base) return &pool;
  }
  return nullptr;
}

const CompiledPool* ConfigContext::identity_pool(PoolKind kind, bool ipv4, uint32_t slot) const {
  for (const CompiledPool& pool : pools_) {
    if (pool.record.kind == static_cast<uint32_t>(kind) && is_ipv4_pool(pool.record) == ipv4 &&
        slot >= pool.record.first && slot - pool.record.first < pool.record.unit_count) {
      return &pool;
    }
  }
  return nullptr;
}

const CompiledPool* ConfigContext::delegated_pool(uint64_t base, uint64_t mask) const {
  for (const CompiledPool& pool : pools_) {
    if (pool.record.kind == static_cast<uint32_t>(PoolKind::kDelegated) &&
        (base & pool.record.mask) == pool.record.base && mask >= pool.record.mask) {
      return &pool;
    }
  }
  return nullptr;
}

namespace {

uint64_t base_of_unit(const CompiledPool& pool, uint32_t slot) {
  return pool.record.base | uint64_t{slot - pool.record.first} << pool.record.shift;
}

}  // namespace

std::optional<Ipv6Prefix> ConfigContext::link_prefix(uint32_t slot) const {
  const CompiledPool* pool = identity_pool(PoolKind::kLink, false, slot);
  if (pool == nullptr) return std::nullopt;
  return Ipv6Prefix{Ipv6Address::from_halves(base_of_unit(*pool, slot), 0), 64};
}

std::optional<Ipv6Prefix> ConfigContext::routed_prefix(uint32_t slot) const {
  const CompiledPool* pool = identity_pool(PoolKind::kRouted, false, slot);
  if (pool == nullptr) return std::nullopt;
  return Ipv6Prefix{Ipv6Address::from_halves(base_of_unit(*pool, slot), 0), 64};
}

std::optional<Ipv4Prefix> ConfigContext::routed_ipv4_prefix(uint32_t slot) const {
  const CompiledPool* pool = identity_pool(PoolKind::kRouted, true, slot);
  if (pool == nullptr) return std::nullopt;
  return Ipv4Prefix{Ipv4Address::from_value(static_cast<uint32_t>(base_of_unit(*pool, slot))),
                    static_cast<uint8_t>(32 - pool->record.shift)};
}

std::optional<uint32_t> ConfigContext::slot_of(uint32_t tunnel_id) const {
  const uint32_t slot = slot_of_.find(tunnel_id);
  return slot == kNoSlot ? std::nullopt : std::optional(slot);
}

uint32_t ConfigContext::owner_of(const Ipv6Address& address) const {
  const auto key = pool_key(address);
  if (!key) return 0;
  const PoolLookup found = index_.lookup(*key);
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

void ConfigContext::reserve(std::size_t tunnels) {
  slot_of_.reserve(tunnels);
}

void ConfigContext::add(const CompiledTunnel& tunnel) {
  const uint32_t id = tunnel.line.tunnel_id;
  if (tunnel.slot >= slot_owner_.size()) slot_owner_.resize(tunnel.slot + std::size_t{1});
  slot_owner_[tunnel.slot] = id;
  slot_of_.put(id, tunnel.slot);
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
