// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/net/address.h"

#include <string>

#include "tests/support/catch.h"

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
