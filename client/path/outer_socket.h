// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// The IPv4 socket between this host and the PoP, connected, so that the kernel hands up nothing
// from others. One thread per object.

#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "dataplane/net/address.h"
#include "dataplane/state/file_descriptor.h"

namespace simplon::client {

// The address this host sends to `pop` from: `local` where there is one, else what the kernel
// would take. Errors: nothing leads there.
absl::StatusOr<Ipv4Address> source_address_for(Ipv4Address pop, std::optional<Ipv4Address> local);

// From `local`, where there is one, to the PoP's `port`. False: errno says why.
bool connect_socket(int fd, Ipv4Address pop, uint16_t port, std::optional<Ipv4Address> local);

// "192.0.2.1: why (what to do)" of a failed bind, connect or send.
std::string explain_outer_error(int error, Ipv4Address pop, std::optional<Ipv4Address> local);

class OuterSocket {
 public:
  enum class Kind : uint8_t {
    kProtocol41,  // raw; needs CAP_NET_RAW. What is received begins with the IPv4 header
    kAyiya,       // UDP to port 5072
  };
  static constexpr std::size_t kBatch = 32;
  static constexpr std::size_t kMaxDatagram = 2048;

  struct Outgoing {
    std::span<const uint8_t> bytes;
    uint8_t tos = 0;
  };
  struct Incoming {
    std::span<uint8_t> bytes;  // valid until the next receive()
    uint8_t tos = 0;           // of kAyiya
  };

  OuterSocket(Kind kind, Ipv4Address pop, std::optional<Ipv4Address> local)
      : kind_(kind), pop_(pop), local_(local) {}

  // Makes the socket and connects it. Once more, when our address or the way has changed: with a
  // new descriptor, because a raw socket that was connected and is not receives nothing any more.
  // On failure the one before stays.
  absl::Status open();

  int descriptor() const { return socket_.get(); }
  // What the kernel took at the last connect.
  Ipv4Address source() const { return source_; }
  // MTU of the way to the PoP, as far as the kernel knows; 0: it does not.
  uint32_t path_mtu() const;

  // At most kBatch. How many the kernel took; the rest is lost, as on any link, and `error` says
  // why the first of them was not taken.
  std::size_t send(std::span<const Outgoing> batch, int& error);
  // Those that are there, at most kBatch. `error`: 0, EAGAIN, or what an ICMP error said.
  std::span<const Incoming> receive(int& error);

 private:
  Kind kind_;
  Ipv4Address pop_;
  std::optional<Ipv4Address> local_;
  Ipv4Address source_;
  FileDescriptor socket_;
  std::array<std::array<uint8_t, kMaxDatagram>, kBatch> buffers_;
  std::array<Incoming, kBatch> incoming_;
};

}  // namespace simplon::client
