// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include <algorithm>
#include <array>
#include <cstring>
#include <string>

#include "control/config/check_pop.h"
#include "control/config/compile.h"
#include "control/config/names.h"
#include "control/config/outer_address.h"
#include "dataplane/net/address.h"
#include "dataplane/table/address_rules.h"

namespace simplon::control {
namespace {

constexpr int kMaxPortName = sizeof(InterfaceRecord::port) - 1;

// One interface of the PoP; paths are "interfaces[i].FIELD".
class InterfaceCompiler {
 public:
  InterfaceCompiler(const v1::Interface& in, int index, Violations& violations)
      : in_(in), index_(index), violations_(violations) {}

  InterfaceRecord compile() {
    port();
    if (in_.vlan() > 4094) {
      add("vlan", reason::kOutOfRange, "must be 1..4094, or 0 for untagged");
    }
    record_.vlan = static_cast<uint16_t>(in_.vlan());
    const uint32_t mtu = in_.mtu() == 0 ? kDefaultLinkMtu : in_.mtu();
    if (mtu < kMinTunnelMtu || mtu > 9000) {
      add("mtu", reason::kMtuOutOfRange, "must be 1280..9000, or 0 for 1500");
    } else {
      record_.mtu = static_cast<uint16_t>(mtu);
    }
    if (in_.ipv4_address().empty() && in_.ipv6_address().empty()) {
      add("ipv4_address", reason::kRequired, "an interface needs an IPv4 or an IPv6 address");
    }
    ipv4();
    ipv6();
    return record_;
  }

 private:
  void add(const char* field, std::string_view why, std::string description) {
    violations_.add("interfaces[" + std::to_string(index_) + "]." + field, why,
                    std::move(description));
  }

  void port() {
    const std::string& name = in_.port();
    if (name.empty()) {
      add("port", reason::kRequired, "name the dataplane port (simplon-dataplane --port NAME=...)");
    } else if (name.size() > kMaxPortName) {
      add("port", reason::kTooLong, "at most 15 characters");
    } else if (!std::all_of(name.begin(), name.end(), is_port_name_character)) {
      add("port", reason::kBadName, "only letters, digits, '_', '-' and '.'");
    } else {
      std::memcpy(record_.port, name.data(), name.size());
    }
  }

  void ipv4() {
    if (in_.ipv4_address().empty()) {
      if (!in_.ipv4_gateway().empty()) {
        add("ipv4_gateway", reason::kOffLink, "the interface has no IPv4 address");
      }
      return;
    }
    const auto on_link = Ipv4Prefix::parse(in_.ipv4_address());
    if (!on_link || on_link->length == 0) {
      add("ipv4_address", reason::kBadAddress,
          "'" + in_.ipv4_address() +
              "' is not an IPv4 address with its prefix length, as 192.0.2.1/24");
      return;
    }
    if (!is_usable_unicast(on_link->address) ||
        is_broadcast_or_network(on_link->address, on_link->length)) {
      add("ipv4_address", reason::kAddressNotUsable,
          on_link->to_string() + " is no address a host can have");
      return;
    }
    record_.flags |= kInterfaceHasIpv4;
    record_.ipv4_length = on_link->length;
    std::memcpy(record_.ipv4_address, on_link->address.bytes.data(), 4);
    if (in_.ipv4_gateway().empty()) return;

    const auto gateway = Ipv4Address::parse(in_.ipv4_gateway());
    if (!gateway) {
      add("ipv4_gateway", reason::kBadAddress,
          "'" + in_.ipv4_gateway() + "' is not an IPv4 address");
    } else if (!on_link->contains(*gateway)) {
      add("ipv4_gateway", reason::kOffLink,
          gateway->to_string() + " is not in the prefix of " + on_link->to_string());
    } else if (*gateway == on_link->address) {
      add("ipv4_gateway", reason::kAddressIsPop, "the gateway is the interface itself");
    } else if (!is_usable_unicast(*gateway) || is_broadcast_or_network(*gateway, on_link->length)) {
      add("ipv4_gateway", reason::kAddressNotUsable,
          gateway->to_string() + " is no address a host can have");
    } else {
      record_.flags |= kInterfaceHasIpv4Gateway;
      std::memcpy(record_.ipv4_gateway, gateway->bytes.data(), 4);
    }
  }

  void ipv6() {
    if (in_.ipv6_address().empty()) {
      if (!in_.ipv6_gateway().empty()) {
        add("ipv6_gateway", reason::kOffLink, "the interface has no IPv6 address");
      }
      return;
    }
    const auto on_link = Ipv6Prefix::parse(in_.ipv6_address());
    if (!on_link || on_link->length == 0) {
      add("ipv6_address", reason::kBadAddress,
          "'" + in_.ipv6_address() +
              "' is not an IPv6 address with its prefix length, as 2001:db8::1/64");
      return;
    }
    if (!is_usable_unicast(on_link->address)) {
      add("ipv6_address", reason::kAddressNotUsable,
          on_link->to_string() + " is not global or unique local unicast");
      return;
    }
    record_.flags |= kInterfaceHasIpv6;
    record_.ipv6_length = on_link->length;
    std::memcpy(record_.ipv6_address, on_link->address.bytes.data(), 16);
    if (in_.ipv6_gateway().empty()) return;

    const auto gateway = Ipv6Address::parse(in_.ipv6_gateway());
    if (!gateway) {
      add("ipv6_gateway", reason::kBadAddress,
          "'" + in_.ipv6_gateway() + "' is not an IPv6 address");
    } else if (!gateway->is_link_local() && !on_link->contains(*gateway)) {
      add("ipv6_gateway", reason::kOffLink,
          gateway->to_string() + " is not in the prefix of " + on_link->to_string() +
              " and not link-local");
    } else if (*gateway == on_link->address) {
      add("ipv6_gateway", reason::kAddressIsPop, "the gateway is the interface itself");
    } else if (!gateway->is_link_local() && !is_usable_unicast(*gateway)) {
      add("ipv6_gateway", reason::kAddressNotUsable,
          gateway->to_string() + " is no address a host can have");
    } else {
      record_.flags |= kInterfaceHasIpv6Gateway;
      std::memcpy(record_.ipv6_gateway, gateway->bytes.data(), 16);
    }
  }

  const v1::Interface& in_;
  int index_;
  Violations& violations_;
  InterfaceRecord record_{};
};

std::string interface_field(int index, const char* field) {
  return "interfaces[" + std::to_string(index) + "]." + field;
}

// What two interfaces must not have in common.
void compare_interfaces(const InterfaceRecord& a, int index_a, const InterfaceRecord& b,
                        int index_b, Violations& violations) {
  const std::string other = "interfaces[" + std::to_string(index_a) + "]";
  if (a.port[0] != '\0' && a.vlan == b.vlan && std::memcmp(a.port, b.port, sizeof(a.port)) == 0) {
    violations.add(interface_field(index_b, "port"), reason::kDuplicate,
                   "port and VLAN are those of " + other);
  }
  const auto both = [&](uint8_t flag) { return (a.flags & b.flags & flag) != 0; };
  if (both(kInterfaceHasIpv4)) {
    const Ipv4Prefix pa{Ipv4Address::from_bytes(a.ipv4_address), a.ipv4_length};
    const Ipv4Prefix pb{Ipv4Address::from_bytes(b.ipv4_address), b.ipv4_length};
    if (pa.contains(pb.address) || pb.contains(pa.address)) {
      violations.add(interface_field(index_b, "ipv4_address"), reason::kOverlap,
                     pb.to_string() + " overlaps " + pa.to_string() + " of " + other);
    }
  }
  if (both(kInterfaceHasIpv6)) {
    const Ipv6Prefix pa{Ipv6Address::from_bytes(a.ipv6_address), a.ipv6_length};
    const Ipv6Prefix pb{Ipv6Address::from_bytes(b.ipv6_address), b.ipv6_length};
    if (pa.contains(pb.address) || pb.contains(pa.address)) {
      violations.add(interface_field(index_b, "ipv6_address"), reason::kOverlap,
                     pb.to_string() + " overlaps " + pa.to_string() + " of " + other);
    }
  }
  if (both(kInterfaceHasIpv4Gateway)) {
    violations.add(interface_field(index_b, "ipv4_gateway"), reason::kSecondGateway,
                   other + " has the default gateway for IPv4");
  }
  if (both(kInterfaceHasIpv6Gateway)) {
    violations.add(interface_field(index_b, "ipv6_gateway"), reason::kSecondGateway,
                   other + " has the default gateway for IPv6");
  }
}

void compile_interfaces(const v1::Pop& pop, PopRecord& record, Violations& violations) {
  if (pop.interfaces().empty()) {
    violations.add("interfaces", reason::kRequired, "at least one interface");
  }
  if (static_cast<std::size_t>(pop.interfaces_size()) > kMaxInterfaces) {
    violations.add("interfaces", reason::kTooMany, "at most 8 interfaces");
  }
  const int count = std::min<int>(pop.interfaces_size(), kMaxInterfaces);
  record.interface_count = static_cast<uint32_t>(count);
  for (int i = 0; i < count; ++i) {
    record.interfaces[i] = InterfaceCompiler(pop.interfaces(i), i, violations).compile();
    for (int k = 0; k < i; ++k) {
      compare_interfaces(record.interfaces[k], k, record.interfaces[i], i, violations);
    }
  }
}

// The addresses tunnels may end on: those of IPv4 before those of IPv6, and in each family the
// interfaces' own first, so that "the first one" of Tunnel.local is the first interface's.
class LocalAddressCompiler {
 public:
  LocalAddressCompiler(PopRecord& record, Violations& violations)
      : record_(record), violations_(violations) {}

  void compile(const v1::Pop& pop) {
    for (uint32_t i = 0; i < record_.interface_count; ++i) {
      const InterfaceRecord& interface = record_.interfaces[i];
      if ((interface.flags & kInterfaceHasIpv4) == 0) continue;
      add(Ipv6Address::from_ipv4(Ipv4Address::from_bytes(interface.ipv4_address)),
          interface_field(static_cast<int>(i), "ipv4_address"), Source::kInterface);
    }
    for (int i = 0; i < pop.ipv4_addresses_size(); ++i) {
      const std::string field = "ipv4_addresses[" + std::to_string(i) + "]";
      const auto address = Ipv4Address::parse(pop.ipv4_addresses(i));
      if (!address) {
        violations_.add(field, reason::kBadAddress,
                        "'" + pop.ipv4_addresses(i) + "' is not an IPv4 address");
      } else if (!is_usable_unicast(*address)) {
        violations_.add(field, reason::kAddressNotUsable,
                        address->to_string() + " is no address a host can have");
      } else {
        add(Ipv6Address::from_ipv4(*address), field, Source::kList);
      }
    }
    for (uint32_t i = 0; i < record_.interface_count; ++i) {
      const InterfaceRecord& interface = record_.interfaces[i];
      if ((interface.flags & kInterfaceHasIpv6) == 0) continue;
      add(Ipv6Address::from_bytes(interface.ipv6_address),
          interface_field(static_cast<int>(i), "ipv6_address"), Source::kInterface);
    }
    for (int i = 0; i < pop.ipv6_addresses_size(); ++i) {
      const std::string field = "ipv6_addresses[" + std::to_string(i) + "]";
      const auto address = Ipv6Address::parse(pop.ipv6_addresses(i));
      if (!address) {
        violations_.add(field, reason::kBadAddress,
                        "'" + pop.ipv6_addresses(i) + "' is not an IPv6 address");
      } else if (!is_usable_unicast(*address)) {
        violations_.add(field, reason::kAddressNotUsable,
                        address->to_string() + " is not global or unique local unicast");
      } else {
        add(*address, field, Source::kList);
      }
    }
  }

 private:
  enum class Source { kInterface, kList };

  void add(const Ipv6Address& address, const std::string& field, Source source) {
    for (uint32_t i = 0; i < record_.local_address_count; ++i) {
      if (Ipv6Address::from_bytes(record_.local_addresses[i]) != address) continue;
      // Of two interfaces: compare_interfaces() has said so.
      if (source == Source::kList) {
        violations_.add(field, reason::kDuplicate,
                        to_outer_text(address) + " is given twice, or is an interface's own");
      }
      return;
    }
    if (record_.local_address_count == kMaxLocalAddresses) {
      if (!full_) {
        violations_.add(field, reason::kTooMany,
                        "tunnels can end on at most 16 addresses, the interfaces' own and both "
                        "families together");
      }
      full_ = true;
      return;
    }
    std::memcpy(record_.local_addresses[record_.local_address_count++], address.bytes.data(), 16);
  }

  PopRecord& record_;
  Violations& violations_;
  bool full_ = false;
};

void compile_ipv6_address(const v1::Pop& pop, PopRecord& record, Violations& violations) {
  if (pop.ipv6_address().empty()) {
    for (uint32_t i = 0; i < record.interface_count; ++i) {
      const InterfaceRecord& interface = record.interfaces[i];
      if ((interface.flags & kInterfaceHasIpv6) == 0) continue;
      std::memcpy(record.ipv6_address, interface.ipv6_address, 16);
      return;
    }
    return;
  }
  const auto address = Ipv6Address::parse(pop.ipv6_address());
  if (!address) {
    violations.add("ipv6_address", reason::kBadAddress,
                   "'" + pop.ipv6_address() + "' is not an IPv6 address");
  } else if (!is_usable_unicast(*address)) {
    violations.add("ipv6_address", reason::kAddressNotUsable,
                   address->to_string() + " is not global or unique local unicast");
  } else {
    std::memcpy(record.ipv6_address, address->bytes.data(), 16);
  }
}

}  // namespace

PopRecord compile_pop(const v1::Pop& pop, Violations& violations) {
  violations.set_scope("pop");
  PopRecord record{};
  check_pop_name("name", pop.name(), violations);
  compile_interfaces(pop, record, violations);
  LocalAddressCompiler(record, violations).compile(pop);
  // The first one, as they come first; without any, configuration has no use for it.
  record.local_ipv4_index = 0;
  compile_ipv6_address(pop, record, violations);
  const auto or_default = [](uint32_t value, uint32_t fallback) {
    return value == 0 ? fallback : value;
  };
  record.icmp_errors_per_second =
      or_default(pop.icmp_errors_per_second(), kDefaultIcmpErrorsPerSecond);
  record.icmp_errors_per_second_per_tunnel =
      or_default(pop.icmp_errors_per_second_per_tunnel(), kDefaultIcmpErrorsPerSecondPerTunnel);
  if (pop.icmpv4_protocol_unreachable()) record.flags |= kPopIcmpv4ProtocolUnreachable;
  if (pop.icmpv6_source_policy()) record.flags |= kPopIcmpv6SourcePolicy;
  if (pop.ignore_icmpv4_echo()) record.flags |= kPopIgnoreIcmpv4Echo;
  if (pop.allow_private_endpoints()) record.flags |= kPopAllowPrivateEndpoints;
  if (pop.ayiya_udp_checksum()) record.flags |= kPopAyiyaUdpChecksum;
  check_pop_policy(pop, violations);
  return record;
}

std::vector<Ipv6Address> compile_refused_endpoints(const v1::Pop& pop, const PopRecord& record,
                                                   Violations& violations) {
  violations.set_scope("pop");
  std::vector<Ipv6Address> addresses;
  if (static_cast<std::size_t>(pop.other_pop_addresses_size()) > kMaxRefusedEndpoints) {
    violations.add("other_pop_addresses", reason::kTooMany, "at most 256 addresses");
    return addresses;
  }
  for (int i = 0; i < pop.other_pop_addresses_size(); ++i) {
    const std::string& text = pop.other_pop_addresses(i);
    const auto refuse = [&](std::string_view why, const std::string& description) {
      violations.add("other_pop_addresses[" + std::to_string(i) + "]", why, description);
    };
    const auto address = parse_outer_address(text);
    if (!address) {
      refuse(reason::kBadAddress, "'" + text + "' is neither an IPv4 nor an IPv6 address");
    } else if (!is_usable_endpoint(*address)) {
      refuse(reason::kAddressNotUsable, text + " is no address a host can have");
    } else if (is_own_address(record, *address)) {
      refuse(reason::kAddressIsPop, text + " is this PoP's own address");
    } else if (std::find(addresses.begin(), addresses.end(), *address) != addresses.end()) {
      refuse(reason::kDuplicate, text + " is given twice");
    } else {
      addresses.push_back(*address);
    }
  }
  std::sort(addresses.begin(), addresses.end());
  return addresses;
}

}  // namespace simplon::control
