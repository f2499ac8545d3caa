// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Pages by key (AIP-158): a token says behind which key the next page begins, so that changes
// between two pages neither repeat nor hide what did not change. Thread: any.

#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace simplon::control {

struct PageLimits {
  int32_t standard;
  int32_t maximum;
};

// 0 means the standard; more than the maximum means the maximum (AIP-158). INVALID_ARGUMENT if
// negative.
absl::StatusOr<std::size_t> page_size(int32_t requested, PageLimits limits);

// `query`: what must be the same for all pages (filter and order).
std::string make_page_token(std::string_view key, std::string_view query);
// The key; empty for an empty token. INVALID_ARGUMENT if the token is not ours or is of another
// query.
absl::StatusOr<std::string> parse_page_token(std::string_view token, std::string_view query);

// `FIELD`, `FIELD asc` or `FIELD desc`.
struct Order {
  std::string field;
  bool descending = false;
};
absl::StatusOr<Order> parse_order(std::string_view text, std::string_view standard);

}  // namespace simplon::control
