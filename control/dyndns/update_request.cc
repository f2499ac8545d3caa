// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/dyndns/update_request.h"

#include <absl/strings/escaping.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "control/config/outer_address.h"
#include "control/text/absl_text.h"

namespace simplon::control {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c;
}

bool equals_ignoring_case(std::string_view a, std::string_view b) {
  return std::ranges::equal(a, b, {}, lower, lower);
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = lower(c);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

// As forms are encoded: '+' is a space. A '%' without two digits stays what it is, because keys may
// hold one and not every router encodes them.
std::string decode(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
        hex_digit(text[i + 2]) >= 0) {
      out += char(hex_digit(text[i + 1]) << 4 | hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

template <typename Take>
void split(std::string_view text, char separator, Take&& take) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(separator), text.size());
    if (end > 0) take(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void add_addresses(std::string_view text, UpdateQuery& query) {
  split(text, ',', [&](std::string_view one) {
    if (const auto address = parse_outer_address(one)) {
      query.addresses.push_back(*address);
    } else {
      query.bad_address = true;
    }
  });
}

}  // namespace

std::string_view path_of(std::string_view target) {
  target = target.substr(0, std::min(target.find('?'), target.find('#')));
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!equals_ignoring_case(target.substr(0, scheme.size()), scheme)) continue;
    const std::size_t slash = target.find('/', scheme.size());
    return slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return target;
}

UpdateQuery parse_update_query(std::string_view target) {
  UpdateQuery query;
  const std::size_t mark = target.find('?');
  if (mark == std::string_view::npos) return query;
  target.remove_prefix(mark + 1);
  target = target.substr(0, target.find('#'));

  // Of a parameter given twice the first counts.
  std::optional<std::string> hostname, user, key, myip, myipv6;
  const std::array<std::pair<std::string_view, std::optional<std::string>*>, 7> known{{
      {"hostname", &hostname},
      {"username", &user},
      {"user", &user},
      {"password", &key},
      {"pass", &key},
      {"myip", &myip},
      {"myipv6", &myipv6},
  }};
  split(target, '&', [&](std::string_view parameter) {
    const std::size_t equals = std::min(parameter.find('='), parameter.size());
    const std::string_view name = parameter.substr(0, equals);
    for (const auto& [wanted, value] : known) {
      if (wanted != name || value->has_value()) continue;
      *value = decode(parameter.substr(std::min(equals + 1, parameter.size())));
    }
  });

  if (hostname) {
    split(*hostname, ',', [&](std::string_view one) { query.hostnames.emplace_back(one); });
  }
  if (key) query.credentials = Credentials{user.value_or(""), *key};
  if (myip) add_addresses(*myip, query);
  if (myipv6) add_addresses(*myipv6, query);
  return query;
}

std::optional<Credentials> parse_basic(std::string_view authorization) {
  constexpr std::string_view kScheme = "basic";
  const std::size_t end = authorization.find(' ');
  if (end == std::string_view::npos ||
      !equals_ignoring_case(authorization.substr(0, end), kScheme)) {
    return std::nullopt;
  }
  authorization.remove_prefix(end);  // white space is no matter in Base64
  std::string text;
  if (!absl::Base64Unescape(ToAbsl(authorization), &text)) return std::nullopt;
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  return Credentials{text.substr(0, colon), text.substr(colon + 1)};
}

std::optional<uint32_t> tunnel_of_hostname(std::string_view hostname) {
  hostname = hostname.substr(0, hostname.find('.'));
  if (hostname.starts_with('T') || hostname.starts_with('t')) hostname.remove_prefix(1);
  uint32_t id = 0;
  const auto [end, fault] = std::from_chars(hostname.data(), hostname.data() + hostname.size(), id);
  if (fault != std::errc() || end != hostname.data() + hostname.size() || id == 0) {
    return std::nullopt;
  }
  return id;
}

}  // namespace simplon::control
