// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// From the configuration's text to the records of a snapshot, with every rule for a field checked
// on the way. What compiles can be published: there is no second set of rules. Rules between
// tunnels (unique ids, slots, prefixes) are ConfigContext's.

#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "control/config/violation.h"
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

struct CompiledTunnel {
  uint32_t slot = kNoSlot;
  TunnelSlot line{};  // incarnation is left 0
  std::vector<UnitRange> delegated;
};

struct CompiledPool {
  PoolRecord record{};
  std::string name;
  int config_index = 0;  // in the list it came from
};

inline constexpr uint32_t kDefaultLinkMtu = 1500;
inline constexpr uint32_t kDefaultIcmpErrorsPerSecond = 1000;
inline constexpr uint32_t kDefaultIcmpErrorsPerSecondPerTunnel = 20;
inline constexpr uint32_t kProto41Overhead = 20;  // outer IPv4 header
inline constexpr uint32_t kMinMtu = 1280;         // RFC 8200 section 5
inline constexpr uint32_t kMaxProto41Mtu = 1480;
inline constexpr uint32_t kDefaultTtl = 64;
inline constexpr int kMaxDelegatedPrefixes = 16;

// Faulty parts are left out of the result. Paths begin with "pop".
PopRecord compile_pop(const v1::Pop& pop, Violations& violations);

// Sorted by base, with `first` of DELEGATED pools assigned. Faulty pools are left out. Paths begin
// with "pools".
std::vector<CompiledPool> compile_pools(const PoolList& pools, const PopRecord& pop,
                                        Violations& violations);

}  // namespace simplon::control
