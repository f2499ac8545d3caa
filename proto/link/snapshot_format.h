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
inline constexpr uint16_t kSnapshotAbiMajor = 3;
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
inline constexpr std::size_t kMaxRefusedEndpoints = 256;
inline constexpr std::size_t kMaxPasswordLength = 132;  // as the original's

enum class SnapshotSectionType : uint32_t {
  kNone = 0,
  kPop = 1,         // one PopRecord
  kPools = 2,       // PoolRecord[], sorted by base
  kSlots = 3,       // TunnelSlot[slot_capacity]
  kUnitToSlot = 4,  // uint32_t[]: slot of each mapped unit of the DELEGATED pools, or kNoSlot
  kOuterIndex = 5,  // uint32_t[]: slots of tunnels with a configured remote, sorted by (remote,
                    // local_index, slot)
  kCold = 6,        // TunnelCold[]: what only the slow path and rare packets need
  kPasswords = 7,   // bytes that TunnelCold::password_offset points into
  kRefusedEndpoints = 8,  // uint8_t[][16], sorted: addresses of other PoPs, that no client can have
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

// IPv4 addresses are looked up as IPv6 ones are, by 64 bits: 0000:ffff and the address. No IPv6
// pool can begin like that (configuration refuses ::/8), and no IPv6 address may be looked up that
// does (SnapshotView::lookup() sees to it).
constexpr uint64_t ipv4_pool_key(uint32_t host_value) {
  return uint64_t{0xffff} << 32 | host_value;
}

// A pool covers the addresses whose upper 64 bits `hi` satisfy (hi & mask) == base; an IPv4 pool
// (kRouted or kDelegated) those whose ipv4_pool_key() does. Its unit index
// is (hi >> shift) & (unit_count - 1). Unit u belongs to slot first + u (kLink, kRouted), or to
// unit_to_slot[first + u] (kDelegated). Units whose slot would be slot_capacity or more have none,
// nor have those behind a DELEGATED pool's mapped ones, so that neither section need be as long as
// the pool.
struct PoolRecord {
  uint64_t base;  // upper 64 bits of the prefix, host value
  uint64_t mask;
  uint32_t unit_count;  // power of two, at most kMaxPoolUnits
  uint32_t first;
  uint8_t shift;  // 64 - unit_length, 32 - unit_length for IPv4: 0..16
  uint8_t reserved[3];
  uint32_t kind;          // PoolKind
  uint32_t mapped_units;  // kDelegated: with an entry in unit_to_slot, at most unit_count; else 0
  uint32_t reserved1;
};
static_assert(sizeof(PoolRecord) == 40);
constexpr bool is_ipv4_pool(const PoolRecord& pool) {
  return pool.base >> 32 == 0xffff;
}

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
  uint8_t local_ipv4_index;  // of local_addresses: source of ICMPv4 errors about inner packets
  uint8_t reserved0[3];
  uint32_t reserved[2];
  InterfaceRecord interfaces[kMaxInterfaces];
};
static_assert(sizeof(PopRecord) == 16 + 256 + 32 + 512);
inline constexpr uint32_t kPopIcmpv4ProtocolUnreachable = 1;
inline constexpr uint32_t kPopIcmpv6SourcePolicy = 2;
inline constexpr uint32_t kPopIgnoreIcmpv4Echo = 4;
inline constexpr uint32_t kPopAllowPrivateEndpoints = 8;  // RFC 1918, fc00::/7: for a laboratory
inline constexpr uint32_t kPopAyiyaUdpChecksum = 16;      // over IPv4; over IPv6 it is always there

enum class TunnelKind : uint8_t {
  kUnused = 0,
  kProto41 = 1,     // 6in4 with a configured remote (RFC 4213)
  kHeartbeat = 2,   // protocol 41 with an endpoint learned from beats; 6in6 where it is IPv6
  kAyiya = 3,       // endpoint learned from AYIYA
  kDynamic = 4,     // beats or AYIYA, whichever came last
  kGre = 5,         // configured remote (RFC 2784, 2890)
  kIpv6Tunnel = 6,  // 6in6 and 4in6 with a configured remote (RFC 2473)
};
constexpr bool is_dynamic(TunnelKind k) {
  return k == TunnelKind::kHeartbeat || k == TunnelKind::kAyiya || k == TunnelKind::kDynamic;
}
constexpr bool takes_beats(TunnelKind k) {
  return k == TunnelKind::kHeartbeat || k == TunnelKind::kDynamic;
}
constexpr bool takes_ayiya(TunnelKind k) {
  return k == TunnelKind::kAyiya || k == TunnelKind::kDynamic;
}

// One tunnel, one cache line, immutable while the snapshot lives. All zero: no such tunnel.
struct alignas(64) TunnelSlot {
  uint32_t tunnel_id;  // T-number
  uint8_t kind;        // TunnelKind
  uint8_t flags;       // kTunnel...
  uint16_t
      mtu;  // inner, bytes, at least 1280. With a configured remote already min(configured, link
            // - overhead); dynamic tunnels: as configured, the worker knows the overhead
  uint8_t remote[16];   // outer destination; IPv4 as ::ffff:a.b.c.d; zero for dynamic tunnels
  uint8_t local_index;  // into PopRecord::local_addresses; zero for dynamic tunnels
  uint8_t outer_ttl;
  uint8_t outer_dscp;           // 0..63
  uint8_t incarnation;          // changes when the slot passes to another tunnel: 0..127
  uint32_t cold_index;          // into the cold section; kNoSlot: none
  uint8_t secret_sha1[20];      // SHA-1 of the password, for kinds that take AYIYA; else zero
  uint32_t gre_key;             // with kTunnelGreKey
  uint16_t beat_timeout_s;      // dynamic tunnels: down after this long without a sign of life
  uint8_t encapsulation_limit;  // kIpv6Tunnel: value of the option (RFC 2473 4.1.1); 0: no option
  uint8_t options;              // kTunnelOption...
  uint8_t reserved[4];
};
static_assert(sizeof(TunnelSlot) == 64);
static_assert(std::is_trivially_copyable_v<TunnelSlot>);
inline constexpr uint8_t kTunnelEnabled = 1;
inline constexpr uint8_t kTunnelStaticMtu = 2;  // DF=0
inline constexpr uint8_t kTunnelEcnNormal = 4;  // RFC 6040 normal mode; else compatibility
inline constexpr uint8_t kTunnelDscpUniform = 8;
inline constexpr uint8_t kTunnelGreKey = 16;
inline constexpr uint8_t kTunnelGreChecksum = 32;  // sent; a received one is always verified
inline constexpr uint8_t kTunnelGreSequence = 64;  // sent
inline constexpr uint8_t kTunnelKnownFlags = 127;
// A second password is valid: TunnelCold::previous_sha1 and the second entries of password_*.
inline constexpr uint8_t kTunnelOptionRotation = 1;
// Signed packets whose epoch is more than 5 s behind the newest are refused also from the current
// endpoint.
inline constexpr uint8_t kTunnelOptionStrictReplay = 2;
inline constexpr uint8_t kTunnelKnownOptions = 3;

// What is too much for the line. The current password first, then, during a rotation, the one
// before.
struct TunnelCold {
  uint32_t slot;
  uint32_t password_offset[2];  // into the passwords section: clear text, for kinds that take beats
  uint8_t password_length[2];   // 0: none
  uint8_t reserved0[2];
  uint8_t previous_sha1[20];  // during a rotation, for kinds that take AYIYA
  uint8_t reserved[28];
};
static_assert(sizeof(TunnelCold) == 64);

}  // namespace simplon
