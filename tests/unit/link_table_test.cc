// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pipeline/link_table.h"

#include <array>
#include <cstring>

#include "tests/support/catch.h"

namespace simplon {
namespace {

constexpr MacAddress kMac{0x02, 0x11, 0x22, 0x33, 0x44, 0x55};

void copy(const Ipv4Address& from, uint8_t* to) {
  std::memcpy(to, from.bytes.data(), 4);
}
void copy(const Ipv6Address& from, uint8_t* to) {
  std::memcpy(to, from.bytes.data(), 16);
}

// wan0: IPv4 and IPv6 with gateways; wan1 VLAN 7: IPv6 on-link only.
PopRecord two_links() {
  PopRecord pop{};
  copy(*Ipv6Address::parse("2001:db8:ff:ffff::1"), pop.ipv6_address);
  copy(Ipv6Address::from_ipv4(*Ipv4Address::parse("192.0.2.77")), pop.local_addresses[0]);
  pop.local_address_count = 1;
  pop.interface_count = 2;
  InterfaceRecord& a = pop.interfaces[0];
  std::strcpy(a.port, "wan0");
  a.mtu = 1500;
  a.flags =
      kInterfaceHasIpv4 | kInterfaceHasIpv6 | kInterfaceHasIpv4Gateway | kInterfaceHasIpv6Gateway;
  a.ipv4_length = 24;
  a.ipv6_length = 64;
  copy(*Ipv4Address::parse("192.0.2.1"), a.ipv4_address);
  copy(*Ipv4Address::parse("192.0.2.254"), a.ipv4_gateway);
  copy(*Ipv6Address::parse("2001:db8:a::1"), a.ipv6_address);
  copy(*Ipv6Address::parse("fe80::99"), a.ipv6_gateway);
  InterfaceRecord& b = pop.interfaces[1];
  std::strcpy(b.port, "wan1");
  b.mtu = 9000;
  b.vlan = 7;
  b.flags = kInterfaceHasIpv6;
  b.ipv6_length = 64;
  copy(*Ipv6Address::parse("2001:db8:b::1"), b.ipv6_address);
  return pop;
}

LinkTable build() {
  const std::array ports{PortInfo{"wan1", kMac}, PortInfo{"wan0", kMac}};
  LinkTable::Error error;
  const auto table = LinkTable::build(two_links(), ports, error);
  REQUIRE(table);
  return *table;
}

TEST_CASE("an interface on a port the dataplane does not have is refused by name") {
  const std::array ports{PortInfo{"wan0", kMac}};
  LinkTable::Error error;
  CHECK_FALSE(LinkTable::build(two_links(), ports, error));
  CHECK(error.interface == 1);
  CHECK_THAT(error.reason, testing::ContainsSubstring("wan1"));
  CHECK_THAT(error.reason, testing::ContainsSubstring("it has: wan0"));
}

TEST_CASE("interfaces are told by port and VLAN") {
  const LinkTable table = build();
  CHECK(table.interface_of(1, 0) == 0);
  CHECK(table.interface_of(0, 7) == 1);
  CHECK(table.interface_of(0, 0) == kNoInterfaceIndex);
  CHECK(table.interface_of(1, 7) == kNoInterfaceIndex);
}

TEST_CASE("the PoP's own addresses are those of interfaces, tunnels and the PoP") {
  const LinkTable table = build();
  CHECK(table.is_local_ipv4(*Ipv4Address::parse("192.0.2.1")));
  CHECK(table.is_local_ipv4(*Ipv4Address::parse("192.0.2.77")));
  CHECK_FALSE(table.is_local_ipv4(*Ipv4Address::parse("192.0.2.254")));
  CHECK_FALSE(table.is_local_ipv4(*Ipv4Address::parse("0.0.0.0")));
  CHECK(table.is_local_ipv6(*Ipv6Address::parse("2001:db8:ff:ffff::1")));
  CHECK(table.is_local_ipv6(*Ipv6Address::parse("2001:db8:b::1")));
  CHECK(table.is_local_ipv6(*Ipv6Address::parse("fe80::11:22ff:fe33:4455")));
  CHECK_FALSE(table.is_local_ipv6(*Ipv6Address::parse("fe80::99")));
}

TEST_CASE("on-link destinations are their own next hop, the rest goes to the gateway") {
  const LinkTable table = build();
  const NextHop on_link = table.route_ipv4(*Ipv4Address::parse("192.0.2.9"));
  CHECK(on_link.interface == 0);
  CHECK_FALSE(on_link.gateway);
  CHECK(on_link.address == Ipv6Address::from_ipv4(*Ipv4Address::parse("192.0.2.9")));
  const NextHop far = table.route_ipv4(*Ipv4Address::parse("198.51.100.1"));
  CHECK(far.gateway);
  CHECK(far.address == Ipv6Address::from_ipv4(*Ipv4Address::parse("192.0.2.254")));
  const NextHop other = table.route_ipv6(*Ipv6Address::parse("2001:db8:b::5"));
  CHECK(other.interface == 1);
  CHECK_FALSE(other.gateway);
  const NextHop internet = table.route_ipv6(*Ipv6Address::parse("2001:db8:c::5"));
  CHECK(internet.interface == 0);
  CHECK(internet.address == *Ipv6Address::parse("fe80::99"));
}

TEST_CASE("without a gateway there is no route off the link") {
  PopRecord pop = two_links();
  pop.interfaces[0].flags = kInterfaceHasIpv4;
  const std::array ports{PortInfo{"wan0", kMac}, PortInfo{"wan1", kMac}};
  LinkTable::Error error;
  const auto table = LinkTable::build(pop, ports, error);
  REQUIRE(table);
  CHECK(table->route_ipv4(*Ipv4Address::parse("198.51.100.1")).interface == kNoInterfaceIndex);
  CHECK(table->route_ipv6(*Ipv6Address::parse("2001:db8:c::5")).interface == kNoInterfaceIndex);
}

}  // namespace
}  // namespace simplon
