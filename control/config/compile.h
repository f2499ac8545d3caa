// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// From the configuration's text to the records of a snapshot, with every rule for a field checked
// on the way. What compiles can be published: there is no second set of rules. Rules between
// tunnels (unique ids, slots, prefixes) are ConfigContext's.

#pragma once

#include <absl/container/inlined_vector.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/config/secret.h"
#include "control/config/violation.h"
#include "dataplane/net/address.h"
#include "dataplane/table/tunnel_rules.h"
#include "proto/link/snapshot_format.h"
#include "simplon/v1/config.pb.h"

namespace simplon::control {

using PoolList = google::protobuf::RepeatedPtrField<v1::Pool>;

// Numbers of consecutive delegated units, over all pools: indexes in unit_to_slot.
struct UnitRange {
  uint32_t first;
  uint32_t count;

  friend bool operator==(const UnitRange&, const UnitRange&) = default;
};

// A prefix given to a tunnel, as the upper halves of its first and last /64, or ipv4_pool_key()s.
struct KeyRange {
  uint64_t first;
  uint64_t last;
};

struct CompiledTunnel {
  uint32_t slot = kNoSlot;
  TunnelSlot line{};  // incarnation is left 0, cold_index kNoSlot: the builder's
  absl::InlinedVector<UnitRange, 2> delegated;      // of both families
  absl::InlinedVector<KeyRange, 2> delegated_keys;  // the same prefixes
  // Clear text, for kinds that take beats: the current one and the one before.
  std::array<std::string, 2> passwords;
  Sha1Digest previous_sha1{};  // for kinds that take AYIYA, during a rotation
};

struct CompiledPool {
  PoolRecord record{};
  std::string name;
  int config_index = 0;  // in the list it came from
};

inline constexpr uint32_t kDefaultLinkMtu = kCommonLinkMtu;
inline constexpr uint32_t kDefaultIcmpErrorsPerSecond = 1000;
inline constexpr uint32_t kDefaultIcmpErrorsPerSecondPerTunnel = 20;
inline constexpr uint32_t kDefaultTtl = 64;
inline constexpr uint32_t kDefaultBeatTimeout = 180;  // seconds: three missed beats
inline constexpr int kMaxDelegatedPrefixes = 16;

// kUnused for a type that does not exist.
TunnelKind kind_of(v1::Tunnel::Type type);

// Faulty parts are left out of the result. Paths begin with "pop".
PopRecord compile_pop(const v1::Pop& pop, Violations& violations);

// Pop.other_pop_addresses, sorted. Paths begin with "pop".
std::vector<Ipv6Address> compile_refused_endpoints(const v1::Pop& pop, const PopRecord& record,
                                                   Violations& violations);

// Sorted by base, with `first` of DELEGATED pools assigned as if all their units were mapped.
// Faulty pools are left out. Paths begin with "pools".
std::vector<CompiledPool> compile_pools(const PoolList& pools, const PopRecord& pop,
                                        Violations& violations);

}  // namespace simplon::control
