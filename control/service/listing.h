// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Pages of tunnels by any sort key. Scans in slices, so that a filter over a million tunnels does
// not hold up changes.

#pragma once

#include <absl/status/statusor.h>

#include <functional>
#include <string>
#include <vector>

#include "control/engine/engine.h"
#include "control/model/filter.h"
#include "control/model/paging.h"

namespace simplon::control {

struct ListQuery {
  std::string filter;
  std::string order_by;
  std::string page_token;
  std::size_t page_size = 0;
};

// Sort key of a tunnel as bytes that compare in its order; empty: by id alone.
using SortKey = std::function<std::string(const v1::Tunnel&)>;
// The key for a field of the tunnel itself; INVALID_ARGUMENT if tunnels cannot be sorted by it.
absl::StatusOr<SortKey> tunnel_sort_key(std::string_view field);
std::string big_endian(uint64_t value);

struct TunnelPage {
  std::vector<uint32_t> ids;
  std::string next_page_token;
};

// `accept` (if set) is asked of each tunnel the filter lets through.
absl::StatusOr<TunnelPage> list_tunnels(const Engine& engine, const ListQuery& query,
                                        const Order& order, const SortKey& key,
                                        const std::function<bool(const v1::Tunnel&)>& accept = {});

}  // namespace simplon::control
