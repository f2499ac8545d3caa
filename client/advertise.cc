// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/advertise.h"

#include "dataplane/net/address.h"

namespace simplon::client {

namespace {

// The first /64 of a prefix, and the address a router takes there.
struct FirstNetwork {
  std::string prefix;
  std::string router;
};

std::vector<FirstNetwork> first_networks(const std::vector<std::string>& subnets) {
  std::vector<FirstNetwork> networks;
  for (const std::string& text : subnets) {
    const auto subnet = Ipv6Prefix::parse(text);
    if (!subnet) continue;
    networks.push_back({subnet->address.to_string() + "/64",
                        Ipv6Address::from_halves(subnet->address.hi(), 1).to_string() + "/64"});
  }
  return networks;
}

// What is not advertised must not go back out of the default route.
std::string blackholes(const std::vector<std::string>& subnets) {
  std::string text;
  for (const std::string& subnet : subnets) {
    const auto prefix = Ipv6Prefix::parse(subnet);
    if (!prefix || prefix->length == 64) continue;
    text += "#   ip -6 route add unreachable " + subnet + "\n";
  }
  return text.empty() ? text : "# The rest of the prefix must not go round in circles:\n" + text;
}

}  // namespace

std::string radvd_snippet(const std::vector<std::string>& subnets, const std::string& interface,
                          std::optional<uint32_t> mtu) {
  std::string text = "# /etc/radvd.conf; before:\n#   sysctl -w net.ipv6.conf.all.forwarding=1\n";
  for (const FirstNetwork& network : first_networks(subnets)) {
    text += "#   ip -6 address add " + network.router + " dev " + interface + "\n";
  }
  text += blackholes(subnets);
  text += "interface " + interface + " {\n  AdvSendAdvert on;\n  AdvLinkMTU " +
          std::to_string(mtu.value_or(1280)) +
          ";  # the tunnel's, so that nobody learns it the hard way\n";
  for (const FirstNetwork& network : first_networks(subnets)) {
    text += "  prefix " + network.prefix + " {\n    AdvOnLink on;\n    AdvAutonomous on;\n  };\n";
  }
  return text + "};\n";
}

std::string networkd_snippet(const std::vector<std::string>& subnets,
                             const std::string& interface) {
  std::string text = "# /etc/systemd/network/" + interface + ".network\n" + blackholes(subnets) +
                     "[Match]\nName=" + interface +
                     "\n\n[Network]\nIPv6SendRA=yes\n"
                     "IPv6AcceptRA=no\nIPForward=ipv6\n";
  for (const FirstNetwork& network : first_networks(subnets)) {
    text += "Address=" + network.router + "\n";
  }
  for (const FirstNetwork& network : first_networks(subnets)) {
    text += "\n[IPv6Prefix]\nPrefix=" + network.prefix + "\n";
  }
  return text;
}

}  // namespace simplon::client
