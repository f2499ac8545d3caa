// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Listening TCP sockets of the servers with Asio. Includes Asio: for few sources.

#pragma once

#include <absl/status/statusor.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <string>
#include <utility>  // Asio 1.74 lacks it

#include "dataplane/net/address.h"

namespace simplon::control {

// Listens on HOST:PORT, HOST being an IPv4 address or an IPv6 one in brackets; `[::]` is both
// families, port 0 any free one. The error names the address and says what to do.
absl::StatusOr<boost::asio::ip::tcp::acceptor> listen_on(boost::asio::io_context& io,
                                                         const std::string& where);

// IPv4 as ::ffff:a.b.c.d.
Ipv6Address address_of(const boost::asio::ip::address& address);

}  // namespace simplon::control
