// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "dataplane/net/address.h"
#include "dataplane/net/headers.h"
#include "proto/link/snapshot_format.h"

namespace simplon {

inline constexpr uint8_t kNoInterfaceIndex = 0xff;
inline constexpr uint8_t kNoLocalIndex = 0xff;

// A port the front end has, by the name interfaces refer to. The index is its place in the span
// given to build().
struct PortInfo {
  std::string_view name;  // at most 15 characters
  MacAddress mac;
};

struct LinkInterface {
  uint8_t port;  // index of the port
  bool has_ipv4, has_ipv6, has_ipv4_gateway, has_ipv6_gateway;
  uint16_t vlan;   // 0: untagged
  uint16_t mtu;    // bytes of IP packet
  MacAddress mac;  // own
  Ipv4Address ipv4;
  Ipv4Address ipv4_gateway;
  uint8_t ipv4_length;
  uint8_t ipv6_length;
  Ipv6Address ipv6;
  Ipv6Address ipv6_gateway;
  Ipv6Address link_local;  // fe80::/64 with the modified EUI-64 of the MAC (RFC 4291 appendix A)

  std::size_t link_header() const {
    return sizeof(EthernetHeader) + (vlan != 0 ? sizeof(VlanTag) : 0);
  }
};

struct NextHop {
  uint8_t interface = kNoInterfaceIndex;  // no route
  bool gateway = false;
  Ipv6Address address;  // IPv4-mapped for IPv4
};

// The PoP's links and own addresses, from the snapshot's PopRecord and the front end's ports.
// Immutable.
class LinkTable {
 public:
  struct Error {
    uint32_t interface;  // index in PopRecord::interfaces
    std::string reason;
  };

  // On error nothing is built and `error` says why (no such port).
  static std::optional<LinkTable> build(const PopRecord& pop, std::span<const PortInfo> ports,
                                        Error& error);

  std::span<const LinkInterface> interfaces() const {
    return {interfaces_.data(), interface_count_};
  }

  // kNoInterfaceIndex: no interface for that port and VLAN.
  uint8_t interface_of(uint8_t port, uint16_t vlan) const;

  // Tunnel end points and interface addresses.
  bool is_local_ipv4(Ipv4Address a) const {
    bool found = false;
    for (std::size_t n = 0; n < local_ipv4_count_; ++n) found |= local_ipv4_[n] == a;
    return found;
  }
  // The same, link-local addresses and the PoP's own; not the ::1 of tunnels.
  bool is_local_ipv6(const Ipv6Address& a) const;

  // Index in PopRecord::local_addresses of a tunnel end point, IPv4-mapped for IPv4; kNoLocalIndex.
  uint8_t local_index(const Ipv6Address& a) const;

  NextHop route_ipv4(Ipv4Address destination) const;
  // Link-local destinations have no route: their interface is known otherwise.
  NextHop route_ipv6(const Ipv6Address& destination) const;
  // Where everything goes that is on no link.
  NextHop default_ipv4() const;
  NextHop default_ipv6() const;

 private:
  std::array<LinkInterface, kMaxInterfaces> interfaces_{};
  std::size_t interface_count_ = 0;
  std::array<Ipv4Address, kMaxLocalAddresses + kMaxInterfaces> local_ipv4_{};
  std::size_t local_ipv4_count_ = 0;
  std::array<Ipv6Address, kMaxLocalAddresses> tunnel_ends_{};
  std::size_t tunnel_end_count_ = 0;
  // Of those the IPv6 ones that are no interface's.
  std::array<Ipv6Address, kMaxLocalAddresses> other_ipv6_{};
  std::size_t other_ipv6_count_ = 0;
  Ipv6Address pop_ipv6_;
  uint8_t default_ipv4_ = kNoInterfaceIndex;
  uint8_t default_ipv6_ = kNoInterfaceIndex;
};

}  // namespace simplon
