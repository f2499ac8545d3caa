// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include "dataplane/net/address.h"

namespace simplon::control {

// What limits per source count by: an IPv4 address (as ::ffff:a.b.c.d), or the /64 of an IPv6 one.
// Thread: any.
inline Ipv6Address source_of(const Ipv6Address& address) {
  return address.is_ipv4_mapped() ? address : Ipv6Address::from_halves(address.hi(), 0);
}

}  // namespace simplon::control
