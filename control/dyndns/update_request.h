// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// What an endpoint update over HTTP asks for (docs/protocols.md §13.1), read from the target and
// the Authorization header of a request. Everything here may be anything a stranger sends: the
// caller bounds the length of both texts, and nothing is kept that is longer. Thread: any.

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/net/address.h"

namespace simplon::control {

struct Credentials {
  std::string user;
  std::string key;
};

struct UpdateQuery {
  std::vector<std::string> hostnames;  // as given, without empty ones
  // Absent: none of the parameters for them was given.
  std::optional<Credentials> credentials;
  // Of `myip` and `myipv6`, in this order; IPv4 as ::ffff:a.b.c.d.
  std::vector<Ipv6Address> addresses;
  bool bad_address = false;  // one of them is no address
};

// The part before '?'; of an absolute URI (as proxies send them) what follows the host.
std::string_view path_of(std::string_view target);

UpdateQuery parse_update_query(std::string_view target);

// RFC 7617. nullopt: another scheme, or no valid Base64.
std::optional<Credentials> parse_basic(std::string_view authorization);

// `T123`, `123`, or a name whose first label is one of these; letters of either case. nullopt: not
// a tunnel's name.
std::optional<uint32_t> tunnel_of_hostname(std::string_view hostname);

}  // namespace simplon::control
