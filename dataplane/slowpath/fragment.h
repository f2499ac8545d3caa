// SPDX-License-Identifier: BSD-3-Clause
// Copyright (c) 2026 The Simplon authors

// Sends IPv4 packets larger than the link's or tunnel's MTU in pieces (RFC 791 2.3, RFC 4213 3.2.1,
// docs/protocols.md §2.4, §11.3). Slow-path thread.

#pragma once

#include "dataplane/slowpath/exits.h"

namespace simplon {

class Fragmenter {
 public:
  // Of one packet: a packet of the largest MTU over a link of 576 bytes takes fewer.
  static constexpr std::size_t kMaxPieces = 16;

  explicit Fragmenter(Exits& exits) : exits_(exits) {}

  // An IPv4 packet complete at `packet.network` and without a link header: an outer one of our
  // own, or (`inner_ipv4`, `network` equal to `inner`) one on its way into a tunnel or out of the
  // uplink, whose pieces are packets of their own.
  void handle(const ForwardingTable& table, Packet& packet);

 private:
  // 0: no way there.
  std::size_t mtu_of(const ForwardingTable& table, const Packet& packet) const;

  Exits& exits_;
};

}  // namespace simplon
