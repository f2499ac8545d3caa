// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/net/resolve_host.h"

#include <netinet/in.h>

#include <cstring>

#include "client/net/resolve.h"

namespace simplon::client {

namespace {

constexpr auto kPatience = std::chrono::milliseconds(15000);

absl::Status nobody(const std::string& host, const std::string& address) {
  return absl::InvalidArgumentError(host + " leads to " + address + ", which is no host's address");
}

}  // namespace

absl::StatusOr<Ipv4Address> resolve_ipv4(const std::string& host, int cancel_fd) {
  auto address = Ipv4Address::parse(host);
  if (!address) {
    const auto found = resolve(host, 0, AF_INET, kPatience, cancel_fd);
    if (!found.ok()) return found.status();
    sockaddr_in v4{};
    std::memcpy(&v4, &found->front().storage, sizeof v4);
    address = Ipv4Address::from_value(ntohl(v4.sin_addr.s_addr));
  }
  if (address->is_this_network() || address->is_loopback() || address->is_multicast() ||
      address->is_reserved()) {
    return nobody(host, address->to_string());
  }
  return *address;
}

absl::StatusOr<Ipv6Address> resolve_ipv6(const std::string& host, int cancel_fd) {
  auto address = Ipv6Address::parse(host);
  if (!address) {
    const auto found = resolve(host, 0, AF_INET6, kPatience, cancel_fd);
    if (!found.ok()) return found.status();
    sockaddr_in6 v6{};
    std::memcpy(&v6, &found->front().storage, sizeof v6);
    address = Ipv6Address::from_bytes(v6.sin6_addr.s6_addr);
  }
  if (address->is_unspecified() || address->is_multicast()) {
    return nobody(host, address->to_string());
  }
  return *address;
}

}  // namespace simplon::client
