// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "dataplane/pipeline/link_table.h"

#include <algorithm>
#include <cstring>

namespace simplon {
namespace {

// RFC 4291 appendix A: the MAC with ff:fe in its middle and the universal bit inverted.
Ipv6Address link_local_of(const MacAddress& mac) {
  return {{0xfe, 0x80, 0, 0, 0, 0, 0, 0, static_cast<uint8_t>(mac[0] ^ 2), mac[1], mac[2], 0xff,
           0xfe, mac[3], mac[4], mac[5]}};
}

LinkInterface make_interface(const InterfaceRecord& record, uint8_t port, const MacAddress& mac) {
  LinkInterface i{};
  i.port = port;
  i.has_ipv4 = (record.flags & kInterfaceHasIpv4) != 0;
  i.has_ipv6 = (record.flags & kInterfaceHasIpv6) != 0;
  i.has_ipv4_gateway = (record.flags & kInterfaceHasIpv4Gateway) != 0;
  i.has_ipv6_gateway = (record.flags & kInterfaceHasIpv6Gateway) != 0;
  i.vlan = record.vlan;
  i.mtu = record.mtu;
  i.mac = mac;
  i.ipv4 = Ipv4Address::from_bytes(record.ipv4_address);
  i.ipv4_gateway = Ipv4Address::from_bytes(record.ipv4_gateway);
  i.ipv4_length = record.ipv4_length;
  i.ipv6_length = record.ipv6_length;
  i.ipv6 = Ipv6Address::from_bytes(record.ipv6_address);
  i.ipv6_gateway = Ipv6Address::from_bytes(record.ipv6_gateway);
  i.link_local = link_local_of(mac);
  return i;
}

}  // namespace

std::optional<LinkTable> LinkTable::build(const PopRecord& pop, std::span<const PortInfo> ports,
                                          Error& error) {
  LinkTable table;
  table.pop_ipv6_ = Ipv6Address::from_bytes(pop.ipv6_address);
  for (uint32_t n = 0; n < pop.local_address_count; ++n) {
    const auto end = Ipv6Address::from_bytes(pop.local_addresses[n]);
    table.tunnel_ends_[table.tunnel_end_count_++] = end;
    if (end.is_ipv4_mapped()) table.local_ipv4_[table.local_ipv4_count_++] = end.ipv4();
  }
  for (uint32_t n = 0; n < pop.interface_count; ++n) {
    const InterfaceRecord& record = pop.interfaces[n];
    const std::string_view name(record.port, strnlen(record.port, sizeof(record.port)));
    const auto port = std::find_if(ports.begin(), ports.end(),
                                   [name](const PortInfo& p) { return p.name == name; });
    if (port == ports.end()) {
      std::string known;
      for (const PortInfo& p : ports) known.append(known.empty() ? "" : ", ").append(p.name);
      error = {n, "the dataplane has no port named '" + std::string(name) +
                      "' (it has: " + (known.empty() ? "none" : known) + ")"};
      return std::nullopt;
    }
    const LinkInterface i =
        make_interface(record, static_cast<uint8_t>(port - ports.begin()), port->mac);
    table.interfaces_[table.interface_count_++] = i;
    if (i.has_ipv4 && !table.is_local_ipv4(i.ipv4)) {
      table.local_ipv4_[table.local_ipv4_count_++] = i.ipv4;
    }
    if (i.has_ipv4_gateway) table.default_ipv4_ = static_cast<uint8_t>(n);
    if (i.has_ipv6_gateway) table.default_ipv6_ = static_cast<uint8_t>(n);
  }
  for (std::size_t n = 0; n < table.tunnel_end_count_; ++n) {
    const Ipv6Address& end = table.tunnel_ends_[n];
    if (!end.is_ipv4_mapped() && !table.is_local_ipv6(end)) {
      table.other_ipv6_[table.other_ipv6_count_++] = end;
    }
  }
  return table;
}

uint8_t LinkTable::interface_of(uint8_t port, uint16_t vlan) const {
  for (std::size_t n = 0; n < interface_count_; ++n) {
    if (interfaces_[n].port == port && interfaces_[n].vlan == vlan) return static_cast<uint8_t>(n);
  }
  return kNoInterfaceIndex;
}

bool LinkTable::is_local_ipv6(const Ipv6Address& a) const {
  if (a == pop_ipv6_) return true;
  for (const LinkInterface& i : interfaces()) {
    if ((i.has_ipv6 && a == i.ipv6) || a == i.link_local) return true;
  }
  for (std::size_t n = 0; n < other_ipv6_count_; ++n) {
    if (other_ipv6_[n] == a) return true;
  }
  return false;
}

uint8_t LinkTable::local_index(const Ipv6Address& a) const {
  for (std::size_t n = 0; n < tunnel_end_count_; ++n) {
    if (tunnel_ends_[n] == a) return static_cast<uint8_t>(n);
  }
  return kNoLocalIndex;
}

NextHop LinkTable::route_ipv4(Ipv4Address destination) const {
  for (std::size_t n = 0; n < interface_count_; ++n) {
    const LinkInterface& i = interfaces_[n];
    if (i.has_ipv4 && Ipv4Prefix{i.ipv4, i.ipv4_length}.contains(destination)) {
      return {static_cast<uint8_t>(n), false, Ipv6Address::from_ipv4(destination)};
    }
  }
  return default_ipv4();
}

NextHop LinkTable::route_ipv6(const Ipv6Address& destination) const {
  for (std::size_t n = 0; n < interface_count_; ++n) {
    const LinkInterface& i = interfaces_[n];
    if (i.has_ipv6 && Ipv6Prefix{i.ipv6, i.ipv6_length}.contains(destination)) {
      return {static_cast<uint8_t>(n), false, destination};
    }
  }
  return default_ipv6();
}

NextHop LinkTable::default_ipv4() const {
  if (default_ipv4_ == kNoInterfaceIndex) return {};
  return {default_ipv4_, true, Ipv6Address::from_ipv4(interfaces_[default_ipv4_].ipv4_gateway)};
}

NextHop LinkTable::default_ipv6() const {
  if (default_ipv6_ == kNoInterfaceIndex) return {};
  return {default_ipv6_, true, interfaces_[default_ipv6_].ipv6_gateway};
}

}  // namespace simplon
