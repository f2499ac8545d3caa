// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#pragma once

#include <optional>

#include "dataplane/net/address.h"

namespace simplon::client {

// The address this host would send from to `destination`; nothing if there is no way. Sends
// nothing. Any thread.
std::optional<Ipv4Address> source_address(Ipv4Address destination);

// Is it of RFC 1918.
bool is_private(Ipv4Address address);
// Is it of RFC 6598: the provider has a NAT of its own.
bool is_shared(Ipv4Address address);

}  // namespace simplon::client
