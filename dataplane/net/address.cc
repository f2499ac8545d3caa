// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/net/address.h"

#include <arpa/inet.h>

#include <charconv>

namespace simplon {
namespace {

// inet_pton wants a terminated string; no valid address is longer than this.
struct Terminated {
  char text[INET6_ADDRSTRLEN] = {};
  bool fits = false;
  explicit Terminated(std::string_view s) : fits(s.size() < sizeof(text)) {
    if (fits) s.copy(text, s.size());
    // An embedded NUL would end the text early and hide what follows.
    if (s.find('\0') != std::string_view::npos) fits = false;
  }
};

struct Split {
  std::string_view address;
  uint8_t length;
};

std::optional<Split> split_prefix(std::string_view text, unsigned longest) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  const std::string_view digits = text.substr(slash + 1);
  if (digits.empty() || digits.size() > 3 || (digits.size() > 1 && digits[0] == '0')) {
    return std::nullopt;
  }
  unsigned length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (error != std::errc{} || end != digits.data() + digits.size() || length > longest) {
    return std::nullopt;
  }
  return Split{text.substr(0, slash), static_cast<uint8_t>(length)};
}

}  // namespace

std::optional<Ipv4Address> Ipv4Address::parse(std::string_view text) {
  const Terminated t(text);
  Ipv4Address a;
  if (!t.fits || inet_pton(AF_INET, t.text, a.bytes.data()) != 1) return std::nullopt;
  return a;
}

std::string Ipv4Address::to_string() const {
  char text[INET_ADDRSTRLEN];
  return inet_ntop(AF_INET, bytes.data(), text, sizeof(text));
}

std::optional<Ipv6Address> Ipv6Address::parse(std::string_view text) {
  const Terminated t(text);
  Ipv6Address a;
  if (!t.fits || inet_pton(AF_INET6, t.text, a.bytes.data()) != 1) return std::nullopt;
  return a;
}

std::string Ipv6Address::to_string() const {
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(AF_INET6, bytes.data(), text, sizeof(text));
}

std::optional<Ipv4Prefix> Ipv4Prefix::parse(std::string_view text) {
  const auto split = split_prefix(text, 32);
  if (!split) return std::nullopt;
  const auto address = Ipv4Address::parse(split->address);
  if (!address) return std::nullopt;
  return Ipv4Prefix{*address, split->length};
}

std::string Ipv4Prefix::to_string() const {
  return address.to_string() + "/" + std::to_string(length);
}

std::optional<Ipv6Prefix> Ipv6Prefix::parse(std::string_view text) {
  const auto split = split_prefix(text, 128);
  if (!split) return std::nullopt;
  const auto address = Ipv6Address::parse(split->address);
  if (!address) return std::nullopt;
  return Ipv6Prefix{*address, split->length};
}

std::string Ipv6Prefix::to_string() const {
  return address.to_string() + "/" + std::to_string(length);
}

bool Ipv6Prefix::has_host_bits() const {
  const unsigned low = length > 64 ? length - 64u : 0u;
  return (address.hi() & ~prefix_mask64(length)) != 0 || (address.lo() & ~prefix_mask64(low)) != 0;
}

}  // namespace simplon
