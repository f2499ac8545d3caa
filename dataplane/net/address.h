// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Addresses and prefixes. Stored in network byte order; `value()`, `hi()` and `lo()` are host
// integers. Any thread.

#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/net/byte_order.h"

namespace simplon {

struct Ipv4Address {
  std::array<uint8_t, 4> bytes{};

  static constexpr Ipv4Address from_value(uint32_t host) {
    return {std::bit_cast<std::array<uint8_t, 4>>(byte_swap(host))};
  }
  static Ipv4Address from_bytes(const uint8_t* p) {
    Ipv4Address a;
    std::memcpy(a.bytes.data(), p, 4);
    return a;
  }
  // Dotted quad only.
  static std::optional<Ipv4Address> parse(std::string_view text);

  constexpr uint32_t raw() const { return std::bit_cast<uint32_t>(bytes); }
  constexpr uint32_t value() const { return byte_swap(raw()); }
  std::string to_string() const;

  constexpr bool is_unspecified() const { return raw() == 0; }
  constexpr bool is_this_network() const { return bytes[0] == 0; }
  constexpr bool is_loopback() const { return bytes[0] == 127; }
  constexpr bool is_multicast() const { return (bytes[0] & 0xf0) == 0xe0; }
  constexpr bool is_reserved() const { return (bytes[0] & 0xf0) == 0xf0; }  // 240/4 with broadcast

  // Spelled out, here and below: the library's comparison of byte arrays is a call of memcmp.
  friend constexpr bool operator==(const Ipv4Address& a, const Ipv4Address& b) {
    return a.raw() == b.raw();
  }
  friend constexpr std::strong_ordering operator<=>(const Ipv4Address& a, const Ipv4Address& b) {
    return a.value() <=> b.value();
  }
};
static_assert(sizeof(Ipv4Address) == 4 && alignof(Ipv4Address) == 1);

struct Ipv6Address {
  std::array<uint8_t, 16> bytes{};

  static constexpr Ipv6Address from_halves(uint64_t hi, uint64_t lo) {
    return {std::bit_cast<std::array<uint8_t, 16>>(Halves{byte_swap(hi), byte_swap(lo)})};
  }
  static Ipv6Address from_bytes(const uint8_t* p) {
    Ipv6Address a;
    std::memcpy(a.bytes.data(), p, 16);
    return a;
  }
  static constexpr Ipv6Address from_ipv4(Ipv4Address v4) {
    return from_halves(0, uint64_t{0xffff} << 32 | v4.value());
  }
  static std::optional<Ipv6Address> parse(std::string_view text);

  constexpr uint64_t hi() const { return byte_swap(std::bit_cast<Halves>(bytes).hi); }
  constexpr uint64_t lo() const { return byte_swap(std::bit_cast<Halves>(bytes).lo); }
  std::string to_string() const;  // RFC 5952

  // The IPv4 address of an IPv4-mapped one; meaningless for others.
  Ipv4Address ipv4() const { return Ipv4Address::from_bytes(&bytes[12]); }

  bool is_unspecified() const { return hi() == 0 && lo() == 0; }
  bool is_loopback() const { return hi() == 0 && lo() == 1; }
  bool is_multicast() const { return bytes[0] == 0xff; }
  bool is_link_local() const { return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80; }
  bool is_ipv4_mapped() const { return hi() == 0 && lo() >> 32 == 0xffff; }
  // ::/96, which holds :: and ::1 too.
  bool is_ipv4_compatible() const { return hi() == 0 && lo() >> 32 == 0; }

  friend constexpr bool operator==(const Ipv6Address& a, const Ipv6Address& b) {
    const auto x = std::bit_cast<Halves>(a.bytes);
    const auto y = std::bit_cast<Halves>(b.bytes);
    return ((x.hi ^ y.hi) | (x.lo ^ y.lo)) == 0;
  }
  friend constexpr auto operator<=>(const Ipv6Address& a, const Ipv6Address& b) {
    return a.bytes <=> b.bytes;
  }

 private:
  struct Halves {  // network byte order
    uint64_t hi, lo;
  };
};
static_assert(sizeof(Ipv6Address) == 16 && alignof(Ipv6Address) == 1);

constexpr uint32_t prefix_mask32(unsigned length) {
  return length == 0 ? 0 : ~uint32_t{0} << (32 - length);
}
constexpr uint64_t prefix_mask64(unsigned length) {
  return length == 0 ? 0 : length >= 64 ? ~uint64_t{0} : ~uint64_t{0} << (64 - length);
}

struct Ipv4Prefix {
  Ipv4Address address;
  uint8_t length = 0;

  // ADDRESS/LENGTH. Bits behind the length are kept: `192.0.2.1/24` is an interface address.
  static std::optional<Ipv4Prefix> parse(std::string_view text);
  std::string to_string() const;
  constexpr bool has_host_bits() const { return (address.value() & ~prefix_mask32(length)) != 0; }
  constexpr bool contains(Ipv4Address a) const {
    return ((a.value() ^ address.value()) & prefix_mask32(length)) == 0;
  }
  friend constexpr bool operator==(const Ipv4Prefix&, const Ipv4Prefix&) = default;
};

struct Ipv6Prefix {
  Ipv6Address address;
  uint8_t length = 0;

  static std::optional<Ipv6Prefix> parse(std::string_view text);
  std::string to_string() const;
  bool has_host_bits() const;
  bool contains(const Ipv6Address& a) const {
    const unsigned low = length > 64 ? length - 64u : 0u;
    return ((a.hi() ^ address.hi()) & prefix_mask64(length)) == 0 &&
           ((a.lo() ^ address.lo()) & prefix_mask64(low)) == 0;
  }
  friend constexpr bool operator==(const Ipv6Prefix&, const Ipv6Prefix&) = default;
};

}  // namespace simplon
