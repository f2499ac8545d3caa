// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The snapshot: the immutable image of everything workers look packets up in. Control builds it in
// a memfd, seals it and hands it over by file descriptor; the dataplane validates it as hostile
// input and maps it read-only.
//
// Layout: one 4096-byte page with SnapshotHeader, then the sections, each at a multiple of
// kSnapshotSectionAlignment, in any order, not overlapping. Integers are native little endian
// (endian_tag proves it), addresses network byte order. Bytes not named are zero. Unknown section
// types are skipped, unknown required_flags refuse the snapshot.

#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

namespace simplon {

inline constexpr char kSnapshotMagic[8] = {'S', 'I', 'M', 'P', 'L', 'O', 'N', 'S'};
inline constexpr uint16_t kSnapshotAbiMajor = 1;
inline constexpr uint16_t kSnapshotAbiMinor = 0;
inline constexpr uint32_t kEndianTag = 0x01020304;
inline constexpr std::size_t kSnapshotSectionAlignment = 4096;
inline constexpr std::size_t kSnapshotMaxSections = 16;

inline constexpr uint32_t kMaxSlots = 1u << 20;
inline constexpr uint32_t kNoSlot = 0xffffffff;
inline constexpr std::size_t kMaxPools = 64;
inline constexpr uint32_t kMaxPoolUnits = 1u << 20;
inline constexpr uint32_t kMaxDelegatedUnits = 1u << 24;  // of all pools together
inline constexpr std::size_t kMaxLocalAddresses = 16;
inline constexpr std::size_t kMaxInterfaces = 8;

enum class SnapshotSectionType : uint32_t {
  kNone = 0,
  kPop = 1,         // one PopRecord
  kPools = 2,       // PoolRecord[], sorted by base
  kSlots = 3,       // TunnelSlot[slot_capacity]
  kUnitToSlot = 4,  // uint32_t[]: slot of each unit of the DELEGATED pools, or kNoSlot
  kOuterIndex = 5,  // uint32_t[tunnel_count]: slots sorted by (remote, local_index, slot)
};

struct SnapshotSection {
  uint32_t type;          // SnapshotSectionType
  uint32_t element_size;  // bytes
  uint64_t offset;        // from the start of the header
  uint64_t size;          // bytes, a multiple of element_size
  uint32_t crc32c;        // of the section's bytes
  uint32_t reserved;
};
static_assert(sizeof(SnapshotSection) == 32);

struct SnapshotHeader {
  char magic[8];
  uint16_t abi_major;
  uint16_t abi_minor;
  uint32_t endian_tag;
  uint32_t header_size;  // sizeof(SnapshotHeader)
  uint32_t required_flags;
  uint64_t total_size;  // of the file
  uint64_t generation;  // strictly increasing with each publish, never 0
  uint64_t config_revision;
  uint64_t created_unix_ns;
  uint32_t slot_capacity;
  uint32_t tunnel_count;  // slots with kind != kUnused
  uint32_t section_count;
  uint32_t reserved;
  SnapshotSection sections[kSnapshotMaxSections];
  uint32_t padding;
  uint32_t header_crc32c;  // of everything before this field
};
static_assert(std::is_trivially_copyable_v<SnapshotHeader>);
static_assert(sizeof(SnapshotHeader) <= kSnapshotSectionAlignment);

enum class PoolKind : uint32_t { kNone = 0, kLink = 1, kRouted = 2, kDelegated = 3 };

// A pool covers the addresses whose upper 64 bits `hi` satisfy (hi & mask) == base. Its unit index
// is (hi >> shift) & (unit_count - 1). Unit u belongs to slot first + u (kLink, kRouted), or to
// unit_to_slot[first + u] (kDelegated). Units whose slot would be slot_capacity or more have none,
// so that the slots section need not be as long as the pool.
struct PoolRecord {
  uint64_t base;  // upper 64 bits of the prefix, host value
  uint64_t mask;
  uint32_t unit_count;  // power of two, at most kMaxPoolUnits
  uint32_t first;
  uint8_t shift;  // 64 - unit_length: 0..16
  uint8_t reserved[3];
  uint32_t kind;  // PoolKind
};
static_assert(sizeof(PoolRecord) == 32);

// Family of an address field is told by prefix length or by being IPv4-mapped (::ffff:a.b.c.d).
struct InterfaceRecord {
  char port[16];        // NUL-terminated name of a dataplane port
  uint16_t vlan;        // 0: untagged
  uint16_t mtu;         // bytes of IP packet
  uint8_t ipv4_length;  // of the on-link prefix
  uint8_t ipv6_length;
  uint8_t flags;  // kInterface...
  uint8_t reserved;
  uint8_t ipv4_address[4];
  uint8_t ipv4_gateway[4];
  uint8_t ipv6_address[16];
  uint8_t ipv6_gateway[16];
};
static_assert(sizeof(InterfaceRecord) == 64);
inline constexpr uint8_t kInterfaceHasIpv4 = 1;
inline constexpr uint8_t kInterfaceHasIpv6 = 2;
inline constexpr uint8_t kInterfaceHasIpv4Gateway = 4;
inline constexpr uint8_t kInterfaceHasIpv6Gateway = 8;

struct PopRecord {
  uint8_t ipv6_address[16];  // source of errors that belong to no tunnel
  uint8_t local_addresses[kMaxLocalAddresses]
                         [16];  // IPv4-mapped; TunnelSlot::local_index points here
  uint32_t local_address_count;
  uint32_t interface_count;
  uint32_t flags;  // kPop...
  uint32_t icmp_errors_per_second;
  uint32_t icmp_errors_per_second_per_tunnel;
  uint32_t reserved[3];
  InterfaceRecord interfaces[kMaxInterfaces];
};
static_assert(sizeof(PopRecord) == 16 + 256 + 32 + 512);
inline constexpr uint32_t kPopIcmpv4ProtocolUnreachable = 1;
inline constexpr uint32_t kPopIcmpv6SourcePolicy = 2;
inline constexpr uint32_t kPopIgnoreIcmpv4Echo = 4;

enum class TunnelKind : uint8_t {
  kUnused = 0,
  kProto41 = 1,  // static 6in4
};

// One tunnel, one cache line, immutable while the snapshot lives. All zero: no such tunnel.
struct alignas(64) TunnelSlot {
  uint32_t tunnel_id;   // T-number
  uint8_t kind;         // TunnelKind
  uint8_t flags;        // kTunnel...
  uint16_t mtu;         // inner, bytes, already min(configured, link - overhead), at least 1280
  uint8_t remote[16];   // outer destination; IPv4 as ::ffff:a.b.c.d
  uint8_t local_index;  // into PopRecord::local_addresses
  uint8_t outer_ttl;
  uint8_t outer_dscp;       // 0..63
  uint8_t incarnation;      // changes when the slot passes to another tunnel
  uint32_t cold_index;      // into a cold section of a later ABI; kNoSlot: none
  uint8_t secret_sha1[20];  // reserved for signed tunnels: zero
  uint8_t reserved[12];
};
static_assert(sizeof(TunnelSlot) == 64);
static_assert(std::is_trivially_copyable_v<TunnelSlot>);
inline constexpr uint8_t kTunnelEnabled = 1;
inline constexpr uint8_t kTunnelStaticMtu = 2;  // DF=0
inline constexpr uint8_t kTunnelEcnNormal = 4;  // RFC 6040 normal mode; else compatibility
inline constexpr uint8_t kTunnelDscpUniform = 8;
inline constexpr uint8_t kTunnelKnownFlags = 15;

}  // namespace simplon
