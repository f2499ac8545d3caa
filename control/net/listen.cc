// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "control/net/listen.h"

#include <boost/asio/ip/v6_only.hpp>
#include <fmt/format.h>

#include <charconv>
#include <optional>
#include <string_view>

namespace simplon::control {
namespace {

using boost::asio::ip::tcp;

std::optional<tcp::endpoint> parse_endpoint(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  const std::string_view port_text = text.substr(colon + 1);
  const bool brackets = host.size() > 2 && host.front() == '[' && host.back() == ']';
  if (brackets) host = host.substr(1, host.size() - 2);
  uint16_t port = 0;
  const auto [end, fault] =
      std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  if (fault != std::errc() || end != port_text.data() + port_text.size()) return std::nullopt;
  boost::system::error_code bad;
  const auto address = boost::asio::ip::make_address(std::string(host), bad);
  if (bad || address.is_v6() != brackets) return std::nullopt;
  return tcp::endpoint(address, port);
}

std::string advice(const boost::system::error_code& error) {
  if (error == boost::asio::error::address_in_use) {
    return "; another program listens there: stop it or choose another address";
  }
  if (error == boost::asio::error::access_denied) {
    return "; ports below 1024 need CAP_NET_BIND_SERVICE";
  }
  if (error == boost::asio::error::address_family_not_supported) {
    return "; this machine has no such protocol: for IPv4 alone listen on 0.0.0.0";
  }
  return "; is it an address of this machine?";
}

}  // namespace

absl::StatusOr<tcp::acceptor> listen_on(boost::asio::io_context& io, const std::string& where) {
  const auto endpoint = parse_endpoint(where);
  if (!endpoint) {
    return absl::InvalidArgumentError(
        fmt::format("cannot listen on '{}': it must be an IPv4 address and a port, or an IPv6 "
                    "address in brackets and a port, as [::]:3874",
                    where));
  }
  tcp::acceptor acceptor(io);
  boost::system::error_code error;
  acceptor.open(endpoint->protocol(), error);
  if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error && endpoint->address().is_v6()) {
    acceptor.set_option(boost::asio::ip::v6_only(!endpoint->address().is_unspecified()), error);
  }
  if (!error) acceptor.bind(*endpoint, error);
  if (!error) acceptor.listen(boost::asio::socket_base::max_listen_connections, error);
  if (error) {
    return absl::FailedPreconditionError(
        fmt::format("cannot listen on {}: {}{}", where, error.message(), advice(error)));
  }
  return acceptor;
}

Ipv6Address address_of(const boost::asio::ip::address& address) {
  if (address.is_v4()) {
    return Ipv6Address::from_ipv4(Ipv4Address::from_value(address.to_v4().to_uint()));
  }
  return Ipv6Address::from_bytes(address.to_v6().to_bytes().data());
}

}  // namespace simplon::control
