// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The original's address plan in pools, and back (docs/protocols.md §1.1, §12.5). A tunnel prefix
// P::/48 is a LINK pool P::/49 and a ROUTED pool P:8000::/49, both from slot 0; a subnet prefix is
// a DELEGATED pool of 256 units. Pure; thread: any.

#pragma once

#include <absl/status/statusor.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/config/compile.h"
#include "dataplane/net/address.h"
#include "simplon/v1/config.pb.h"

namespace simplon::control::sixxsd {

// Arguments of `tunnelprefix add` and `subnetprefix add`.
absl::StatusOr<Ipv6Prefix> parse_tunnel_prefix(std::string_view text);
absl::StatusOr<Ipv6Prefix> parse_subnet_prefix(std::string_view text);

// P:ffff::1
Ipv6Address pop_address(const Ipv6Prefix& tunnel_prefix);

// Without names.
std::vector<v1::Pool> tunnel_pools(const Ipv6Prefix& tunnel_prefix);
// `hole`: the tunnel prefix, which may have been taken from this one; then it takes several pools.
std::vector<v1::Pool> subnet_pools(const Ipv6Prefix& subnet_prefix,
                                   const std::optional<Ipv6Prefix>& hole);

// The pool of that kind and prefix; null: there is none.
const v1::Pool* find_pool(const PoolList& pools, const v1::Pool& like);
// Names it after its kind, as nobody in `pools` is named, and adds it.
void add_pool(v1::Pool pool, PoolList& pools);

// What of the pools is of the original's plan: the tunnel prefix, and the subnet prefixes in order.
// Pools of another shape are left out of the first; of the second a pool is listed as it is.
std::optional<Ipv6Prefix> tunnel_prefix_of(const PoolList& pools);
std::vector<Ipv6Prefix> subnet_prefixes_of(const PoolList& pools);

// The unit of a DELEGATED pool that holds the address: what `subnet set config` is about, whatever
// length it gives.
std::optional<Ipv6Prefix> subnet_of(const PoolList& pools, const Ipv6Address& address);

}  // namespace simplon::control::sixxsd
