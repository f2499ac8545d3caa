// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/model/paging.h"

#include <absl/strings/escaping.h>
#include <fmt/format.h>

#include "control/error/error.h"
#include "control/text/absl_text.h"

namespace simplon::control {
namespace {

uint32_t hash(std::string_view text) {
  uint32_t value = 0x811c9dc5;
  for (const char c : text) value = (value ^ uint8_t(c)) * 0x01000193;
  return value;
}

}  // namespace

absl::StatusOr<std::size_t> page_size(int32_t requested, PageLimits limits) {
  if (requested < 0) return invalid_field("page_size", "OUT_OF_RANGE", "must not be negative");
  if (requested == 0) return std::size_t(limits.standard);
  return std::size_t(std::min(requested, limits.maximum));
}

std::string make_page_token(std::string_view key, std::string_view query) {
  return absl::WebSafeBase64Escape(ToAbsl(fmt::format("{:08x}{}", hash(query), key)));
}

absl::StatusOr<std::string> parse_page_token(std::string_view token, std::string_view query) {
  if (token.empty()) return std::string();
  std::string raw;
  if (!absl::WebSafeBase64Unescape(ToAbsl(token), &raw) || raw.size() < 8) {
    return invalid_field("page_token", "BAD_PAGE_TOKEN",
                         "not a token of this server; begin again without one");
  }
  if (raw.substr(0, 8) != fmt::format("{:08x}", hash(query))) {
    return invalid_field("page_token", "BAD_PAGE_TOKEN",
                         "the token is of a call with another filter or order");
  }
  return raw.substr(8);
}

absl::StatusOr<Order> parse_order(std::string_view text, std::string_view standard) {
  Order order;
  const auto trim = [](std::string_view s) {
    const std::size_t first = s.find_first_not_of(' ');
    if (first == std::string_view::npos) return std::string_view();
    return s.substr(first, s.find_last_not_of(' ') - first + 1);
  };
  text = trim(text);
  if (text.empty()) {
    order.field = standard;
    return order;
  }
  if (text.find(',') != std::string_view::npos) {
    return invalid_field("order_by", "BAD_ORDER", "only one field can be given");
  }
  const std::size_t blank = text.find(' ');
  order.field = text.substr(0, blank);
  const std::string_view direction =
      blank == std::string_view::npos ? std::string_view() : trim(text.substr(blank));
  if (direction == "desc") {
    order.descending = true;
  } else if (!direction.empty() && direction != "asc") {
    return invalid_field("order_by", "BAD_ORDER", "after the field only 'asc' or 'desc' may stand");
  }
  return order;
}

}  // namespace simplon::control
