// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/host/source_address.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "control/table/unique_fd.h"

namespace simplon::client {

std::optional<Ipv4Address> source_address(Ipv4Address destination) {
  const control::UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) return {};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(3740);
  address.sin_addr.s_addr = destination.raw();
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    return {};
  }
  socklen_t size = sizeof address;
  if (getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return {};
  return Ipv4Address::from_value(ntohl(address.sin_addr.s_addr));
}

bool is_private(Ipv4Address address) {
  constexpr Ipv4Prefix kPrivate[] = {
      {{{10, 0, 0, 0}}, 8}, {{{172, 16, 0, 0}}, 12}, {{{192, 168, 0, 0}}, 16}};
  for (const Ipv4Prefix& prefix : kPrivate) {
    if (prefix.contains(address)) return true;
  }
  return false;
}

bool is_shared(Ipv4Address address) {
  constexpr Ipv4Prefix kShared{{{100, 64, 0, 0}}, 10};
  return kShared.contains(address);
}

}  // namespace simplon::client
