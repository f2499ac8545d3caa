// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <algorithm>
#include <array>
#include <tuple>
#include <vector>

#include "dataplane/table/address_rules.h"
#include "dataplane/table/snapshot_validate.h"
#include "dataplane/table/tunnel_rules.h"

namespace simplon {
namespace {

using Section = SnapshotSectionType;
using MaybeError = std::optional<SnapshotError>;
constexpr auto error = snapshot_error;

// The PoP's own addresses, by their last byte first: asked once for every tunnel.
class OwnAddresses {
 public:
  explicit OwnAddresses(const PopRecord& pop) {
    for (uint32_t i = 0; i < pop.local_address_count; ++i) {
      add(Ipv6Address::from_bytes(pop.local_addresses[i]));
    }
    for (uint32_t i = 0; i < pop.interface_count; ++i) {
      const InterfaceRecord& link = pop.interfaces[i];
      if ((link.flags & kInterfaceHasIpv4) != 0) {
        add(Ipv6Address::from_ipv4(Ipv4Address::from_bytes(link.ipv4_address)));
      }
      if ((link.flags & kInterfaceHasIpv6) != 0) add(Ipv6Address::from_bytes(link.ipv6_address));
    }
    add(Ipv6Address::from_bytes(pop.ipv6_address));
  }

  bool contains(const Ipv6Address& a) const {
    if (!last_bytes_[a.bytes[15]]) return false;
    return std::find(addresses_.begin(), addresses_.begin() + count_, a) !=
           addresses_.begin() + count_;
  }

 private:
  void add(const Ipv6Address& a) {
    addresses_[static_cast<std::size_t>(count_++)] = a;
    last_bytes_[a.bytes[15]] = true;
  }

  std::array<Ipv6Address, kMaxLocalAddresses + 2 * kMaxInterfaces + 1> addresses_{};
  std::ptrdiff_t count_ = 0;
  std::array<bool, 256> last_bytes_{};
};

constexpr uint8_t kGreFlags = kTunnelGreKey | kTunnelGreChecksum | kTunnelGreSequence;

const char* fault_of_remote(const TunnelSlot& s, TunnelKind kind, const PopRecord& pop,
                            const OwnAddresses& own) {
  const auto remote = Ipv6Address::from_bytes(s.remote);
  if (is_dynamic(kind)) {
    if (!remote.is_unspecified()) return "remote of a tunnel whose endpoint is learned";
    if (s.local_index != 0) return "local_index of a tunnel whose endpoint is learned";
    if (pop.local_address_count == 0) return "the PoP has no address to end on";
    return nullptr;
  }
  if (s.local_index >= pop.local_address_count) return "local_index is beyond the PoP's addresses";
  const bool ipv4 = remote.is_ipv4_mapped();
  if (ipv4 ? kind == TunnelKind::kIpv6Tunnel : kind == TunnelKind::kProto41) {
    return "remote is not of the family of the kind";
  }
  if (!(ipv4 ? is_usable_unicast(remote.ipv4()) : is_usable_unicast(remote))) {
    return "remote is not a usable address";
  }
  if (own.contains(remote)) return "remote is the PoP itself";
  if (Ipv6Address::from_bytes(pop.local_addresses[s.local_index]).is_ipv4_mapped() != ipv4) {
    return "local address is not of the remote's family";
  }
  return nullptr;
}

// Fields that only some kinds have.
const char* fault_of_options(const TunnelSlot& s, TunnelKind kind) {
  if (kind != TunnelKind::kGre && (s.flags & kGreFlags) != 0) return "GRE flag of another kind";
  if (s.gre_key != 0 && (s.flags & kTunnelGreKey) == 0) return "GRE key without its flag";
  if (s.encapsulation_limit != 0 && kind != TunnelKind::kIpv6Tunnel) {
    return "encapsulation limit of a kind that has none";
  }
  if ((s.options & ~kTunnelKnownOptions) != 0) return "unknown tunnel option";
  if (all_zero(s.secret_sha1, sizeof(s.secret_sha1)) == takes_ayiya(kind)) {
    return takes_ayiya(kind) ? "no secret" : "secret for a kind that has none";
  }
  if (!is_dynamic(kind)) {
    if (s.options != 0) return "option of a kind that has none";
    if (s.beat_timeout_s != 0) return "beat timeout of a kind that has none";
  } else if (s.beat_timeout_s < kMinBeatTimeout || s.beat_timeout_s > kMaxBeatTimeout) {
    return "beat timeout is not 10..3600";
  }
  return nullptr;
}

bool needs_cold(const TunnelSlot& s) {
  return takes_beats(static_cast<TunnelKind>(s.kind)) || (s.options & kTunnelOptionRotation) != 0;
}

const char* fault_of_slot(const TunnelSlot& s, const PopRecord& pop, const OwnAddresses& own) {
  if (s.kind > static_cast<uint8_t>(TunnelKind::kIpv6Tunnel)) return "unknown tunnel kind";
  const auto kind = static_cast<TunnelKind>(s.kind);
  if (s.tunnel_id == 0) return "tunnel_id is 0";
  if ((s.flags & ~kTunnelKnownFlags) != 0) return "unknown tunnel flag";
  if (s.outer_ttl == 0) return "outer_ttl is 0";
  if (s.outer_dscp > 63) return "outer_dscp is not 0..63";
  if (s.incarnation > 127) return "incarnation is not 0..127";
  if (const char* fault = fault_of_options(s, kind)) return fault;
  if (const char* fault = fault_of_remote(s, kind, pop, own)) return fault;
  const bool ipv6 = !is_dynamic(kind) && !Ipv6Address::from_bytes(s.remote).is_ipv4_mapped();
  if (s.mtu < kMinTunnelMtu || s.mtu > kCommonLinkMtu - outer_overhead(s, ipv6)) {
    return "MTU is not 1280 up to what the kind leaves of 1500";
  }
  if (needs_cold(s) != (s.cold_index != kNoSlot)) {
    return s.cold_index == kNoSlot ? "no cold_index, but there are passwords"
                                   : "cold_index, but there is nothing to find there";
  }
  if (!all_zero(s.reserved, sizeof(s.reserved))) return "reserved field is not zero";
  return nullptr;
}

const char* fault_of_cold(const TunnelCold& cold, const TunnelSlot& slot, std::size_t passwords) {
  const auto kind = static_cast<TunnelKind>(slot.kind);
  const bool rotation = (slot.options & kTunnelOptionRotation) != 0;
  for (std::size_t i = 0; i < 2; ++i) {
    const uint32_t offset = cold.password_offset[i];
    const uint8_t length = cold.password_length[i];
    const bool wanted = takes_beats(kind) && (i == 0 || rotation);
    if (!wanted) {
      if (length != 0 || offset != 0) return "password the tunnel does not have";
      continue;
    }
    if (length == 0 || length > kMaxPasswordLength) return "password length is not 1..132";
    if (offset > passwords || length > passwords - offset) return "password is beyond the section";
  }
  const bool has_previous = !all_zero(cold.previous_sha1, sizeof(cold.previous_sha1));
  if (has_previous != (rotation && takes_ayiya(kind))) {
    return has_previous ? "previous secret the tunnel does not have" : "no previous secret";
  }
  if (!all_zero(cold.reserved0, sizeof(cold.reserved0)) ||
      !all_zero(cold.reserved, sizeof(cold.reserved))) {
    return "reserved field is not zero";
  }
  return nullptr;
}

// One bit a slot. Small enough for the cache where the slots themselves are not.
class SlotSet {
 public:
  explicit SlotSet(std::size_t capacity) : capacity_(capacity), words_(capacity / 64 + 1) {}
  void set(std::size_t slot) { words_[slot / 64] |= uint64_t{1} << (slot % 64); }
  bool test(uint32_t slot) const {
    return slot < capacity_ && (words_[slot / 64] >> (slot % 64) & 1) != 0;
  }

 private:
  std::size_t capacity_;
  std::vector<uint64_t> words_;
};

class TunnelChecker {
 public:
  explicit TunnelChecker(const SnapshotParts& parts)
      : parts_(parts),
        used_(parts.slots.size()),
        fixed_(parts.slots.size()),
        ipv4_(parts.slots.size()) {}

  MaybeError check() {
    if (MaybeError e = check_slots()) return e;
    if (MaybeError e = check_own_address()) return e;
    if (MaybeError e = check_units()) return e;
    if (MaybeError e = check_outer_index()) return e;
    return check_refused_endpoints();
  }

 private:
  MaybeError check_slots() {
    const OwnAddresses own(*parts_.pop);
    uint32_t count = 0;
    std::size_t cold_count = 0;
    for (std::size_t i = 0; i < parts_.slots.size(); ++i) {
      const TunnelSlot& slot = parts_.slots[i];
      if (slot.kind == static_cast<uint8_t>(TunnelKind::kUnused)) {
        if (all_zero(&slot, sizeof(slot))) [[likely]]
          continue;
        return error(Section::kSlots, i, "unused slot is not all zero");
      }
      if (const char* fault = fault_of_slot(slot, *parts_.pop, own)) {
        return error(Section::kSlots, i, fault);
      }
      if (slot.cold_index != kNoSlot) {
        if (MaybeError e = check_cold(i, slot)) return e;
        ++cold_count;
      }
      const auto kind = static_cast<TunnelKind>(slot.kind);
      used_.set(i);
      if (!is_dynamic(kind)) {
        fixed_.set(i);
        ++fixed_count_;
      }
      if (carries_ipv4(kind)) ipv4_.set(i);
      ++count;
    }
    if (count != parts_.header->tunnel_count) {
      return error(Section::kSlots, count, "tunnel_count is not the number of used slots");
    }
    // Each one that was looked at names its slot, so no two slots share one.
    if (cold_count != parts_.cold.size()) {
      return error(Section::kCold, cold_count, "more records than tunnels that need one");
    }
    return std::nullopt;
  }

  MaybeError check_cold(std::size_t index, const TunnelSlot& slot) const {
    if (slot.cold_index >= parts_.cold.size()) {
      return error(Section::kSlots, index, "cold_index is beyond the cold section");
    }
    const TunnelCold& cold = parts_.cold[slot.cold_index];
    if (cold.slot != index) {
      return error(Section::kCold, slot.cold_index,
                   "names another slot than the one that names it");
    }
    if (const char* fault = fault_of_cold(cold, slot, parts_.passwords.size())) {
      return error(Section::kCold, slot.cold_index, fault);
    }
    return std::nullopt;
  }

  // The PoP answers for this address; a tunnel must not own it.
  MaybeError check_own_address() const {
    const auto own = Ipv6Address::from_bytes(parts_.pop->ipv6_address);
    const PoolLookup found = parts_.index.lookup(own.hi());
    if (!found.hit()) return std::nullopt;
    const uint32_t owner = found.is_mapped() ? parts_.unit_to_slot[found.value] : found.value;
    if (!used_.test(owner)) return std::nullopt;
    return error(Section::kSlots, owner, "a prefix of the tunnel holds the PoP's own IPv6 address");
  }

  MaybeError check_units() const {
    const std::span<const uint32_t> units = parts_.unit_to_slot;
    for (std::size_t i = 0; i < units.size(); ++i) {
      // Most of a pool is nobody's.
      while (i + 4 <= units.size() &&
             (units[i] & units[i + 1] & units[i + 2] & units[i + 3]) == kNoSlot) {
        i += 4;
      }
      if (i == units.size()) break;
      const uint32_t slot = units[i];
      if (slot != kNoSlot && !used_.test(slot)) {
        return error(Section::kUnitToSlot, i, "unit belongs to a slot that is not used");
      }
    }
    for (const PoolRecord& pool : parts_.pools) {
      if (!is_ipv4_pool(pool) || pool.kind != static_cast<uint32_t>(PoolKind::kDelegated)) continue;
      for (uint32_t i = pool.first; i < pool.first + pool.mapped_units; ++i) {
        const uint32_t slot = parts_.unit_to_slot[i];
        if (slot != kNoSlot && !ipv4_.test(slot)) {
          return error(Section::kUnitToSlot, i, "IPv4 unit of a tunnel that carries no IPv4");
        }
      }
    }
    return std::nullopt;
  }

  // Strictly ascending entries are unique, and as many unique slots with a remote as there are are
  // all of them.
  MaybeError check_outer_index() const {
    constexpr std::size_t kAhead = 16;
    const std::span<const uint32_t> index = parts_.outer_index;
    if (index.size() != fixed_count_) {
      return error(Section::kOuterIndex, index.size(),
                   "not as many entries as tunnels with a configured remote");
    }
    std::tuple<Ipv6Address, uint8_t, uint32_t> previous{};
    for (std::size_t i = 0; i < index.size(); ++i) {
      if (!fixed_.test(index[i])) {
        return error(Section::kOuterIndex, i,
                     "entry names a slot that is not used or has no configured remote");
      }
      // The order is by address, so the slots come at random: a miss each, unless asked for early.
      if (i + kAhead < index.size() && index[i + kAhead] < parts_.slots.size()) {
        __builtin_prefetch(&parts_.slots[index[i + kAhead]]);
      }
      const TunnelSlot& slot = parts_.slots[index[i]];
      const std::tuple current{Ipv6Address::from_bytes(slot.remote), slot.local_index, index[i]};
      if (i > 0 && !(previous < current)) {
        return error(Section::kOuterIndex, i, "not sorted by remote, local_index and slot");
      }
      previous = current;
    }
    return std::nullopt;
  }

  MaybeError check_refused_endpoints() const {
    const std::span<const Ipv6Address> all = parts_.refused_endpoints;
    if (all.size() > kMaxRefusedEndpoints) {
      return error(Section::kRefusedEndpoints, all.size(), "more than 256 addresses");
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
      const Ipv6Address& a = all[i];
      if (!(a.is_ipv4_mapped() ? is_usable_unicast(a.ipv4()) : is_usable_unicast(a))) {
        return error(Section::kRefusedEndpoints, i, "not an address a host can have");
      }
      if (i > 0 && !(all[i - 1] < a)) {
        return error(Section::kRefusedEndpoints, i, "not sorted, or twice");
      }
    }
    return std::nullopt;
  }

  const SnapshotParts& parts_;
  SlotSet used_;
  SlotSet fixed_;  // with a configured remote
  SlotSet ipv4_;   // that carry IPv4
  std::size_t fixed_count_ = 0;
};

}  // namespace

std::optional<SnapshotError> validate_tunnels(const SnapshotParts& parts) {
  return TunnelChecker(parts).check();
}

}  // namespace simplon
