// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/table/snapshot_validate.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <string>
#include <tuple>

#include "dataplane/table/address_rules.h"
#include "dataplane/table/crc32c.h"

namespace simplon {
namespace {

using Section = SnapshotSectionType;
using MaybeError = std::optional<SnapshotError>;
constexpr auto error = snapshot_error;

// ---- Header and sections.

MaybeError check_header(std::span<const std::byte> bytes, const SnapshotOpenOptions& options) {
  const auto refuse = [](std::string reason) {
    return error(Section::kNone, 0, std::move(reason));
  };
  if (bytes.size() < kSnapshotSectionAlignment) return refuse("shorter than one page");
  const auto& h = *reinterpret_cast<const SnapshotHeader*>(bytes.data());
  if (std::memcmp(h.magic, kSnapshotMagic, sizeof(h.magic)) != 0)
    return refuse("not a snapshot: wrong magic");
  if (h.endian_tag != kEndianTag) return refuse("made on a machine of other byte order");
  if (h.abi_major != kSnapshotAbiMajor) {
    return refuse("format version " + std::to_string(h.abi_major) + ", expected " +
                  std::to_string(kSnapshotAbiMajor));
  }
  if (h.header_size != sizeof(SnapshotHeader)) return refuse("header_size is wrong");
  if (h.header_crc32c != crc32c(&h, offsetof(SnapshotHeader, header_crc32c))) {
    return refuse("header checksum is wrong");
  }
  if (h.required_flags != 0) return refuse("requires a feature this version does not have");
  if (h.total_size != bytes.size()) {
    return refuse("total_size is " + std::to_string(h.total_size) + ", the file has " +
                  std::to_string(bytes.size()));
  }
  if (h.generation == 0) return refuse("generation is 0");
  if (h.reserved != 0 || h.padding != 0) return refuse("reserved field is not zero");
  if (h.slot_capacity > kMaxSlots || h.slot_capacity > options.max_slot_capacity) {
    return refuse("slot_capacity " + std::to_string(h.slot_capacity) + " exceeds " +
                  std::to_string(std::min(kMaxSlots, options.max_slot_capacity)));
  }
  if (h.tunnel_count > h.slot_capacity) return refuse("tunnel_count exceeds slot_capacity");
  if (h.section_count > kSnapshotMaxSections) return refuse("section_count exceeds 16");
  const std::size_t used =
      offsetof(SnapshotHeader, sections) + h.section_count * sizeof(SnapshotSection);
  if (!all_zero(bytes.data() + used, offsetof(SnapshotHeader, padding) - used)) {
    return refuse("unused section entry is not zero");
  }
  if (!all_zero(bytes.subspan(sizeof(SnapshotHeader),
                              kSnapshotSectionAlignment - sizeof(SnapshotHeader)))) {
    return refuse("padding behind the header is not zero");
  }
  return std::nullopt;
}

struct KnownSection {
  Section type;
  uint32_t element_size;
  bool required;
};
constexpr std::array kKnownSections = {
    KnownSection{Section::kPop, sizeof(PopRecord), true},
    KnownSection{Section::kPools, sizeof(PoolRecord), true},
    KnownSection{Section::kSlots, sizeof(TunnelSlot), true},
    KnownSection{Section::kUnitToSlot, sizeof(uint32_t), false},
    KnownSection{Section::kOuterIndex, sizeof(uint32_t), false},
    KnownSection{Section::kCold, sizeof(TunnelCold), false},
    KnownSection{Section::kPasswords, 1, false},
    KnownSection{Section::kRefusedEndpoints, sizeof(Ipv6Address), false},
};

template <typename T>
std::span<const T> elements(std::span<const std::byte> bytes, const SnapshotSection& s) {
  return {reinterpret_cast<const T*>(bytes.data() + s.offset), s.size / sizeof(T)};
}

MaybeError check_sections(std::span<const std::byte> bytes, SnapshotParts& parts) {
  const SnapshotHeader& h = *parts.header;
  std::array<uint32_t, kSnapshotMaxSections> order{};
  for (uint32_t i = 0; i < h.section_count; ++i) {
    order[i] = i;
    const SnapshotSection& s = h.sections[i];
    const auto type = static_cast<Section>(s.type);
    if (type == Section::kNone) return error(type, i, "section has no type");
    if (s.reserved != 0) return error(type, i, "reserved field is not zero");
    if (s.offset % kSnapshotSectionAlignment != 0 || s.offset < kSnapshotSectionAlignment) {
      return error(type, i, "offset is not a page of its own");
    }
    // Written so that nothing can overflow.
    if (s.offset > bytes.size() || s.size > bytes.size() - s.offset) {
      return error(type, i, "section ends behind the file");
    }
    if (s.element_size == 0 || s.size % s.element_size != 0) {
      return error(type, i, "size is not a multiple of element_size");
    }
    for (uint32_t k = 0; k < i; ++k) {
      const bool known = std::any_of(
          kKnownSections.begin(), kKnownSections.end(),
          [&](const KnownSection& known_section) { return known_section.type == type; });
      if (known && h.sections[k].type == s.type) return error(type, i, "section occurs twice");
    }
  }

  // Disjoint, and nothing but zeros between them.
  std::sort(order.begin(), order.begin() + h.section_count, [&](uint32_t a, uint32_t b) {
    return std::tie(h.sections[a].offset, h.sections[a].size) <
           std::tie(h.sections[b].offset, h.sections[b].size);
  });
  std::size_t end = kSnapshotSectionAlignment;
  for (uint32_t i = 0; i < h.section_count; ++i) {
    const SnapshotSection& s = h.sections[order[i]];
    const auto type = static_cast<Section>(s.type);
    if (s.offset < end) return error(type, order[i], "section overlaps another");
    if (!all_zero(bytes.subspan(end, s.offset - end))) {
      return error(type, order[i], "padding before the section is not zero");
    }
    end = s.offset + s.size;
  }
  if (!all_zero(bytes.subspan(end))) {
    return error(Section::kNone, 0, "bytes behind the last section are not zero");
  }

  for (uint32_t i = 0; i < h.section_count; ++i) {
    const SnapshotSection& s = h.sections[i];
    if (crc32c(bytes.data() + s.offset, s.size) != s.crc32c) {
      return error(static_cast<Section>(s.type), i, "section checksum is wrong");
    }
  }

  for (const KnownSection& known : kKnownSections) {
    const auto* const all_end = h.sections + h.section_count;
    const auto* const s = std::find_if(h.sections, all_end, [&](const SnapshotSection& candidate) {
      return candidate.type == static_cast<uint32_t>(known.type);
    });
    if (s == all_end) {
      if (known.required) return error(known.type, 0, "section is missing");
      continue;
    }
    if (s->element_size != known.element_size) {
      return error(known.type, 0,
                   "element_size is " + std::to_string(s->element_size) + ", expected " +
                       std::to_string(known.element_size));
    }
    switch (known.type) {
      case Section::kPop:
        if (s->size != sizeof(PopRecord)) return error(known.type, 0, "not exactly one record");
        parts.pop = elements<PopRecord>(bytes, *s).data();
        break;
      case Section::kPools:
        parts.pools = elements<PoolRecord>(bytes, *s);
        break;
      case Section::kSlots:
        parts.slots = elements<TunnelSlot>(bytes, *s);
        break;
      case Section::kUnitToSlot:
        parts.unit_to_slot = elements<uint32_t>(bytes, *s);
        break;
      case Section::kOuterIndex:
        parts.outer_index = elements<uint32_t>(bytes, *s);
        break;
      case Section::kCold:
        parts.cold = elements<TunnelCold>(bytes, *s);
        break;
      case Section::kPasswords: {
        const auto text = elements<char>(bytes, *s);
        parts.passwords = {text.data(), text.size()};
        break;
      }
      case Section::kRefusedEndpoints:
        parts.refused_endpoints = elements<Ipv6Address>(bytes, *s);
        break;
      case Section::kNone:
        break;
    }
  }
  if (parts.slots.size() != h.slot_capacity) {
    return error(Section::kSlots, parts.slots.size(), "not slot_capacity elements");
  }
  return std::nullopt;
}

// ---- The PoP.

Ipv6Address local_address(const PopRecord& pop, uint32_t index) {
  return Ipv6Address::from_bytes(pop.local_addresses[index]);
}

bool is_port_name(const char (&name)[16]) {
  const std::size_t length = strnlen(name, sizeof(name));
  if (length == 0 || length == sizeof(name)) return false;
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  };
  return std::all_of(name, name + length, good) && all_zero(name + length, sizeof(name) - length);
}

const char* fault_of_ipv4(const InterfaceRecord& i) {
  const bool has_gateway = (i.flags & kInterfaceHasIpv4Gateway) != 0;
  if (!has_gateway && !all_zero(i.ipv4_gateway, 4)) return "IPv4 gateway without its flag";
  if ((i.flags & kInterfaceHasIpv4) == 0) {
    if (has_gateway) return "IPv4 gateway without an IPv4 address";
    if (i.ipv4_length != 0 || !all_zero(i.ipv4_address, 4)) return "IPv4 address without its flag";
    return nullptr;
  }
  const Ipv4Prefix on_link{Ipv4Address::from_bytes(i.ipv4_address), i.ipv4_length};
  if (on_link.length < 1 || on_link.length > 32) return "IPv4 prefix length is not 1..32";
  if (!is_usable_unicast(on_link.address) ||
      is_broadcast_or_network(on_link.address, on_link.length)) {
    return "IPv4 address is not one a host can have";
  }
  if (!has_gateway) return nullptr;
  const auto gateway = Ipv4Address::from_bytes(i.ipv4_gateway);
  if (!on_link.contains(gateway)) return "IPv4 gateway is not on-link";
  if (gateway == on_link.address || !is_usable_unicast(gateway) ||
      is_broadcast_or_network(gateway, on_link.length)) {
    return "IPv4 gateway is not another host's address";
  }
  return nullptr;
}

const char* fault_of_ipv6(const InterfaceRecord& i) {
  const bool has_gateway = (i.flags & kInterfaceHasIpv6Gateway) != 0;
  if (!has_gateway && !all_zero(i.ipv6_gateway, 16)) return "IPv6 gateway without its flag";
  if ((i.flags & kInterfaceHasIpv6) == 0) {
    if (has_gateway) return "IPv6 gateway without an IPv6 address";
    if (i.ipv6_length != 0 || !all_zero(i.ipv6_address, 16)) return "IPv6 address without its flag";
    return nullptr;
  }
  const Ipv6Prefix on_link{Ipv6Address::from_bytes(i.ipv6_address), i.ipv6_length};
  if (on_link.length < 1 || on_link.length > 128) return "IPv6 prefix length is not 1..128";
  if (!is_usable_unicast(on_link.address))
    return "IPv6 address is not global or unique local unicast";
  if (!has_gateway) return nullptr;
  const auto gateway = Ipv6Address::from_bytes(i.ipv6_gateway);
  if (gateway == on_link.address || (!is_usable_unicast(gateway) && !gateway.is_link_local())) {
    return "IPv6 gateway is not another host's address";
  }
  if (!gateway.is_link_local() && !on_link.contains(gateway)) return "IPv6 gateway is not on-link";
  return nullptr;
}

const char* fault_of_interface(const InterfaceRecord& i) {
  constexpr uint8_t kKnownFlags =
      kInterfaceHasIpv4 | kInterfaceHasIpv6 | kInterfaceHasIpv4Gateway | kInterfaceHasIpv6Gateway;
  if (!is_port_name(i.port))
    return "port name is empty, too long or has a character outside [A-Za-z0-9_.-]";
  if (i.vlan > 4094) return "VLAN is not 0..4094";
  if (i.mtu < 1280 || i.mtu > 9000) return "MTU is not 1280..9000";
  if ((i.flags & ~kKnownFlags) != 0) return "unknown interface flag";
  if (i.reserved != 0) return "reserved field is not zero";
  if (const char* fault = fault_of_ipv4(i)) return fault;
  return fault_of_ipv6(i);
}

// ---- Pools.

const char* fault_of_pool(const PoolRecord& p, std::size_t delegated_units) {
  if (!all_zero(p.reserved, sizeof(p.reserved)) || p.reserved1 != 0) {
    return "reserved field is not zero";
  }
  if (p.shift > 16) return "shift is not 0..16";
  if (!std::has_single_bit(p.unit_count) || p.unit_count > kMaxPoolUnits) {
    return "unit_count is not a power of two up to 2^20";
  }
  // At most 36 bits are left to the units and what is below them, so neither shift overflows. In
  // an IPv4 pool they are at most 32, because the bits above are part of its base.
  if (p.mask != ~((uint64_t{p.unit_count} << p.shift) - 1)) {
    return "mask does not agree with shift and unit_count";
  }
  if ((p.base & ~p.mask) != 0) return "base has bits set behind the prefix";
  const auto kind = static_cast<PoolKind>(p.kind);
  if (p.mapped_units > (kind == PoolKind::kDelegated ? p.unit_count : 0)) {
    return "mapped_units exceeds the units that can be";
  }
  const bool ipv4 = is_ipv4_pool(p);
  if (ipv4) {
    const Ipv4Prefix prefix{Ipv4Address::from_value(static_cast<uint32_t>(p.base)),
                            static_cast<uint8_t>(std::popcount(p.mask) - 32)};
    if (!is_usable_prefix(prefix)) return "IPv4 prefix has addresses no host can have";
  } else if (!is_usable_unicast(Ipv6Address::from_halves(p.base, 0))) {
    return "prefix is not global or unique local unicast";
  }
  switch (kind) {
    case PoolKind::kLink:
      if (ipv4) return "a LINK pool is IPv6";
      [[fallthrough]];
    case PoolKind::kRouted:
      if (p.shift != 0 && !ipv4) return "units of a LINK or ROUTED pool are /64";
      if (p.first >= kMaxSlots || p.unit_count > kMaxSlots - p.first)
        return "units reach beyond the last slot";
      return nullptr;
    case PoolKind::kDelegated:
      if (p.first > delegated_units || p.mapped_units > delegated_units - p.first) {
        return "units reach beyond unit_to_slot";
      }
      return nullptr;
    case PoolKind::kNone:
      break;
  }
  return "unknown pool kind";
}

// What belongs to the PoP or its links belongs to no tunnel.
MaybeError check_pools_against_pop(std::span<const PoolRecord> pools, const PopRecord& pop) {
  for (std::size_t k = 0; k < pools.size(); ++k) {
    const PoolRecord& pool = pools[k];
    const bool ipv4 = is_ipv4_pool(pool);
    for (uint32_t i = 0; i < pop.interface_count; ++i) {
      const InterfaceRecord& link = pop.interfaces[i];
      if ((link.flags & (ipv4 ? kInterfaceHasIpv4 : kInterfaceHasIpv6)) == 0) continue;
      const uint64_t base = ipv4 ? ipv4_pool_key(Ipv4Address::from_bytes(link.ipv4_address).value())
                                 : Ipv6Address::from_bytes(link.ipv6_address).hi();
      const uint64_t mask = prefix_mask64(ipv4 ? link.ipv4_length + 32u : link.ipv6_length);
      if (prefixes_overlap(base, mask, pool.base, pool.mask)) {
        return error(Section::kPools, k, "overlaps an interface's on-link prefix");
      }
    }
    for (uint32_t i = 0; i < pop.local_address_count; ++i) {
      const Ipv6Address local = local_address(pop, i);
      if (local.is_ipv4_mapped() != ipv4) continue;
      const uint64_t key = ipv4 ? ipv4_pool_key(local.ipv4().value()) : local.hi();
      if ((key & pool.mask) == pool.base) {
        return error(Section::kPools, k, "holds a local address of the PoP");
      }
    }
    const bool has_source =
        pop.local_address_count > 0 && local_address(pop, pop.local_ipv4_index).is_ipv4_mapped();
    if (ipv4 && !has_source) {
      return error(Section::kPools, k, "IPv4 pool of a PoP without an IPv4 address");
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<SnapshotError> validate_pop(const PopRecord& pop) {
  const auto refuse = [](uint64_t index, const char* reason) {
    return error(Section::kPop, index, reason);
  };
  constexpr uint32_t kKnownFlags = kPopIcmpv4ProtocolUnreachable | kPopIcmpv6SourcePolicy |
                                   kPopIgnoreIcmpv4Echo | kPopAllowPrivateEndpoints |
                                   kPopAyiyaUdpChecksum;
  if ((pop.flags & ~kKnownFlags) != 0) return refuse(0, "unknown PoP flag");
  if (!all_zero(pop.reserved, sizeof(pop.reserved)) ||
      !all_zero(pop.reserved0, sizeof(pop.reserved0))) {
    return refuse(0, "reserved field is not zero");
  }
  const auto own = Ipv6Address::from_bytes(pop.ipv6_address);
  if (!own.is_unspecified() && !is_usable_unicast(own)) {
    return refuse(0, "ipv6_address is not global or unique local unicast");
  }
  if (pop.local_address_count > kMaxLocalAddresses)
    return refuse(0, "local_address_count exceeds 16");
  bool has_ipv4 = false;
  for (uint32_t i = 0; i < kMaxLocalAddresses; ++i) {
    const auto address = Ipv6Address::from_bytes(pop.local_addresses[i]);
    if (i >= pop.local_address_count) {
      if (!address.is_unspecified()) return refuse(i, "unused local address is not zero");
      continue;
    }
    if (!(address.is_ipv4_mapped() ? is_usable_unicast(address.ipv4())
                                   : is_usable_unicast(address))) {
      return refuse(i, "local address is not a usable address");
    }
    has_ipv4 |= address.is_ipv4_mapped();
    for (uint32_t k = 0; k < i; ++k) {
      if (std::memcmp(pop.local_addresses[k], pop.local_addresses[i], 16) == 0) {
        return refuse(i, "local address occurs twice");
      }
    }
  }
  if (has_ipv4 ? pop.local_ipv4_index >= pop.local_address_count ||
                     !local_address(pop, pop.local_ipv4_index).is_ipv4_mapped()
               : pop.local_ipv4_index != 0) {
    return refuse(pop.local_ipv4_index, "local_ipv4_index does not name an IPv4 address");
  }
  if (pop.interface_count == 0 || pop.interface_count > kMaxInterfaces) {
    return refuse(0, "interface_count is not 1..8");
  }
  uint8_t gateways = 0;
  for (uint32_t i = 0; i < kMaxInterfaces; ++i) {
    const InterfaceRecord& interface = pop.interfaces[i];
    if (i >= pop.interface_count) {
      if (!all_zero(&interface, sizeof(interface)))
        return refuse(i, "unused interface is not zero");
      continue;
    }
    if (const char* fault = fault_of_interface(interface)) return refuse(i, fault);
    for (uint32_t k = 0; k < i; ++k) {
      const InterfaceRecord& other = pop.interfaces[k];
      if (other.vlan == interface.vlan && std::memcmp(other.port, interface.port, 16) == 0) {
        return refuse(i, "port and VLAN occur twice");
      }
    }
    const uint8_t own_gateways =
        interface.flags & (kInterfaceHasIpv4Gateway | kInterfaceHasIpv6Gateway);
    if ((gateways & own_gateways) != 0) return refuse(i, "second default gateway of its family");
    gateways |= own_gateways;
  }
  return std::nullopt;
}

std::optional<SnapshotError> validate_pools(std::span<const PoolRecord> pools,
                                            std::size_t delegated_units) {
  const auto refuse = [](uint64_t index, const char* reason) {
    return error(Section::kPools, index, reason);
  };
  const auto entries = [](const PoolRecord& pool) {
    const bool delegated = pool.kind == static_cast<uint32_t>(PoolKind::kDelegated);
    return delegated ? pool.mapped_units : pool.unit_count;
  };
  if (pools.size() > kMaxPools) return refuse(pools.size(), "more than 64 pools");
  if (delegated_units > kMaxDelegatedUnits) {
    return error(Section::kUnitToSlot, delegated_units, "more delegated units than 2^24");
  }
  for (std::size_t i = 0; i < pools.size(); ++i) {
    const PoolRecord& pool = pools[i];
    if (const char* fault = fault_of_pool(pool, delegated_units)) return refuse(i, fault);
    for (std::size_t k = 0; k < i; ++k) {
      const PoolRecord& other = pools[k];
      if (prefixes_overlap(pool.base, pool.mask, other.base, other.mask)) {
        return refuse(i, "overlaps another pool");
      }
      // Each slot has one link prefix and one routed prefix a family, each delegated unit one
      // entry.
      const bool same_family = is_ipv4_pool(pool) == is_ipv4_pool(other);
      const bool delegated = pool.kind == static_cast<uint32_t>(PoolKind::kDelegated);
      if (other.kind == pool.kind && (same_family || delegated) &&
          pool.first < other.first + entries(other) && other.first < pool.first + entries(pool)) {
        return refuse(i, "another pool of the kind has the same slots or units");
      }
    }
    if (i > 0 && pools[i - 1].base > pool.base) return refuse(i, "not sorted by base");
  }
  return std::nullopt;
}

std::optional<SnapshotError> validate_snapshot(std::span<const std::byte> bytes,
                                               const SnapshotOpenOptions& options,
                                               SnapshotParts& parts) {
  if (MaybeError e = check_header(bytes, options)) return e;
  parts.header = reinterpret_cast<const SnapshotHeader*>(bytes.data());
  if (MaybeError e = check_sections(bytes, parts)) return e;
  if (MaybeError e = validate_pop(*parts.pop)) return e;
  if (MaybeError e = validate_pools(parts.pools, parts.unit_to_slot.size())) return e;
  if (MaybeError e = check_pools_against_pop(parts.pools, *parts.pop)) return e;
  parts.index.build(parts.pools, parts.header->slot_capacity);
  return validate_tunnels(parts);
}

}  // namespace simplon
