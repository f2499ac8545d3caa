// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control/config/compile.h"
#include "control/config/id_map.h"
#include "dataplane/net/address.h"
#include "dataplane/table/pool_index.h"

namespace simplon::control {

// The PoP's settings and pools in compiled form, and who owns which id, slot and prefix: all that
// is needed to judge one tunnel without looking at the others. Changing the PoP or the pools needs
// a new context; tunnels are added and removed. Memory: about 25 bytes a tunnel and 4 a delegated
// unit. Not synchronised.
class ConfigContext {
 public:
  // Paths of violations begin with "pop" and "pools".
  ConfigContext(const v1::Pop& pop, const PoolList& pools, Violations& violations);

  // False when PoP or pools had violations. Then parts are missing, and that a tunnel finds no pool
  // or address says nothing.
  bool complete() const { return complete_; }

  // ---- Settings.

  const PopRecord& pop() const { return pop_; }
  std::span<const CompiledPool> pools() const { return pools_; }
  uint32_t delegated_unit_count() const { return static_cast<uint32_t>(unit_owner_.size()); }

  // Addresses of other PoPs, sorted.
  std::span<const Ipv6Address> refused_endpoints() const { return refused_endpoints_; }

  // Outer addresses, here and below: IPv4 as ::ffff:a.b.c.d.

  // Index in PopRecord::local_addresses.
  std::optional<uint8_t> local_index(const Ipv6Address& address) const;
  // The first one of the family.
  std::optional<uint8_t> first_local_index(bool ipv6) const;

  // The interface whose on-link prefix holds the address; null: none.
  const InterfaceRecord* on_link_interface(const Ipv6Address& remote) const;

  // The MTU of the link towards `remote`: of the interface it is on, else of the one with the
  // default gateway of its family, else the smallest of all.
  uint32_t link_mtu(const Ipv6Address& remote) const;

  // The pool that holds the address; null: none.
  const CompiledPool* pool_of(const Ipv6Address& address) const;

  // Does a LINK pool cover the slot? Does a prefix of it hold the PoP's own IPv6 address?
  bool is_covered(uint32_t slot) const {
    return identity_pool(PoolKind::kLink, false, slot) != nullptr;
  }
  bool is_reserved(uint32_t slot) const { return slot == reserved_slot_; }
  bool is_reserved_unit(uint32_t unit) const { return unit == reserved_unit_; }

  // The DELEGATED pool that holds the prefix, given as PoolRecord has its own; null: none.
  const CompiledPool* delegated_pool(uint64_t base, uint64_t mask) const;

  std::optional<Ipv6Prefix> link_prefix(uint32_t slot) const;
  std::optional<Ipv6Prefix> routed_prefix(uint32_t slot) const;
  std::optional<Ipv4Prefix> routed_ipv4_prefix(uint32_t slot) const;

  // ---- Ownership. Tunnels are named by id; 0: nobody.

  uint32_t owner_of_slot(uint32_t slot) const {
    return slot < slot_owner_.size() ? slot_owner_[slot] : 0;
  }
  uint32_t owner_of_unit(uint32_t unit) const { return unit_owner_[unit]; }
  std::optional<uint32_t> slot_of(uint32_t tunnel_id) const;
  std::size_t tunnel_count() const { return slot_of_.size(); }

  // No tunnel has a slot this high or higher.
  uint32_t slot_limit() const { return static_cast<uint32_t>(slot_owner_.size()); }

  // The tunnel whose link prefix, routed or delegated prefixes hold the address; IPv4 as
  // ::ffff:a.b.c.d.
  uint32_t owner_of(const Ipv6Address& address) const;

  // The lowest slot that is covered, free and not reserved; kNoSlot: none.
  uint32_t lowest_free_slot();

  // Makes room for this many tunnels, which saves growing step by step.
  void reserve(std::size_t tunnels);

  // The tunnel must have been validated against this context, with `replaced` being the same tunnel
  // if it is an update.
  void add(const CompiledTunnel& tunnel);
  void remove(const CompiledTunnel& tunnel);

 private:
  const CompiledPool* identity_pool(PoolKind kind, bool ipv4, uint32_t slot) const;

  bool complete_ = true;
  PopRecord pop_;
  std::vector<Ipv6Address> refused_endpoints_;
  std::vector<CompiledPool> pools_;
  PoolIndex index_;
  uint32_t reserved_slot_ = kNoSlot;
  uint32_t reserved_unit_ = kNoSlot;
  IdMap slot_of_;
  std::vector<uint32_t> slot_owner_;
  std::vector<uint32_t> unit_owner_;
  uint32_t lowest_maybe_free_ = 0;  // no usable slot below it is free
};

}  // namespace simplon::control
