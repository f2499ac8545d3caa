// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/net/address.h"

#include <array>
#include <charconv>
#include <cstring>

namespace simplon {
namespace {

// The texts are those of inet_pton() and inet_ntop(), which take several times as long: a
// configuration of a million tunnels has some millions of addresses.

// -1: no hexadecimal digit.
constexpr int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Four decimal numbers without leading zeros.
bool parse_ipv4(std::string_view text, uint8_t* out) {
  std::size_t at = 0;
  for (int i = 0; i < 4; ++i) {
    if (i > 0 && (at == text.size() || text[at++] != '.')) return false;
    const std::size_t first = at;
    unsigned value = 0;
    while (at < text.size() && at - first < 4 && text[at] >= '0' && text[at] <= '9') {
      value = value * 10 + static_cast<unsigned>(text[at++] - '0');
    }
    if (at == first || value > 255 || (text[first] == '0' && at - first > 1)) return false;
    out[i] = static_cast<uint8_t>(value);
  }
  return at == text.size();
}

// RFC 4291 2.2, all three forms.
bool parse_ipv6(std::string_view text, uint8_t* out) {
  constexpr std::size_t kSize = 16;
  std::array<uint8_t, kSize> bytes{};
  std::size_t filled = 0;
  std::size_t gap = kSize + 1;  // where "::" stands for zeros; beyond the end: nowhere
  std::size_t at = 0;
  if (text.starts_with("::")) {
    gap = 0;
    at = 2;
  }
  while (at < text.size()) {
    const std::size_t first = at;
    unsigned value = 0;
    for (int digit = 0; at < text.size() && (digit = hex_value(text[at])) >= 0; ++at) {
      if (at - first == 4) return false;
      value = value << 4 | static_cast<unsigned>(digit);
    }
    if (at < text.size() && text[at] == '.') {
      if (filled > kSize - 4 || !parse_ipv4(text.substr(first), &bytes[filled])) return false;
      filled += 4;
      at = text.size();
      break;
    }
    if (at == first || filled > kSize - 2) return false;
    bytes[filled++] = static_cast<uint8_t>(value >> 8);
    bytes[filled++] = static_cast<uint8_t>(value);
    if (at == text.size()) break;
    if (text[at++] != ':' || at == text.size()) return false;
    if (text[at] != ':') continue;
    if (gap <= kSize) return false;
    gap = filled;
    ++at;
  }
  if (gap <= kSize) {
    // It stands for one group at least.
    if (filled == kSize) return false;
    const std::size_t behind = filled - gap;
    std::memmove(bytes.data() + kSize - behind, bytes.data() + gap, behind);
    std::memset(bytes.data() + gap, 0, kSize - filled);
  } else if (filled != kSize) {
    return false;
  }
  std::memcpy(out, bytes.data(), kSize);
  return true;
}

char* write_decimal(char* to, unsigned value) {
  if (value >= 100) *to++ = static_cast<char>('0' + value / 100);
  if (value >= 10) *to++ = static_cast<char>('0' + value / 10 % 10);
  *to++ = static_cast<char>('0' + value % 10);
  return to;
}

char* write_ipv4(char* to, const uint8_t* bytes) {
  for (int i = 0; i < 4; ++i) {
    if (i > 0) *to++ = '.';
    to = write_decimal(to, bytes[i]);
  }
  return to;
}

char* write_group(char* to, unsigned group) {
  constexpr const char* kDigits = "0123456789abcdef";
  if (group >= 0x1000) *to++ = kDigits[group >> 12];
  if (group >= 0x100) *to++ = kDigits[group >> 8 & 15];
  if (group >= 0x10) *to++ = kDigits[group >> 4 & 15];
  *to++ = kDigits[group & 15];
  return to;
}

// RFC 5952: the longest run of zero groups, the first of equal ones, is shortened; what ends in an
// IPv4 address (::ffff:0:0/96, ::/96) shows it as such.
char* write_ipv6(char* to, const uint8_t* bytes) {
  std::array<unsigned, 8> groups{};
  for (std::size_t i = 0; i < 8; ++i) groups[i] = bytes[2 * i] << 8 | bytes[2 * i + 1];
  std::size_t run = 0;
  std::size_t run_length = 1;  // a single zero is not shortened
  for (std::size_t i = 0; i < 8;) {
    std::size_t end = i;
    while (end < 8 && groups[end] == 0) ++end;
    if (end - i > run_length) {
      run = i;
      run_length = end - i;
    }
    i = end + 1;
  }
  if (run_length == 1) run = 8;
  const bool ends_in_ipv4 =
      run == 0 && (run_length == 6 || (run_length == 5 && groups[5] == 0xffff));
  for (std::size_t i = 0; i < 8;) {
    if (i == run) {
      *to++ = ':';
      *to++ = ':';
      i += run_length;
      continue;
    }
    if (i > 0 && i != run + run_length) *to++ = ':';
    if (ends_in_ipv4 && i == 6) return write_ipv4(to, bytes + 12);
    to = write_group(to, groups[i++]);
  }
  return to;
}

// Of any address or prefix.
constexpr std::size_t kLongestText = 64;

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
  Ipv4Address a;
  if (!parse_ipv4(text, a.bytes.data())) return std::nullopt;
  return a;
}

std::string Ipv4Address::to_string() const {
  char text[kLongestText];
  return {text, write_ipv4(text, bytes.data())};
}

std::optional<Ipv6Address> Ipv6Address::parse(std::string_view text) {
  Ipv6Address a;
  if (!parse_ipv6(text, a.bytes.data())) return std::nullopt;
  return a;
}

std::string Ipv6Address::to_string() const {
  char text[kLongestText];
  return {text, write_ipv6(text, bytes.data())};
}

std::optional<Ipv4Prefix> Ipv4Prefix::parse(std::string_view text) {
  const auto split = split_prefix(text, 32);
  if (!split) return std::nullopt;
  const auto address = Ipv4Address::parse(split->address);
  if (!address) return std::nullopt;
  return Ipv4Prefix{*address, split->length};
}

std::string Ipv4Prefix::to_string() const {
  char text[kLongestText];
  char* end = write_ipv4(text, address.bytes.data());
  *end++ = '/';
  return {text, write_decimal(end, length)};
}

std::optional<Ipv6Prefix> Ipv6Prefix::parse(std::string_view text) {
  const auto split = split_prefix(text, 128);
  if (!split) return std::nullopt;
  const auto address = Ipv6Address::parse(split->address);
  if (!address) return std::nullopt;
  return Ipv6Prefix{*address, split->length};
}

std::string Ipv6Prefix::to_string() const {
  char text[kLongestText];
  char* end = write_ipv6(text, address.bytes.data());
  *end++ = '/';
  return {text, write_decimal(end, length)};
}

bool Ipv6Prefix::has_host_bits() const {
  const unsigned low = length > 64 ? length - 64u : 0u;
  return (address.hi() & ~prefix_mask64(length)) != 0 || (address.lo() & ~prefix_mask64(low)) != 0;
}

}  // namespace simplon
