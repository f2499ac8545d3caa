// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/net/address.h"

#include <arpa/inet.h>

#include <random>
#include <string>

#include "tests/support/catch.h"
#include "tests/support/seed.h"

namespace simplon {
namespace {

TEST_CASE("IPv6 addresses are printed as RFC 5952 wants them") {
  for (const char* canonical : {"::", "::1", "2001:db8::1", "2001:db8:0:1:1:1:1:1", "2001:0:0:1::1",
                                "fe80::c000:201", "::ffff:192.0.2.1"}) {
    CAPTURE(canonical);
    CHECK(Ipv6Address::parse(canonical)->to_string() == canonical);
  }
  CHECK(Ipv6Address::parse("2001:DB8:0:0:0:0:0:1")->to_string() == "2001:db8::1");
}

TEST_CASE("text that is not exactly one address is refused") {
  for (const std::string text :
       {"", "2001:db8::1 ", "2001:db8:::1", "192.0.2.1", "2001:db8::1%eth0", "1:2:3:4:5:6:7:8:9"}) {
    CAPTURE(text);
    CHECK_FALSE(Ipv6Address::parse(text));
  }
  for (const std::string text : {"", "192.0.2", "192.0.2.256", "192.0.2.1 ", "0x7f.1", "::1"}) {
    CAPTURE(text);
    CHECK_FALSE(Ipv4Address::parse(text));
  }
  CHECK_FALSE(Ipv4Address::parse(std::string_view("192.0.2.1\0x", 11)));
  CHECK_FALSE(Ipv6Address::parse(std::string(200, '1')));
}

namespace {

// An address as people write it, with a fault in every second one.
std::string nearly_an_address(std::mt19937_64& random) {
  const auto pick = [&](std::size_t n) { return random() % n; };
  std::string text;
  if (pick(4) == 0) {
    for (int i = 0; i < 4; ++i) text += (i > 0 ? "." : "") + std::to_string(pick(300));
  } else {
    const std::size_t groups = pick(3) == 0 ? pick(10) : 8;
    const std::size_t gap = pick(12);
    for (std::size_t i = 0; i < groups; ++i) {
      if (i == gap) text += i == 0 ? "::" : ":";
      if (i == groups - 1 && pick(4) == 0) {
        text += "192.0.2." + std::to_string(pick(260));
        break;
      }
      char group[8];
      std::snprintf(group, sizeof group, pick(2) == 0 ? "%x" : "%04X",
                    static_cast<unsigned>(pick(4) == 0 ? 0 : pick(0x10000)));
      text += group;
      if (i + 1 < groups) text += ":";
    }
    if (gap == groups) text += "::";
  }
  constexpr std::string_view kCharacters = "0123456789abcdefABCDEFg:. /";
  for (std::size_t faults = pick(2) * (1 + pick(2)); faults > 0 && !text.empty(); --faults) {
    const std::size_t at = pick(text.size());
    const char c = kCharacters[pick(kCharacters.size())];
    switch (pick(3)) {
      case 0:
        text[at] = c;
        break;
      case 1:
        text.insert(at, 1, c);
        break;
      default:
        text.erase(at, 1);
    }
  }
  return text;
}

}  // namespace

TEST_CASE("addresses are read exactly as inet_pton reads them") {
  for (const uint64_t seed : testing::property_seeds(2)) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    int good = 0;
    for (int i = 0; i < 100000; ++i) {
      const std::string text = nearly_an_address(random);
      Ipv4Address v4;
      Ipv6Address v6;
      const bool is_v4 = inet_pton(AF_INET, text.c_str(), v4.bytes.data()) == 1;
      const bool is_v6 = inet_pton(AF_INET6, text.c_str(), v6.bytes.data()) == 1;
      const auto read_v4 = Ipv4Address::parse(text);
      const auto read_v6 = Ipv6Address::parse(text);
      if (read_v4.has_value() != is_v4 || (is_v4 && *read_v4 != v4) ||
          read_v6.has_value() != is_v6 || (is_v6 && *read_v6 != v6)) {
        FAIL("read in another way: '" << text << "'");
      }
      good += is_v4 || is_v6;
    }
    CHECK(good > 10000);
  }
}

TEST_CASE("addresses are written exactly as inet_ntop writes them") {
  for (const uint64_t seed : testing::property_seeds(2)) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    for (int i = 0; i < 100000; ++i) {
      Ipv6Address v6 = Ipv6Address::from_halves(random(), random());
      const auto zeros = static_cast<uint8_t>(random());
      for (std::size_t group = 0; group < 8; ++group) {
        if ((zeros >> group & 1) != 0) v6.bytes[2 * group] = v6.bytes[2 * group + 1] = 0;
      }
      if (i % 16 == 0) std::fill_n(v6.bytes.begin(), 10, uint8_t{0});
      if (i % 32 == 0) std::fill_n(v6.bytes.begin() + 10, 2, uint8_t{0xff});
      char text[INET6_ADDRSTRLEN];
      REQUIRE(v6.to_string() == inet_ntop(AF_INET6, v6.bytes.data(), text, sizeof text));
      const Ipv4Address v4 = Ipv4Address::from_value(static_cast<uint32_t>(random()));
      REQUIRE(v4.to_string() == inet_ntop(AF_INET, v4.bytes.data(), text, sizeof text));
      const Ipv6Prefix prefix{v6, static_cast<uint8_t>(random() % 129)};
      REQUIRE(prefix.to_string() == v6.to_string() + "/" + std::to_string(prefix.length));
    }
  }
}

TEST_CASE("halves and bytes of an address are the same address") {
  const auto a = Ipv6Address::from_halves(0x20010db800000001, 2);
  CHECK(a.to_string() == "2001:db8:0:1::2");
  CHECK(a.hi() == 0x20010db800000001);
  CHECK(a.lo() == 2);
  CHECK(Ipv6Address::from_bytes(a.bytes.data()) == a);
}

TEST_CASE("an IPv4 address survives being mapped") {
  const auto v4 = *Ipv4Address::parse("198.51.100.10");
  const auto mapped = Ipv6Address::from_ipv4(v4);
  CHECK(mapped.is_ipv4_mapped());
  CHECK_FALSE(mapped.is_ipv4_compatible());
  CHECK(mapped.ipv4() == v4);
}

TEST_CASE("address classes are told apart at their borders") {
  const auto v6 = [](const char* text) { return *Ipv6Address::parse(text); };
  CHECK(v6("fe80::").is_link_local());
  CHECK(v6("febf::").is_link_local());
  CHECK_FALSE(v6("fec0::").is_link_local());
  CHECK_FALSE(v6("fe7f::").is_link_local());
  CHECK(v6("ff00::").is_multicast());
  CHECK_FALSE(v6("feff::").is_multicast());
  CHECK(v6("::192.0.2.1").is_ipv4_compatible());
  const auto v4 = [](const char* text) { return *Ipv4Address::parse(text); };
  CHECK(v4("224.0.0.0").is_multicast());
  CHECK(v4("239.255.255.255").is_multicast());
  CHECK_FALSE(v4("223.255.255.255").is_multicast());
  CHECK(v4("240.0.0.0").is_reserved());
  CHECK(v4("255.255.255.255").is_reserved());
}

TEST_CASE("prefixes contain exactly what their length says") {
  const auto p = *Ipv6Prefix::parse("2001:db8:10::/44");
  CHECK_FALSE(p.has_host_bits());
  CHECK(p.contains(*Ipv6Address::parse("2001:db8:1f:ffff::1")));
  CHECK_FALSE(p.contains(*Ipv6Address::parse("2001:db8:20::")));
  CHECK(Ipv6Prefix::parse("2001:db8::1/64")->has_host_bits());
  CHECK_FALSE(Ipv6Prefix::parse("2001:db8::1/128")->has_host_bits());
  CHECK(Ipv6Prefix::parse("::/0")->contains(*Ipv6Address::parse("ffff::")));
  CHECK(Ipv4Prefix::parse("0.0.0.0/0")->contains(*Ipv4Address::parse("255.1.2.3")));
  CHECK_FALSE(Ipv4Prefix::parse("192.0.2.0/25")->contains(*Ipv4Address::parse("192.0.2.128")));
}

TEST_CASE("a prefix with a bad length is refused") {
  for (const std::string text : {"2001:db8::", "2001:db8::/", "2001:db8::/129", "2001:db8::/-1",
                                 "2001:db8::/064", "2001:db8::/6 4", "2001:db8::/1e1"}) {
    CAPTURE(text);
    CHECK_FALSE(Ipv6Prefix::parse(text));
  }
  CHECK_FALSE(Ipv4Prefix::parse("192.0.2.0/33"));
}

}  // namespace
}  // namespace simplon
