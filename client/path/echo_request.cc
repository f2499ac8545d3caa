// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

#include "client/path/echo_request.h"

#include "dataplane/net/checksum.h"

namespace simplon::client {

EchoPacket make_echo_request(const Ipv6Address& source, const Ipv6Address& destination,
                             Be32 identifier_and_sequence, const std::array<uint8_t, 16>& data) {
  EchoPacket echo{};
  echo.ip.version_class_flow = 6u << 28;
  echo.ip.payload_length = static_cast<uint16_t>(sizeof echo - sizeof echo.ip);
  echo.ip.next_header = kProtocolIcmpv6;
  echo.ip.hop_limit = 64;
  echo.ip.source = source;
  echo.ip.destination = destination;
  echo.icmp.type = kIcmpv6EchoRequest;
  echo.icmp.rest = identifier_and_sequence;
  echo.data = data;
  echo.icmp.checksum = icmpv6_checksum(echo.ip, bytes_of(echo).subspan(sizeof echo.ip));
  return echo;
}

}  // namespace simplon::client
